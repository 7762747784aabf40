// The side: findings, what is selected, ports, and the picture of the neighbours.
import { CELLS, ask, count, fill, make, natural, rate, span, title } from './words.js';
import { picture } from './picture.js';

const LINES_MAX = 200;

export class Side {
  constructor(panel, live, pick) {
    this.panel = panel;
    this.live = live;
    this.pick = pick;
    this.tab = 'findings';
    this.asked = 0;
    this.row = null;
    this.port = null;
    this.tabs = [...document.querySelectorAll('[role="tab"]')];
    for (const tab of this.tabs) {
      tab.addEventListener('click', () => this.open(tab.id.slice(4)));
      tab.addEventListener('keydown', (event) => this.key(event));
    }
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = this.tabs[(this.tabs.indexOf(event.target) + step + this.tabs.length) % this.tabs.length];
    this.open(next.id.slice(4));
    next.focus();
  }

  open(tab) {
    this.tab = tab;
    for (const one of this.tabs) {
      const here = one.id === `tab-${tab}`;
      one.setAttribute('aria-selected', here);
      one.tabIndex = here ? 0 : -1;
    }
    this.panel.setAttribute('aria-labelledby', `tab-${tab}`);
    this.draw();
  }

  select(row, port) {
    this.row = row;
    this.port = port;
    this.open(row || port ? 'selected' : 'findings');
  }

  // What changes by itself; what was asked for stays until it is asked again.
  refresh(some) {
    if (this.tab === 'findings' && some?.findings) this.draw();
    if (this.tab === 'ports' && some?.ports) this.draw();
    if (this.tab === 'selected' && this.row && some?.rows?.some((row) => row.id === this.row.id)) {
      this.row = this.live.rows.get(this.row.id);
      this.draw();
    }
    const gone = this.row && some?.gone?.includes(this.row.id);
    if (this.tab === 'selected' && gone) fill(this.panel, make('p', {}, 'This row is gone: no stream, and nobody has joined.'));
  }

  draw() {
    const asked = ++this.asked;
    const current = () => asked === this.asked;
    if (this.tab === 'findings') return this.findings();
    if (this.tab === 'ports') return this.ports();
    if (this.tab === 'picture') return picture(this.panel, this.live, current, this.pick);
    if (this.row && this.port) return this.cell(current);
    if (this.row) return this.stream();
    if (this.port) return this.one(current);
    return fill(this.panel, make('p', { class: 'soft' }, 'Click a cell for why a port gets a stream or not, a name for all of its ports, a port for its hosts.'));
  }

  findings() {
    const found = this.live.findings;
    if (!this.live.summary) return fill(this.panel, make('p', { class: 'soft' }, 'Nothing is known yet.'));
    fill(
      this.panel,
      ...found.slice(0, LINES_MAX).map((one) =>
        make(
          'div',
          { class: `finding ${one.severity}` },
          make('p', {}, make('span', { class: 'sign' }, one.severity === 'problem' ? '▲ problem' : '○ note'), make('b', {}, one.name ? `${one.subject} (${one.name})` : one.subject)),
          make('p', {}, one.finding),
          make('p', { class: 'do' }, '→ ', one.do),
        ),
      ),
      found.length ? null : make('p', {}, '● `snoop check` finds nothing wrong.'),
      found.length > LINES_MAX ? make('p', { class: 'soft' }, `and ${found.length - LINES_MAX} more: snoop check`) : null,
    );
  }

  heading(row, port) {
    const sign = port ? row.cells[this.live.ports.indexOf(this.live.ports.find((one) => one.name === port.name))] : null;
    return [
      make('h2', {}, `${title(row)}${port ? ` → ${port.description ?? port.name}` : ''}`),
      make('p', { class: 'soft mono' }, [row.group, row.vlan ? `VLAN ${row.vlan}` : null, row.source ? `from ${row.source} at ${row.port}` : 'no stream', port?.name].filter(Boolean).join(' · ')),
      sign ? make('p', {}, `${CELLS[sign]?.[0] ?? '?'} ${CELLS[sign]?.[1] ?? ''}`) : null,
    ];
  }

