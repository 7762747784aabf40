// The matrix on a canvas as large as what is seen of it: its cost is that of the view, whatever
// there is of rows and ports, and no element comes or goes while it scrolls.
import { CELLS, shown } from './words.js';

export const ROW = 24, COLUMN = 26, WIDE = 60, HEAD = 86; // a column is as wide as there is room for, from COLUMN to WIDE
const SANS = 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
const MONO = 'ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", Menlo, monospace';
const FONTS = { name: `600 13px ${SANS}`, group: `12px ${MONO}`, small: `11px ${MONO}`, loud: `700 11px ${MONO}`, rate: `12px ${SANS}`, tag: `10px ${SANS}`, cell: `13px ${MONO}`, wrong: `700 13px ${MONO}` };
const NAMES = ['panel', 'line', 'text', 'soft', 'faint', 'accent', 'wrong', 'bg'];
const CUTS_MAX = 8192, LETTERS_MAX = 120;

export class Paint {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d', { alpha: false });
    this.cuts = new Map();
    this.sprites = new Map();
    this.scale = this.column = 0;
    for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)']) matchMedia(query).addEventListener('change', () => { this.scale = 0; });
  }

  // What is to be seen: `rows`, `ports`, `names` (the width of the first column), `left` and `top`
  // (how far it is scrolled), `width`, `height`, `column` (how wide one is), `at` (the keys), `over`
  // (the pointer), `selected`, `marked` (ports).
  draw(view) {
    const { canvas, context } = this, scale = devicePixelRatio || 1;
    const width = Math.round(view.width * scale), height = Math.round(view.height * scale);
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    if (this.scale !== scale || this.column !== view.column) this.fresh(scale, view.column);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.textBaseline = 'middle';
    this.rect(0, 0, view.width, view.height, this.colour.panel);
    const part = seen(view);
    this.within(view.names, HEAD, view, () => this.cells(view, part));
    this.within(0, HEAD, { ...view, width: view.names }, () => this.titles(view, part));
    this.within(view.names, 0, { ...view, height: HEAD }, () => this.heads(view, part));
    this.corner(view);
    this.marks(view);
  }

  // Colours are the style sheet's; a cell's picture is made once.
  fresh(scale, column) {
    const style = getComputedStyle(this.canvas), of = (name) => style.getPropertyValue(`--${name}`).trim();
    this.colour = Object.fromEntries(NAMES.map((name) => [name, of(name)]));
    [this.scale, this.column] = [scale, column];
    this.sprites.clear();
    for (const [sign, [letter, , kind]] of Object.entries(CELLS)) {
      const sprite = document.createElement('canvas');
      sprite.width = Math.ceil((column - 1) * scale);
      sprite.height = Math.ceil((ROW - 1) * scale);
      const paint = sprite.getContext('2d');
      paint.scale(scale, scale);
      const ground = kind && of(`${kind}-bg`);
      if (ground) { paint.fillStyle = ground; paint.fillRect(0, 0, column, ROW); }
      if (sign === 'd') this.hatch(paint, column);
      paint.fillStyle = kind ? of(kind) : this.colour.faint;
      paint.font = kind === 'wrong' ? FONTS.wrong : FONTS.cell;
      paint.textAlign = 'center';
      paint.textBaseline = 'middle';
      paint.fillText(letter, (column - 1) / 2, ROW / 2);
      if (letter !== ' ' || ground) this.sprites.set(sign, sprite);
    }
  }

  hatch(paint, column) {
    paint.strokeStyle = this.colour.line;
    paint.beginPath();
    for (let x = -ROW; x < column; x += 5) { paint.moveTo(x, ROW); paint.lineTo(x + ROW, 0); }
    paint.stroke();
  }

  rect(x, y, width, height, colour, alpha = 1) {
    const { context } = this;
    context.globalAlpha = alpha;
    context.fillStyle = colour;
    context.fillRect(x, y, width, height);
    context.globalAlpha = 1;
  }

  within(left, top, { width, height }, drawn) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(left, top, Math.max(0, width - left), Math.max(0, height - top));
    context.clip();
    drawn();
    context.restore();
  }

  cells(view, { first, last, start, end }) {
    const { context, sprites, colour } = this;
    const right = x(view, end), bottom = y(view, last);
    for (let number = first; number <= last; number++) this.rect(view.names, y(view, number) - 1, right - view.names, 1, colour.line, 0.55);
    for (let at = start; at <= end; at++) this.rect(x(view, at), HEAD, 1, bottom - HEAD, colour.line, 0.4);
    for (let number = first; number < last; number++) {
      const row = view.rows[number], top = y(view, number);
      const picked = view.selected.row === row.id;
      if (picked) this.rect(view.names, top, right - view.names, ROW - 1, colour.accent, 0.16);
      for (let at = start; at < end; at++) {
        const sprite = sprites.get(row.cells[at] ?? '.');
        if (sprite) context.drawImage(sprite, x(view, at) + 1, top, view.column - 1, ROW - 1);
      }
    }
  }

  titles(view, { first, last }) {
    const { context, colour } = this, end = view.names - 10;
    for (let number = first; number < last; number++) {
      const row = view.rows[number], top = y(view, number), middle = top + ROW / 2;
      if (view.selected.row === row.id) this.rect(0, top, view.names, ROW - 1, colour.accent, 0.16);
      if (row.wrong) this.rect(0, top, 3, ROW - 1, colour.wrong);
      this.rect(0, top + ROW - 1, view.names, 1, colour.line, 0.55);
      const speed = view.narrow && row.state === 'stopped' ? 'stopped' : shown(row, view.rates);
      const damaged = row.health?.recently;
      const ink = damaged ? colour.wrong : row.state === 'running' ? colour.text : colour.faint;
      const room = end - this.text(damaged ? `▼ ${speed}` : speed, end, middle, 'rate', ink, end, 'right') - 10;
      let at = 10;
      if (row.vlan) at += this.tag(view.narrow ? `${row.vlan}` : `VLAN ${row.vlan}`, at, middle) + 6;
      const named = row.name ?? row.announced;
      if (named) at += this.text(row.name ? named : `“${named}”`, at, middle, 'name', row.name ? colour.text : colour.soft, Math.min(room - at, view.narrow ? room : view.names - 202)) + 6;
      if (!named || !view.narrow) at += this.text(row.group, at, middle, 'group', named ? colour.soft : colour.text, room - at) + 6;
      if (row.source && !view.narrow) this.text(`${row.source} at ${row.port}`, at, middle, 'small', colour.soft, room - at);
    }
    context.fillStyle = colour.line;
    context.fillRect(view.names - 1, HEAD, 1, view.height);
  }

  heads(view, { start, end }) {
    const { context, colour } = this;
    for (let at = start; at < end; at++) {
      const port = view.ports[at], left = x(view, at);
      if (view.selected.port === port.name || view.marked.has(port.name)) this.rect(left, 0, view.column, HEAD - 1, colour.accent, 0.16);
      const wrong = view.wrong.has(port.name) || port.lost_per_s > 0, down = port.state !== 'up';
      const words = this.cut(port.description ?? port.name, wrong ? 'loud' : 'small', 88);
      context.save();
      context.translate(left + view.column / 2 + 3, HEAD - 8);
      context.rotate(-Math.PI / 3);
      context.font = wrong ? FONTS.loud : FONTS.small;
      context.fillStyle = wrong ? colour.wrong : down ? colour.faint : colour.text;
      context.textAlign = 'left';
      context.fillText(words.text, 0, 0);
      if (down) context.fillRect(0, 0, words.width, 1);
      context.restore();
    }
    this.rect(view.names, HEAD - 1, view.width - view.names, 1, colour.line);
  }

  corner(view) {
    this.text(view.narrow ? 'Stream' : 'Name, group, source', 10, HEAD - 14, 'small', this.colour.soft, view.names);
    this.text('Rate', view.names - 10, HEAD - 14, 'small', this.colour.soft, view.names, 'right');
    this.rect(0, HEAD - 1, view.names, 1, this.colour.line);
    this.rect(view.names - 1, 0, 1, HEAD, this.colour.line);
  }

  // The pointer's row and column, the column that is selected, and where the keys are.
  marks(view) {
    const { context, colour } = this, right = Math.min(view.width, x(view, view.ports.length)), bottom = Math.min(view.height, y(view, view.rows.length));
    this.within(0, HEAD, view, () => {
      if (view.over.row >= 0) this.rect(0, y(view, view.over.row), right, ROW - 1, colour.accent, 0.08);
    });
    this.within(view.names, 0, view, () => {
      if (view.over.port >= 0) this.rect(x(view, view.over.port), 0, view.column, bottom, colour.accent, 0.08);
      view.ports.forEach(({ name }, at) => {
        if (name === view.selected.port || view.marked.has(name)) this.rect(x(view, at), HEAD, view.column, bottom - HEAD, colour.accent, 0.12);
      });
    });
    const { row, port } = view.at;
    if (!view.focused || (row < 0 && port < 0)) return;
    this.within(port < 0 ? 0 : view.names, row < 0 ? 0 : HEAD, view, () => {
      const [left, width] = port < 0 ? [0, view.names] : [x(view, port), view.column + 1];
      const [top, height] = row < 0 ? [0, HEAD] : [y(view, row), ROW - 1];
      for (const [inset, thick, ink] of [[1, 2, colour.accent], [2.5, 1, colour.panel]]) {
        context.strokeStyle = ink;
        context.lineWidth = thick;
        context.strokeRect(left + inset, top + inset, width - 2 * inset, height - 2 * inset);
      }
    });
  }

  tag(words, at, middle) {
    const width = this.cut(words, 'tag', 80).width + 8;
    this.rect(at, middle - 7, width, 14, this.colour.line);
    this.text(words, at + 4, middle + 0.5, 'tag', this.colour.soft, 80);
    return width;
  }

  // Text in a width; how wide it is.
  text(words, at, middle, font, colour, room, align = 'left') {
    if (room < 12) return 0;
    const { context } = this, { text, width } = this.cut(words, font, room);
    context.font = FONTS[font];
    context.fillStyle = colour;
    context.textAlign = align;
    context.fillText(text, at, middle);
    return width;
  }

  // The beginning that has room, and its width.
  cut(words, font, room) {
    const key = `${font} ${Math.floor(room)} ${words}`;
    let found = this.cuts.get(key);
    if (found) return found;
    const { context } = this, measure = (text) => context.measureText(text).width;
    context.font = FONTS[font];
    const letters = [...words.slice(0, LETTERS_MAX)];
    let text = letters.join(''), low = 0, high = letters.length;
    if (measure(text) > room || words.length > LETTERS_MAX) {
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (measure(`${letters.slice(0, middle).join('')}…`) <= room) low = middle;
        else high = middle - 1;
      }
      text = `${letters.slice(0, low).join('')}…`;
    }
    found = { text, width: measure(text) };
    if (this.cuts.size >= CUTS_MAX) this.cuts.clear();
    this.cuts.set(key, found);
    return found;
  }
}

// The rows and ports of which something is seen.
export function seen({ rows, ports, names, column, left, top, width, height }) {
  return {
    first: Math.max(0, Math.floor(top / ROW)),
    last: Math.min(rows.length, Math.ceil((top + height - HEAD) / ROW)),
    start: Math.max(0, Math.floor(left / column)),
    end: Math.min(ports.length, Math.ceil((left + width - names) / column)),
  };
}

export const x = (view, port) => view.names + port * view.column - view.left;
export const y = (view, row) => HEAD + row * ROW - view.top;
