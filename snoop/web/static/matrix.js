// The matrix: what of it is in sight, where the pointer and the keys are, what is picked.
import { COLUMN, HEAD, Paint, ROW, WIDE } from './paint.js';
import { Reading } from './reading.js';
import { make, natural, title } from './words.js';

const REST_MS = 120, NAMES = 372, NAMES_WIDE = 600, NAMES_NARROW = 184, SLANT = 60, SCROLLBAR = 16;
const NOWHERE = { row: -1, port: -1 };

export class Matrix {
  // picked(row | null, port | null): what somebody asks about.
  constructor(element, live, picked) {
    this.element = element;
    this.live = live;
    this.picked = picked;
    this.rows = [];
    this.at = { row: 0, port: -1 };
    this.over = NOWHERE;
    this.selected = { row: null, port: null };
    this.wrong = new Set();
    this.marked = new Set();
    // The space is as large as everything; what is in view stays in sight in front of it.
    const canvas = make('canvas', { 'aria-hidden': 'true' }), layer = make('div', { class: 'layer', role: 'presentation' });
    this.sight = make('div', { class: 'sight', role: 'presentation' }, canvas, layer);
    this.space = make('div', { class: 'space', role: 'presentation' }, this.sight);
    element.append(this.space);
    this.paint = new Paint(canvas);
    this.reading = new Reading(layer);
    element.addEventListener('scroll', () => this.scrolled(), { passive: true });
    element.addEventListener('click', (event) => this.click(event));
    element.addEventListener('pointermove', (event) => this.hover(event.pointerType === 'mouse' ? this.place(event) : NOWHERE));
    element.addEventListener('pointerleave', () => this.hover(NOWHERE));
    element.addEventListener('keydown', (event) => this.key(event));
    for (const name of ['focus', 'blur']) element.addEventListener(name, () => this.later());
    for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)']) matchMedia(query).addEventListener('change', () => this.later());
    new ResizeObserver(() => this.later()).observe(element);
  }

  get narrow() { return this.element.clientWidth < 620; }
  // What is left of the width is for longer names, then for wider columns.
  get names() {
    const left = this.element.clientWidth - SLANT - NAMES - this.live.ports.length * COLUMN;
    return this.narrow ? NAMES_NARROW : NAMES + Math.round(Math.max(0, Math.min(NAMES_WIDE - NAMES, left / 2)));
  }

  get column() {
    const room = this.element.clientWidth - SLANT - this.names;
    return Math.max(COLUMN, Math.min(WIDE, Math.floor(room / this.live.ports.length) || COLUMN));
  }

  // Rows in their order; the ports are those of the picture.
  show(rows) {
    this.rows = rows;
    this.at.row = Math.min(this.at.row, Math.max(0, rows.length - 1));
    this.at.port = Math.min(this.at.port, this.live.ports.length - 1);
    this.later();
  }

  later() {
    if (!this.drawing) this.drawing = requestAnimationFrame(() => { this.drawing = 0; this.draw(); });
  }

  scrolled() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => { this.resting = 0; this.later(); }, REST_MS);
    this.later();
  }

  view() {
    const { element, live, names, column, narrow } = this;
    return {
      rows: this.rows, ports: live.ports, rates: live.rates, names, column, narrow, at: this.at, over: this.over, selected: this.selected, wrong: this.wrong, marked: this.marked,
      left: element.scrollLeft, top: element.scrollTop, width: element.clientWidth, height: element.clientHeight, focused: document.activeElement === element,
    };
  }

  draw() {
    const { element, space, sight, names, column } = this;
    const tall = HEAD + this.rows.length * ROW + 8;
    for (const [name, length] of [['names', names], ['column', column], ['tall', tall + SCROLLBAR]]) element.style.setProperty(`--${name}`, `${length}px`);
    size(space, names + this.live.ports.length * column + SLANT, tall);
    size(sight, element.clientWidth, element.clientHeight);
    const view = this.view();
    this.paint.draw(view);
    if (!this.resting) this.read(view);
  }

  read(view) {
    const { element } = this;
    this.reading.follow(view);
    element.setAttribute('aria-rowcount', this.rows.length + 1);
    element.setAttribute('aria-colcount', this.live.ports.length + 1);
    const active = element.querySelector('.active');
    if (active) element.setAttribute('aria-activedescendant', active.id);
    else element.removeAttribute('aria-activedescendant');
  }

  select(row, port) {
    this.selected = { row: row?.id ?? null, port: port?.name ?? null };
    this.later();
    this.picked(row, port);
  }

  // To a row or a port that was picked elsewhere, and in sight.
  go(row, port) {
    const at = { row: row ? this.rows.findIndex((one) => one.id === row.id) : -1, port: port ? this.live.ports.findIndex((one) => one.name === port.name) : -1 };
    if (at.row >= 0 || at.port >= 0) {
      this.at = at;
      this.reveal();
    }
    this.select(row, port);
  }

  // The row and the port at a point; -1: the name of it, the head of it, or nothing.
  place({ clientX, clientY }) {
    const { element, names, column } = this, box = element.getBoundingClientRect();
    const across = clientX - box.left - element.clientLeft, down = clientY - box.top - element.clientTop;
    if (across < 0 || down < 0 || across >= element.clientWidth || down >= element.clientHeight) return NOWHERE;
    const row = down < HEAD ? -1 : Math.floor((down - HEAD + element.scrollTop) / ROW);
    const port = across < names ? -1 : Math.floor((across - names + element.scrollLeft) / column);
    return row >= this.rows.length || port >= this.live.ports.length ? NOWHERE : { row, port };
  }

  hover(over) {
    if (over.row === this.over.row && over.port === this.over.port) return;
    this.over = over;
    this.later();
  }

  // A click that nobody's pointer made has no place, but an element.
  click(event) {
    const { row, port } = event.target.dataset ?? {};
    const at = event.detail || !(row ?? port) ? this.place(event) : { row: Number(row ?? -1), port: Number(port ?? -1) };
    if (at.row < 0 && at.port < 0) return;
    this.at = at;
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

  // Where the keys have gone must be in sight, and be told at once.
  reveal() {
    const { element, at, names, column } = this;
    if (at.row >= 0) {
      const top = at.row * ROW, room = element.clientHeight - HEAD - ROW;
      if (top < element.scrollTop) element.scrollTop = top;
      else if (top > element.scrollTop + room) element.scrollTop = top - room;
    }
    if (at.port >= 0) {
      const left = at.port * column, room = element.clientWidth - names - 2 * column;
      if (left < element.scrollLeft) element.scrollLeft = left;
      else if (left > element.scrollLeft + room) element.scrollLeft = left - room;
    }
    this.read(this.view());
    this.later();
  }

  // The row that is selected stays the selected one, wherever it is sorted to.
  follow() {
    const number = this.rows.findIndex((row) => row.id === this.selected.row);
    if (number >= 0 && this.at.row >= 0 && this.selected.row !== null) this.at.row = number;
  }
}

function size(element, width, height) {
  element.style.width = `${width}px`;
  element.style.height = `${height}px`;
}

export function ordered(rows, live, by) {
  const plain = (one, other) => (one.order < other.order ? -1 : one.order > other.order ? 1 : 0);
  const ways = {
    group: plain,
    name: (one, other) => (one.name === null) - (other.name === null) || natural(title(one), title(other)) || plain(one, other),
    rate: (one, other) => live.rate(other) - live.rate(one) || plain(one, other),
    members: (one, other) => other.members - one.members || plain(one, other),
  };
  return rows.sort(ways[by] ?? plain);
}
