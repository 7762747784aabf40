// Who asks, in each VLAN and family, and where the routers are.
import { make, span, table } from './words.js';

export const PROTOCOL = { ipv4: 'IGMP', ipv6: 'MLD' };

// MLD without anybody who asks is no news where nobody speaks IPv6.
export const worthy = (summary) => summary.queriers.filter((row) => row.family === 'ipv4' || row.address !== null);

export function who(row) {
  if (row.role === 'querier') return `this switch (${row.address})`;
  if (row.role === 'non-querier') return `${row.address} at ${row.port}`;
  return row.address ? `${row.address}, elects nobody` : 'nobody asks';
}

export function vlanName(row, summary) {
  return row.vlan ? `VLAN ${row.vlan}${summary.vlan_names[row.vlan] ? ` ${summary.vlan_names[row.vlan]}` : ''}` : 'untagged';
}

export function queriers(live, go) {
  const { summary } = live;
  if (!summary) return [make('p', { class: 'soft' }, 'Nothing is known yet.')];
  const tagged = summary.queriers.some((row) => row.vlan);
  const port = (name) => live.ports.find((one) => one.name === name);
  const where = (row) => (port(row.port) ? make('button', { type: 'button', 'data-key': `asks-${row.vlan}-${row.family}`, onclick: () => go(null, port(row.port)) }, row.address) : row.role === 'querier' ? `this switch, ${row.address}` : make('b', { class: 'wrong' }, row.address ?? 'nobody'));
  const lines = summary.queriers.map((row) => [
    ...(tagged ? [vlanName(row, summary)] : []), PROTOCOL[row.family], where(row), row.timer === null ? '–' : span(row.timer), row.pruning ? 'prunes' : make('b', { class: 'note' }, 'floods'),
  ]);
  const routers = summary.mrouters.map((row) => [
    port(row.port) ? make('button', { type: 'button', 'data-key': `router-${row.port}-${row.vlan}-${row.family}-${row.origin}`, onclick: () => go(null, port(row.port)) }, row.port) : row.port,
    row.address ?? '–', row.vlan === null ? 'every VLAN' : row.vlan ? `VLAN ${row.vlan}` : 'untagged', `${row.origin}${row.timer === null ? '' : `, ${span(row.timer)} left`}`,
  ]);
  return [
    make('h2', { class: 'hidden' }, 'Queriers and routers'),
    ...table('Who asks', [...(tagged ? ['VLAN'] : []), 'By', 'Querier', 'Left', 'State'], lines),
    make('p', { class: 'soft' }, 'Hosts that have joined say so when they are asked; where nobody asks, memberships end, or streams go everywhere.'),
    ...table('Router ports', ['Port', 'Router', 'VLAN', 'Known by'], routers),
    make('p', { class: 'soft' }, 'A router port gets every stream that is not only for this link.'),
  ];
}