  // The sentence of `explain` for this port, its hosts and their time left.
  async cell(current) {
    const { row, port } = this;
    fill(this.panel, ...this.heading(row, port), make('p', { class: 'soft' }, 'asking …'));
    const others = this.live.ports.filter((one) => one.name !== port.name && one.state === 'up');
    const ingress = row.port ?? others[0]?.name ?? port.name;
    const base = `/api/${encodeURIComponent(this.live.name)}`;
    try {
      const [told, hosts] = await Promise.all([
        ask(`${base}/explain`, { port: ingress, group: row.group, source: row.source, vlan: row.vlan || null }),
        row.family === 'l2' ? { hosts: [] } : ask(`${base}/show/hosts`, { group: row.group, port: port.name, vlan: row.vlan }),
      ]);
      if (!current()) return;
      const why = told.why.find((one) => one.port === port.name);
      fill(
        this.panel,
        ...this.heading(row, port),
        why ? make('p', { class: `said ${why.forwarded || why.cause === 'ingress' ? 'yes' : 'no'}`, id: 'because' }, why.because) : make('p', {}, 'The switch has no such port any more.'),
        why?.do ? make('p', { class: 'do', id: 'do' }, '→ ', why.do) : null,
        why?.host || why?.mac ? make('p', {}, make('span', { class: 'soft' }, 'Host '), make('span', { class: 'mono' }, [why.host, why.mac].filter(Boolean).join(' ')), why.last_heard === null ? '' : `, heard ${span(why.last_heard)} ago`) : null,
        ...table('Hosts here', ['Host', 'MAC', 'Left'], hosts.hosts.map((host) => [host.address, host.mac, span(host.timer)])),
        told.notes.length ? make('h3', {}, 'Notes') : null,
        ...told.notes.map((note) => make('p', {}, note)),
        make('p', { class: 'soft' }, `${told.action} (${told.reason})`, told.path_because ? `, ${told.path_because}` : '', row.port ? '' : `; asked of a frame that comes in at ${ingress}`),
      );
    } catch (error) {
      if (current()) fill(this.panel, ...this.heading(row, port), make('p', { class: 'said no' }, error.message));
    }
  }

  stream() {
    const { row, live } = this;
    const at = (signs) => live.ports.filter((_, number) => signs.includes(row.cells[number]));
    const [bits, frames] = live.rates[row.id] ?? [0, 0];
    const lists = ['m', 's', 'q', 'f', 'x', 'w', 'r', 'o', 'p', 'd'].map((sign) => [sign, at(sign)]).filter(([, ports]) => ports.length);
    fill(
      this.panel,
      ...this.heading(row, null),
      row.source ? make('p', {}, `${rate(bits)}, ${count(Math.round(frames))} frames/s, ${row.path === 'kernel' ? 'inside the kernel' : 'by the rings'}${row.ttl === null ? '' : `, TTL ${row.ttl}`}`) : make('p', {}, 'Hosts have joined, and no such stream comes in at any port.'),
      ...lists.flatMap(([sign, ports]) => [
        make('h3', {}, `${CELLS[sign][0]} ${CELLS[sign][1]} (${ports.length})`),
        make('p', { class: 'mono' }, ports.slice(0, LINES_MAX).map((port) => port.description ? `${port.name} (${port.description})` : port.name).join(', ')),
      ]),
    );
  }

