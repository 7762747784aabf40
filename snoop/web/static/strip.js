// The top: who asks, what is lost, what is wrong; which switches there are.
import { count, fill, make, rate, span } from './words.js';

const CHIPS_MAX = 6;
const PROTOCOL = { ipv4: 'IGMP', ipv6: 'MLD' };

export function strip(element, live, open) {
  const { summary, findings } = live;
  if (!summary) return fill(element);
  const problems = findings.filter((finding) => finding.severity === 'problem').length;
  const notes = findings.length - problems;
  fill(
    element,
    ...queriers(summary),
    chip('Ports', `${summary.ports_up} of ${summary.ports} up`, summary.ports_up < summary.ports ? 'note' : ''),
    chip('Groups', count(summary.groups)),
    chip('Streams', `${count(summary.streams)}${summary.in_kernel ? `, ${count(summary.in_kernel)} in kernel` : ''}`),
    chip('Rate', rate(summary.bits_per_s)),
    chip('Lost', summary.lost_per_s > 0 ? `${count(summary.lost)}, ${count(Math.ceil(summary.lost_per_s))}/s now` : count(summary.lost), summary.lost ? 'wrong' : ''),
    chip('Pruned', count(summary.pruned)),
    summary.refused ? chip('Refused', count(summary.refused)) : null,
    make(
      'button',
      { class: `chip ${problems ? 'wrong' : notes ? 'note' : ''}`, type: 'button', id: 'found', onclick: () => open('findings') },
      make('span', { class: 'label' }, 'Check'),
      make('b', {}, problems ? `▲ ${problems} problem${problems > 1 ? 's' : ''}` : notes ? `${notes} note${notes > 1 ? 's' : ''}` : 'nothing found'),
    ),
  );
}

function queriers(summary) {
  const rows = summary.queriers.filter((row) => row.family === 'ipv4' || row.address !== null);
  const chips = rows.slice(0, CHIPS_MAX).map((row) => {
    const vlan = row.vlan ? `VLAN ${row.vlan}${summary.vlan_names[row.vlan] ? ` ${summary.vlan_names[row.vlan]}` : ''} ` : '';
    const who = row.role === 'querier' ? `this switch (${row.address})` : row.role === 'non-querier' ? `${row.address} at ${row.port}${row.timer === null ? '' : `, ${span(row.timer)} left`}` : row.address ? `${row.address}, elects nobody` : 'nobody asks';
    return chip(`${vlan}${PROTOCOL[row.family]} querier`, `${who}, ${row.pruning ? 'pruning' : 'flooding'}`, row.role === 'none' ? 'wrong' : row.pruning ? '' : 'note');
  });
  if (rows.length > CHIPS_MAX) chips.push(chip('More VLANs', String(rows.length - CHIPS_MAX)));
  return chips;
}

function chip(label, text, kind = '') {
  return make('div', { class: `chip ${kind}` }, make('span', { class: 'label' }, label), make('b', {}, text));
}

export function switches(element, live, choose) {
  fill(
    element,
    ...(live.switches ?? []).map((one) =>
      make(
        'button',
        {
          type: 'button', title: `${one.socket}: ${one.state}`, 'data-state': one.state,
          'aria-label': `${one.name}, ${one.state}`, 'aria-current': one.name === live.name ? 'page' : null,
          onclick: () => choose(one.name),
        },
        one.name,
      ),
    ),
  );
}
