// The side: findings, what is selected, ports, who asks, and the picture of the neighbours.
import { concerning, finding, findings } from './finding.js';
import { picture } from './picture.js';
import { allPorts, onePort } from './port.js';
import { queriers } from './queriers.js';
import { CELLS, ask, came, count, fill, make, rate, say, span, table, title, typed } from './words.js';

const LINES_MAX = 200;

export class Side {
  // go(row | null, port | null): to what somebody clicks on here.
  constructor(panel, live, go) {
    this.panel = panel;
    this.live = live;
    this.go = go;
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
    this.answered = null;
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
    const on = { findings: some?.findings, ports: some?.ports, queriers: some?.summary };
    if (on[this.tab]) this.draw();
    if (this.tab !== 'selected') return;
    const { row, port } = this, changed = row && some?.rows?.some((one) => one.id === row.id);
    if (changed) this.row = this.live.rows.get(row.id);
    if (changed || (row && !port && some?.rates?.[row.id]) || (port && !row && some?.ports)) this.draw();
    const gone = this.row && some?.gone?.includes(this.row.id);
    if (gone) fill(this.panel, make('p', {}, 'This row is gone: no stream, and nobody has joined.'));
  }

  draw() {
    const asked = ++this.asked;
    const current = () => asked === this.asked;
    const { live, go } = this, lists = { findings, ports: allPorts, queriers };
    if (lists[this.tab]) return fill(this.panel, ...lists[this.tab](live, go));
    if (this.tab === 'picture') return picture(this.panel, this.live, current, this.go);
    if (this.row && this.port) return this.cell(current);
    if (this.row) return this.stream();
    const port = this.port && (live.ports.find((one) => one.name === this.port.name) ?? this.port);
    if (port) return onePort(this.panel, live, port, current, go);
    return fill(this.panel, make('p', { class: 'soft' }, 'Click a cell for why a port gets a stream or not, a name for all of its ports, a port for its hosts.'));
  }

  // What it is, where, and, of a cell, its sign in words: until `explain` has more to say.
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
    const key = `${this.live.name} ${row.id} ${port.name}`;
    if (this.answered !== key) fill(this.panel, ...this.heading(row, port), make('p', { class: 'soft' }, 'asking …'));
    const others = this.live.ports.filter((one) => one.name !== port.name && one.state === 'up');
    const ingress = row.port ?? others[0]?.name ?? port.name;
    const base = `api/${encodeURIComponent(this.live.name)}`, [bits, frames] = this.live.rates[row.id] ?? [0, 0];
    try {
      const [told, hosts] = await Promise.all([
        ask(`${base}/explain`, { port: ingress, group: row.group, source: row.source, vlan: row.vlan || null, frame_bytes: bits && frames ? Math.round(bits / frames / 8) : null, ttl: row.ttl }),
        row.family === 'l2' ? { hosts: [] } : ask(`${base}/show/hosts`, { group: row.group, port: port.name, vlan: row.vlan }),
      ]);
      if (!current()) return;
      const why = told.why.find((one) => one.port === port.name), found = concerning(this.live, row, port);
      if (this.answered !== key) say(`${why?.because ?? 'no such port'}. ${why?.do ?? ''}`);
      this.answered = key;
      fill(
        this.panel,
        ...this.heading(row, port).slice(0, 2),
        why ? make('p', { class: `said ${why.forwarded || why.cause === 'ingress' ? 'yes' : 'no'}`, id: 'because' }, why.because) : make('p', {}, 'The switch has no such port any more.'),
        why?.do ? make('p', { class: idle(row, port, why, this.live) ? 'soft' : 'do', id: 'do' }, idle(row, port, why, this.live) ? 'If it is to have it → ' : '→ ', ...typed(why.do)) : null,
        ...told.notes.map((note) => make('p', { class: 'do' }, '→ ', ...typed(note))),
        why?.host || why?.mac ? make('p', {}, make('span', { class: 'soft' }, 'Host '), make('span', { class: 'mono' }, [why.host, why.mac].filter(Boolean).join(' ')), why.last_heard === null ? '' : `, heard ${span(why.last_heard)} ago`) : null,
        ...table('Hosts here', ['Host', 'MAC', 'Left'], hosts.hosts.map((host) => [host.address, host.mac, span(host.timer)])),
        row.health ? make('p', {}, came(row.health)) : null,
        ...found.map((one) => finding(one, this.live, null)),
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
    const lists = ['x', 'r', 'w', 'm', 's', 'q', 'f', 'o', 'p', 'h', 'd'].map((sign) => [sign, at(sign)]).filter(([, ports]) => ports.length);
    fill(
      this.panel,
      ...this.heading(row, null),
      row.source ? make('p', {}, `${rate(bits)}, ${count(Math.round(frames))} frames/s, ${row.path === 'kernel' ? 'inside the kernel' : 'by the rings'}${row.ttl === null ? '' : `, TTL ${row.ttl}`}`) : make('p', {}, 'Hosts have joined, and no such stream comes in at any port.'),
      row.health ? make('p', { class: row.health.recently ? 'said no' : '' }, came(row.health)) : null,
      ...concerning(live, row, null).map((one) => finding(one, live, null)),
      ...lists.flatMap(([sign, ports]) => [
        make('h3', {}, `${CELLS[sign][0]} ${CELLS[sign][1]} (${ports.length})`),
        make('p', { class: 'mono' }, ports.slice(0, LINES_MAX).map((port) => port.description ? `${port.name} (${port.description})` : port.name).join(', ')),
      ]),
    );
  }
}

// Nobody has asked for it here, which is no trouble unless somebody should have.
function idle(row, port, why, live) {
  return why.cause === 'not_joined' && !concerning(live, row, port).length;
}