  // A port: its link, its groups, its hosts.
  async one(current) {
    const port = this.live.ports.find((one) => one.name === this.port.name) ?? this.port;
    const number = this.live.ports.indexOf(port);
    const groups = [...this.live.rows.values()].filter((row) => 'msxwo'.includes(row.cells[number]) && !row.local);
    const head = [
      make('h2', {}, port.description ?? port.name),
      make('p', { class: 'soft mono' }, [port.name, port.state, port.kind === 'host' ? 'of the host itself' : null, port.mac, port.vlans ? `VLAN ${port.vlans}` : null].filter(Boolean).join(' · ')),
      port.problem ? make('p', { class: 'said no' }, port.problem) : null,
      ...link(port),
      make('p', {}, `${count(port.lost)} lost, ${count(port.pruned)} pruned, ${count(port.refused)} refused`),
      port.routers.length ? make('p', {}, `◆ router port: ${port.routers.join(', ')}`) : null,
    ];
    const joined = table('Groups', ['Group', 'Name', 'Rate'], groups.slice(0, LINES_MAX).map((row) => [row.group, row.name ?? row.announced ?? '–', row.state === 'running' ? rate(this.live.rate(row)) : row.state === 'none' ? 'no stream' : 'stopped']));
    fill(this.panel, ...head, ...joined, make('p', { class: 'soft' }, 'asking for its hosts …'));
    try {
      const base = `/api/${encodeURIComponent(this.live.name)}/show`;
      const [hosts, fdb] = await Promise.all([ask(`${base}/hosts`, { port: port.name }), ask(`${base}/fdb`, { port: port.name })]);
      if (!current()) return;
      const known = new Map(fdb.fdb.map((row) => [row.mac, { mac: row.mac, address: '–', groups: 0, age: row.age }]));
      for (const host of hosts.hosts) {
        const one = known.get(host.mac) ?? { mac: host.mac, groups: 0, age: host.last_heard };
        known.set(host.mac, { ...one, address: host.family === 'ipv4' || one.groups === 0 ? host.address : one.address, groups: one.groups + 1 });
      }
      const lines = [...known.values()].sort((one, other) => natural(one.address, other.address));
      fill(this.panel, ...head, ...table('Hosts', ['Host', 'MAC', 'Groups', 'Seen'], lines.slice(0, LINES_MAX).map((one) => [one.address, one.mac, String(one.groups), span(one.age)])), ...joined);
    } catch (error) {
      if (current()) fill(this.panel, ...head, ...joined, make('p', { class: 'said no' }, error.message));
    }
  }

  ports() {
    const lines = this.live.ports.map((port) =>
      make(
        'tr', {},
        make('td', {}, make('button', { type: 'button', onclick: () => this.pick(null, port) }, port.name), port.description ? make('div', { class: 'soft' }, port.description) : null),
        make('td', {}, port.state === 'up' ? 'up' : make('b', {}, port.state)),
        make('td', { class: 'number' }, rate(port.rx_bits_per_s)),
        make('td', { class: 'number' }, rate(port.tx_bits_per_s)),
        make('td', { class: 'number' }, count(port.lost)),
      ),
    );
    const titles = ['Port', '', 'In', 'Out', 'Lost'].map((name, number) => make('th', { scope: 'col', class: number > 1 ? 'number' : '' }, name));
    fill(this.panel, make('table', {}, make('thead', {}, make('tr', {}, ...titles)), make('tbody', {}, ...lines)));
  }
}

function link(port) {
  const speed = port.speed_mbit;
  return [['In', port.rx_bits_per_s], ['Out', port.tx_bits_per_s]].flatMap(([name, bits]) => [
    make('p', {}, `${name} ${rate(bits)}${speed ? ` of ${rate(speed * 1e6)}` : ''}`),
    speed ? make('meter', { min: 0, max: speed * 1e6, high: speed * 8e5, value: Math.min(bits, speed * 1e6), 'aria-label': `${name}, share of the link` }) : null,
  ]);
}

function table(name, titles, lines) {
  if (!lines.length) return [make('h3', {}, `${name}: none`)];
  return [
    make('h3', {}, name),
    make(
      'table', { 'aria-label': name },
      make('thead', {}, make('tr', {}, ...titles.map((one) => make('th', { scope: 'col' }, one)))),
      make('tbody', {}, ...lines.map((line) => make('tr', {}, ...line.map((one, number) => make('td', { class: number ? '' : 'mono' }, one))))),
    ),
  ];
}
