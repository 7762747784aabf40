// The matrix: only what can be seen is in the document, whatever there is of rows and ports.
import { CELLS, make, natural, rate, span, title } from './words.js';

const ROW = 24, COLUMN = 26, HEAD = 86, SPARE = 4;

export class Matrix {
  // picked(row | null, port | null): what somebody asks about.
  constructor(element, live, picked) {
    this.element = element;
    this.live = live;
    this.picked = picked;
    this.rows = [];
    this.at = { row: 0, port: -1 };
    this.selected = { row: null, port: null };
    this.space = make('div', { class: 'space', role: 'presentation' });
    this.head = make('div', { class: 'head', role: 'row', 'aria-rowindex': 1 });
    this.corner = make('div', { class: 'corner', role: 'columnheader', 'aria-colindex': 1 });
    this.head.append(this.corner);
    this.space.append(this.head);
    element.append(this.space);
    this.shown = new Map();
    this.heads = new Map();
    element.addEventListener('scroll', () => this.later(), { passive: true });
    element.addEventListener('click', (event) => this.click(event));
    element.addEventListener('keydown', (event) => this.key(event));
    new ResizeObserver(() => this.later()).observe(element);
  }

  get names() { return this.narrow ? 168 : 372; }
  get narrow() { return this.element.clientWidth < 620; }

  // Rows in their order; the ports are those of the picture.
  show(rows) {
    this.rows = rows;
    this.at.row = Math.min(this.at.row, Math.max(0, rows.length - 1));
    this.at.port = Math.min(this.at.port, this.live.ports.length - 1);
    this.fresh = true;
    this.later();
  }

  later() {
    if (!this.drawing) this.drawing = requestAnimationFrame(() => { this.drawing = 0; this.draw(); });
  }

  draw() {
    const { element, live, names } = this;
    const ports = live.ports, width = names + ports.length * COLUMN + 60, height = HEAD + this.rows.length * ROW;
    this.space.style.width = `${width}px`;
    this.space.style.height = `${height}px`;
    this.head.style.height = `${HEAD}px`;
    this.head.style.width = `${width}px`;
    this.corner.style.width = `${names}px`;
    this.corner.style.height = `${HEAD - 1}px`;
    this.corner.replaceChildren(make('span', {}, this.narrow ? 'Stream' : 'Name, group, source'), make('span', {}, 'Rate'));
    element.setAttribute('aria-rowcount', this.rows.length + 1);
    element.setAttribute('aria-colcount', ports.length + 1);
    const left = Math.max(0, Math.floor(element.scrollLeft / COLUMN) - SPARE);
    const right = Math.min(ports.length, Math.ceil((element.scrollLeft + element.clientWidth - names) / COLUMN) + SPARE);
    const top = Math.max(0, Math.floor(element.scrollTop / ROW) - SPARE);
    const bottom = Math.min(this.rows.length, Math.ceil((element.scrollTop + element.clientHeight - HEAD) / ROW) + SPARE);
    this.drawHeads(left, right);
    for (const [number, one] of this.shown) {
      if (number < top || number >= bottom) { one.element.remove(); this.shown.delete(number); }
    }
    for (let number = top; number < bottom; number++) this.drawRow(number, left, right, width);
    const active = element.querySelector('.active');
    if (active) element.setAttribute('aria-activedescendant', active.id);
    else element.removeAttribute('aria-activedescendant');
    this.fresh = false;
  }

  drawHeads(left, right) {
    for (const [number, one] of this.heads) if (number < left || number >= right) { one.remove(); this.heads.delete(number); }
    for (let number = left; number < right; number++) {
      const port = this.live.ports[number];
      let one = this.heads.get(number);
      if (!one) {
        one = make('div', { class: 'port', role: 'columnheader', id: `port-${number}`, 'aria-colindex': number + 2 }, make('span'));
        one.dataset.port = number;
        this.heads.set(number, one);
        this.head.append(one);
      }
      one.style.left = `${this.names + number * COLUMN}px`;
      one.style.width = `${COLUMN}px`;
      one.className = `port${port.state === 'up' ? '' : ' down'}${port.lost_per_s > 0 ? ' lossy' : ''}${this.selected.port === port.name ? ' picked' : ''}${this.isActive(-1, number) ? ' active' : ''}`;
      one.firstChild.textContent = port.description ?? port.name;
      one.title = [port.name, port.description, port.state].filter(Boolean).join(', ');
      one.setAttribute('aria-label', `${one.title}${port.routers.length ? ', router port' : ''}`);
    }
  }

