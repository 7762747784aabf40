// What `check` finds: each with what it is about, and a click from there.
import { make, typed } from './words.js';

const LINES_MAX = 200;
const LETTERS = /[\s,;()]+|->/;

// The rows and ports of a finding, as far as the page has them: its subject says more than its text.
// `row` and `port` where it is about one alone; of several all are to be shown.
export function about(finding, live) {
  return listed(finding, live) ?? read(finding, live);
}

// Of more than one group, port or VLAN: all of them, which `about` has where the subject stops.
function listed(finding, live) {
  const words = new Set(finding.about?.length ? finding.about : finding.subject.split(', '));
  if (words.size < 2) return null;
  const vlan = (row) => (row.vlan ? `VLAN ${row.vlan}` : 'untagged');
  const rows = [...live.rows.values()].filter((row) => words.has(row.group) || words.has(vlan(row)));
  const ports = live.ports.filter((port) => words.has(port.name));
  return rows.length + ports.length > 1 ? { row: null, port: null, rows, ports } : null;
}

// By its words; of rows that fit alike, all, unless it is about one port of theirs.
function read(finding, live) {
  const subject = finding.subject.split(LETTERS), words = [...subject, ...finding.finding.split(/[\s,;()]+/).map((word) => word.replace(/[:.]$/, ''))];
  const known = new Set(words), vlan = Number(/\bVLAN (\d+)/.exec(`${finding.subject} ${finding.finding}`)?.[1] ?? -1);
  const fits = (row) => 8 * subject.includes(row.group) + 4 * subject.includes(row.source) + 2 * known.has(row.source) + (row.vlan === vlan);
  const some = [...live.rows.values()].filter((row) => known.has(row.group)), best = Math.max(...some.map(fits));
  // What comes in in one VLAN and is waited for in another is seen by looking at both.
  const rows = some.filter((row) => fits(row) === best || finding.cause === 'wrong_vlan'), [row = null] = rows;
  const named = (names) => live.ports.filter((port) => names.includes(port.name));
  const ports = named(subject).length ? named(subject) : named(words).filter((port) => port.name !== row?.port);
  if (rows.length > 1 && (ports.length !== 1 || finding.cause === 'wrong_vlan')) return { row: null, port: null, rows, ports };
  return { row, port: ports.length === 1 ? ports[0] : null, rows: [], ports: [] };
}

// Those that say something of a row, a port, or both.
export function concerning(live, row, port) {
  return live.findings.filter((finding) => {
    const it = about(finding, live);
    const ofRow = it.row?.id === row?.id || it.rows.some((one) => one.id === row?.id);
    const ofPort = it.port?.name === port?.name || it.ports.some((one) => one.name === port?.name);
    if (row && port) return (it.row || it.rows.length) && ofRow && (!(it.port || it.ports.length) || ofPort);
    return row ? ofRow && (it.row || it.rows.length) : ofPort;
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
  const { row, port, rows, ports } = go ? about(one, live) : { rows: [], ports: [] }, called = one.name ? `${one.subject} (${one.name})` : one.subject;
  const many = rows.length + ports.length > 0;
  return make(
    'div', { class: `finding ${one.severity}` },
    make('p', {}, make('span', { class: 'sign' }, one.severity === 'problem' ? '▲ problem' : '○ note'), ' ',
      row || port || many ? make('button', { type: 'button', class: 'to', 'data-key': `finding-${number}`, title: many ? 'Show all of them' : 'Show it', onclick: () => (many ? go.several(called, rows, ports) : go(row, port)) }, called) : make('b', {}, called)),
    make('p', {}, ...typed(one.finding)),
    make('p', { class: 'do' }, '→ ', ...typed(one.do)),
  );
}
