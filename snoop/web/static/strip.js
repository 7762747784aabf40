// The top: who asks, what is lost, what is wrong; which switches there are.
import { PROTOCOL, vlanName, who, worthy } from './queriers.js';
import { count, fill, make, rate } from './words.js';

const CHIPS_MAX = 4;

export function strip(element, live, open) {
  const { summary, findings } = live;
  if (!summary) return fill(element);
  const problems = findings.filter((finding) => finding.severity === 'problem').length;
  const notes = findings.length - problems;
  fill(
    element,
    ...asked(summary, open),
    button('Ports', `${summary.ports_up} of ${summary.ports} up`, summary.ports_up < summary.ports ? 'note' : '', 'ports', () => open('ports')),
    chip('Groups', count(summary.groups)),
    chip('Streams', `${count(summary.streams)}${summary.in_kernel ? `, ${count(summary.in_kernel)} in kernel` : ''}`),
    chip('Rate', rate(summary.bits_per_s)),
    chip('Lost', summary.lost_per_s > 0 ? `${count(summary.lost)}, ${count(Math.ceil(summary.lost_per_s))}/s now` : count(summary.lost), summary.lost ? 'wrong' : ''),
    chip('Pruned', count(summary.pruned)),
    summary.refused ? chip('Refused', count(summary.refused)) : null,
    button('Check', problems ? `▲ ${problems} problem${problems > 1 ? 's' : ''}` : notes ? `○ ${notes} note${notes > 1 ? 's' : ''}` : 'nothing found', problems ? 'wrong' : notes ? 'note' : '', 'found', () => open('findings')),
  );
}

function asked(summary, open) {
  const rows = worthy(summary);
  const shown = rows.slice(0, rows.length > CHIPS_MAX ? CHIPS_MAX - 1 : CHIPS_MAX);
  const chips = shown.map((row) => button(
    `${row.vlan ? `${vlanName(row, summary)} ` : ''}${PROTOCOL[row.family]} querier`, `${who(row)}, ${row.pruning ? 'pruning' : 'flooding'}`,
    row.role === 'none' ? 'wrong' : row.pruning ? '' : 'note', `querier-${row.vlan}-${row.family}`, () => open('queriers'),
  ));
  if (rows.length > shown.length) {
    const rest = rows.slice(shown.length), mute = rest.filter((row) => row.role === 'none').length;
    chips.push(button('More VLANs', `${rest.length}${mute ? `, nobody asks in ${mute}` : ''}`, mute ? 'wrong' : '', 'querier-more', () => open('queriers')));
  }
  return chips;
}

function chip(label, text, kind = '') {
  return make('div', { class: `chip ${kind}` }, make('span', { class: 'label' }, label), make('b', {}, text));
}

function button(label, text, kind, key, clicked) {
  return make('button', { class: `chip ${kind}`, type: 'button', 'data-key': key, onclick: clicked }, make('span', { class: 'label' }, label), make('b', {}, text));
}

export function switches(element, live, choose) {
  fill(
    element,
    ...(live.switches ?? []).map((one) =>
      make(
        'button',
        {
          type: 'button', 'data-key': one.name, title: `${one.socket}: ${one.state}`, 'data-state': one.state,
          'aria-label': `${one.name}, ${one.state}`, 'aria-current': one.name === live.name ? 'page' : null,
          onclick: () => choose(one.name),
        },
        one.name,
      ),
    ),
  );
}