  drawRow(number, left, right, width) {
    const row = this.rows[number];
    let one = this.shown.get(number);
    if (!one) {
      const element = make('div', { class: 'row', role: 'row', 'aria-rowindex': number + 2 });
      const name = make('div', { class: 'name', role: 'rowheader', id: `name-${number}`, 'aria-colindex': 1 });
      name.dataset.row = number;
      element.append(name);
      element.style.top = `${HEAD + number * ROW}px`;
      element.style.height = `${ROW}px`;
      one = { element, name, cells: new Map(), row: null };
      this.shown.set(number, one);
      this.space.append(element);
    }
    one.element.className = `row ${row.state}${row.wrong ? ' wrong' : ''}${this.selected.row === row.id ? ' picked' : ''}`;
    one.element.style.width = `${width}px`;
    one.name.classList.toggle('active', this.isActive(number, -1));
    one.name.style.width = `${this.names}px`;
    this.drawName(one, row);
    for (const [at, cell] of one.cells) if (at < left || at >= right) { cell.remove(); one.cells.delete(at); }
    for (let at = left; at < right; at++) {
      const sign = row.cells[at] ?? '.';
      let cell = one.cells.get(at);
      if (!cell) {
        cell = make('div', { class: 'cell', role: 'gridcell', id: `cell-${number}-${at}`, 'aria-colindex': at + 2 });
        cell.dataset.row = number;
        cell.dataset.port = at;
        cell.style.width = `${COLUMN}px`;
        one.cells.set(at, cell);
        one.element.append(cell);
      }
      cell.style.left = `${this.names + at * COLUMN}px`;
      cell.classList.toggle('active', this.isActive(number, at));
      if (cell.dataset.cell !== sign || one.row !== row.id) {
        cell.dataset.cell = sign;
        cell.textContent = CELLS[sign]?.[0] ?? '?';
        cell.setAttribute('aria-label', `${title(row)}, ${this.live.ports[at].name}: ${CELLS[sign]?.[1] ?? sign}`);
      }
    }
    one.row = row.id;
  }

  drawName(one, row) {
    const [bits, , idle] = this.live.rates[row.id] ?? [0, 0, 0];
    const shown = row.state === 'none' ? 'no stream' : row.state === 'stopped' ? `stopped ${span(idle)}` : rate(bits);
    const key = [row.id, row.name, row.announced, row.source, shown, this.narrow].join('|');
    if (one.key === key) return;
    one.key = key;
    const named = row.name ?? row.announced;
    const vlan = row.vlan ? `${row.vlan} ` : '';
    one.name.replaceChildren(...[
      named ? make('b', {}, named) : null,
      named && this.narrow ? null : make('span', { class: 'group' }, vlan + row.group),
      this.narrow ? null : make('span', { class: 'source' }, row.source ? `${row.source} at ${row.port}` : ''),
      make('span', { class: 'rate' }, shown),
    ].filter(Boolean));
    one.name.title = `${named ? `${named}, ` : ''}${row.group}${row.vlan ? `, VLAN ${row.vlan}` : ''}${row.source ? `, from ${row.source} at ${row.port}` : ''}, ${shown}`;
  }

  isActive(row, port) { return this.at.row === row && this.at.port === port; }

  select(row, port) {
    this.selected = { row: row?.id ?? null, port: port?.name ?? null };
    this.later();
    this.picked(row, port);
  }

  click(event) {
    const target = event.target.closest('[data-row], [data-port]');
    if (!target) return;
    this.at = { row: Number(target.dataset.row ?? -1), port: Number(target.dataset.port ?? -1) };
    this.choose();
  }

  choose() {
    this.select(this.rows[this.at.row] ?? null, this.live.ports[this.at.port] ?? null);
  }

  key(event) {
    const page = Math.max(1, Math.floor((this.element.clientHeight - HEAD) / ROW) - 1);
    const last = { row: this.rows.length - 1, port: this.live.ports.length - 1 };
    const { row, port } = this.at;
    const far = event.ctrlKey;
    const to = {
      ArrowUp: [row - 1, port], ArrowDown: [row + 1, port], ArrowLeft: [row, port - 1], ArrowRight: [row, port + 1],
      PageUp: [Math.max(0, row - page), port], PageDown: [row + page, port],
      Home: [far ? 0 : row, -1], End: [far ? last.row : row, last.port],
    }[event.key];
    if (to && !event.altKey && !event.metaKey) {
      event.preventDefault();
      this.at = { row: Math.max(-1, Math.min(last.row, to[0])), port: Math.max(-1, Math.min(last.port, to[1])) };
      if (this.at.row === -1 && this.at.port === -1) this.at.port = 0;
      this.reveal();
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.choose();
    } else if (event.key === 'Escape') {
      this.select(null, null);
    }
  }

  // Where the keys have gone must be in sight.
  reveal() {
    const { element, at, names } = this;
    if (at.row >= 0) {
      const top = at.row * ROW, room = element.clientHeight - HEAD - ROW;
      if (top < element.scrollTop) element.scrollTop = top;
      else if (top > element.scrollTop + room) element.scrollTop = top - room;
    }
    if (at.port >= 0) {
      const left = at.port * COLUMN, room = element.clientWidth - names - 2 * COLUMN;
      if (left < element.scrollLeft) element.scrollLeft = left;
      else if (left > element.scrollLeft + room) element.scrollLeft = left - room;
    }
    this.later();
  }

  // The row that is selected stays the selected one, wherever it is sorted to.
  follow() {
    const number = this.rows.findIndex((row) => row.id === this.selected.row);
    if (number >= 0 && this.at.row >= 0 && this.selected.row !== null) this.at.row = number;
  }
}

export function ordered(rows, live, by) {
  const plain = (one, other) => one.vlan - other.vlan || natural(one.group, other.group) || natural(one.source ?? '', other.source ?? '');
  const ways = {
    group: plain,
    name: (one, other) => (one.name === null) - (other.name === null) || natural(title(one), title(other)) || plain(one, other),
    rate: (one, other) => live.rate(other) - live.rate(one) || plain(one, other),
    members: (one, other) => other.members - one.members || plain(one, other),
  };
  return rows.sort(ways[by] ?? plain);
}
