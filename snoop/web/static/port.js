// A port: its link, its groups, its hosts; and all of them as a list.
import { concerning, finding } from './finding.js';
import { ask, CELLS, count, fill, make, natural, rate, shown, span, table } from './words.js';

const LINES_MAX = 200, AGAIN_MS = 10_000;
let known = { key: '', at: 0, lines: [] };

export async function onePort(panel, live, port, current, go) {
  const number = live.ports.indexOf(port);
  const groups = [...live.rows.values()].filter((row) => !row.local && 'msxwor'.includes(row.cells[number])).sort((one, other) => natural(one.group, other.group));
  const sends = [...live.rows.values()].filter((row) => row.port === port.name && !row.local);
  const found = concerning(live, null, port);
  const head = [
    make('h2', {}, port.description ?? port.name),
    make('p', { class: 'soft mono' }, [port.name, port.state, port.kind === 'host' ? 'of the host itself' : null, port.device !== port.name ? port.device : null, port.mac, port.vlans ? `VLAN ${port.vlans}` : null].filter(Boolean).join(' · ')),
    port.problem ? make('p', { class: 'said no' }, port.problem) : null,
    ...link(port),
    make('p', {}, `${count(port.lost)} lost, ${count(port.pruned)} pruned, ${count(port.refused)} refused`),
    port.routers.length ? make('p', {}, `◆ router port: ${port.routers.join(', ')}`) : null,
    ...found.map((one) => finding(one, live, null)),
  ];
  const goes = (row) => make('button', { type: 'button', 'data-key': `row-${row.id}`, onclick: () => go(row, port) }, row.group);
  const state = (row) => make('span', { title: CELLS[row.cells[number]][1] }, `${CELLS[row.cells[number]][0]} ${shown(row, live.rates)}`);
  const tail = [
    ...table('Groups asked for', ['Group', 'Name', 'Rate'], groups.slice(0, LINES_MAX).map((row) => [goes(row), row.name ?? row.announced ?? '–', state(row)])),
    ...(sends.length ? table('Streams that come in', ['Group', 'From', 'Rate'], sends.slice(0, LINES_MAX).map((row) => [goes(row), row.source, shown(row, live.rates)])) : []),
  ];
  const show = (...hosts) => fill(panel, ...head, ...hosts, ...tail);
  const key = `${live.name} ${port.name}`, hosts = () => table('Hosts', ['Host', 'MAC', 'Groups', 'Seen'], known.lines.slice(0, LINES_MAX).map((one) => [one.address, one.mac, String(one.groups), span(one.age)]));
  if (known.key === key) show(...hosts());
  else show(make('p', { class: 'soft' }, 'asking for its hosts …'));
  if (known.key === key && Date.now() - known.at < AGAIN_MS) return;
  try {
    const lines = await behind(live.name, port.name);
    known = { key, at: Date.now(), lines };
    if (current()) show(...hosts());
  } catch (error) {
    if (current()) show(make('p', { class: 'said no' }, error.message));
  }
}

// The hosts behind a port: who has sent anything, and who has joined.
async function behind(name, port) {
  const base = `api/${encodeURIComponent(name)}/show`;
  const [hosts, fdb] = await Promise.all([ask(`${base}/hosts`, { port }), ask(`${base}/fdb`, { port })]);
  const found = new Map(fdb.fdb.map((row) => [row.mac, { mac: row.mac, address: '–', groups: 0, age: row.age }]));
  for (const host of hosts.hosts) {
    const one = found.get(host.mac) ?? { mac: host.mac, address: '–', groups: 0, age: host.last_heard };
    found.set(host.mac, { ...one, address: host.family === 'ipv4' || one.address === '–' ? host.address : one.address, groups: one.groups + 1 });
  }
  return [...found.values()].sort((one, other) => natural(one.address, other.address));
}

// Rates beside what the link can carry; a link whose speed nobody knows, as of a veth, has only rates.
function link(port) {
  const speed = port.speed_mbit;
  return [['In', port.rx_bits_per_s], ['Out', port.tx_bits_per_s]].flatMap(([name, bits]) => [
    make('p', {}, `${name} ${rate(bits)}${speed ? ` of ${rate(speed * 1e6)}, ${Math.round(bits / speed / 1e4)} %` : ''}`),
    speed ? make('meter', { min: 0, max: speed * 1e6, high: speed * 8e5, value: Math.min(bits, speed * 1e6), 'aria-label': `${name}, share of the link` }) : null,
  ]);
}

export function allPorts(live, go) {
  const lines = live.ports.map((port) => [
    make('div', {}, make('button', { type: 'button', 'data-key': `port-${port.name}`, onclick: () => go(null, port) }, port.name), port.description ? make('div', { class: 'soft' }, port.description) : null),
    port.state === 'up' ? 'up' : make('b', {}, port.state),
    rate(port.rx_bits_per_s),
    rate(port.tx_bits_per_s),
    port.lost ? make('b', { class: 'wrong' }, count(port.lost)) : '0',
  ]);
  return [make('h2', { class: 'hidden' }, 'All ports'), ...table('Ports', ['Port', 'Link', 'In', 'Out', 'Lost'], lines, 2)];
}
