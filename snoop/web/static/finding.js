// What `check` finds: each with what it is about, and a click from there.
import { make } from './words.js';

const LINES_MAX = 200;
const LETTERS = /[\s,;()]+|->/;

// The row and the port of a finding, as far as the page has them: its subject says more than its text.
export function about(finding, live) {
  const subject = finding.subject.split(LETTERS), words = [...subject, ...finding.finding.split(/[\s,;()]+/).map((word) => word.replace(/[:.]$/, ''))];
  const known = new Set(words), vlan = Number(/\bVLAN (\d+)/.exec(`${finding.subject} ${finding.finding}`)?.[1] ?? -1);
  const rows = [...live.rows.values()].filter((row) => known.has(row.group));
  const fits = (row) => 8 * subject.includes(row.group) + 4 * subject.includes(row.source) + 2 * known.has(row.source) + (row.vlan === vlan);
  const row = rows.reduce((best, one) => (best === null || fits(one) > fits(best) ? one : best), null);
  const named = (some) => live.ports.filter((port) => some.includes(port.name));
  const ports = named(subject).length ? named(subject) : named(words).filter((port) => port.name !== row?.port);
  return { row, port: ports.length === 1 ? ports[0] : null };
}

// Those that say something of a row, a port, or both.
export function concerning(live, row, port) {
  return live.findings.filter((finding) => {
    const it = about(finding, live);
    if (row && port) return it.row?.id === row.id && (!it.port || it.port.name === port.name);
    return row ? it.row?.id === row.id : it.port?.name === port.name;
  });
}

export function findings(live, go) {
  const found = live.findings, { summary } = live;
  if (!summary) return [make('p', { class: 'soft' }, 'Nothing is known yet.')];
  return [
    ...found.slice(0, LINES_MAX).map((one, number) => finding(one, live, go, number)),
    found.length ? null : make('p', {}, '● `snoop check` finds nothing wrong.'),
    found.length > LINES_MAX ? make('p', { class: 'soft' }, `and ${found.length - LINES_MAX} more: snoop check`) : null,
  ];
}

export function finding(one, live, go, number = 0) {
  const { row, port } = go ? about(one, live) : {}, called = one.name ? `${one.subject} (${one.name})` : one.subject;
  return make(
    'div', { class: `finding ${one.severity}` },
    make('p', {}, make('span', { class: 'sign' }, one.severity === 'problem' ? '▲ problem' : '○ note'), ' ',
      row || port ? make('button', { type: 'button', class: 'to', 'data-key': `finding-${number}`, title: 'Show it', onclick: () => go(row, port) }, called) : make('b', {}, called)),
    make('p', {}, one.finding),
    make('p', { class: 'do' }, '→ ', one.do),
  );
}
