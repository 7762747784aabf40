// What is seen of the matrix as rows and cells of a grid, above the painting and invisible: for
// screen readers, tooltips, clicks of assistive tools. It follows when the scrolling rests.
import { seen, x, y } from './paint.js';
import { CELLS, make, shown, title } from './words.js';

export class Reading {
  constructor(layer) {
    this.layer = layer;
    this.head = make('div', { class: 'head', role: 'row', 'aria-rowindex': 1 }, make('div', { class: 'corner', role: 'columnheader', 'aria-colindex': 1 }, 'Name, group, source'));
    this.ports = [];
    this.lines = [];
    layer.append(this.head);
  }

  follow(view) {
    const part = seen(view);
    this.heads(view, part);
    const count = Math.max(0, part.last - part.first);
    while (this.lines.length > count) this.lines.pop().element.remove();
    while (this.lines.length < count) this.lines.push(this.line());
    this.lines.forEach((line, at) => this.row(line, part.first + at, view, part));
  }

  heads(view, { start, end }) {
    resize(this.ports, this.head, end - start, () => make('div', { class: 'port', role: 'columnheader' }, make('span')));
    this.ports.forEach((one, at) => {
      const number = start + at, port = view.ports[number];
      const what = [port.name, port.description, port.state, port.problem].filter(Boolean).join(', ');
      one.style.left = `${x(view, number)}px`;
      one.classList.toggle('active', view.at.row < 0 && view.at.port === number);
      set(one, { id: `port-${number}`, 'aria-colindex': number + 2, 'data-port': number, title: what, 'aria-label': `${what}${port.routers.length ? ', router port' : ''}${view.wrong.has(port.name) ? ', has findings' : ''}` });
      text(one.firstChild, port.description ?? port.name);
    });
  }

  line() {
    const name = make('div', { class: 'name', role: 'rowheader', 'aria-colindex': 1 });
    const cells = make('div', { class: 'cells', role: 'presentation' });
    const element = make('div', { class: 'row', role: 'row' }, name, cells);
    this.layer.append(element);
    return { element, name, cells, all: [] };
  }

  row(line, number, view, { start, end }) {
    const row = view.rows[number], { element, name } = line;
    const key = [row.id, row.state, row.name, row.announced, row.source, row.health?.recently, shown(row, view.rates)].join('|');
    element.style.top = `${y(view, number)}px`;
    set(element, { 'aria-rowindex': number + 2, 'aria-selected': view.selected.row === row.id });
    element.className = `row ${row.state}${row.wrong ? ' wrong' : ''}`;
    set(name, { id: `name-${number}`, 'data-row': number });
    name.classList.toggle('active', view.at.row === number && view.at.port < 0);
    if (line.key !== key) {
      line.key = key;
      describe(name, row, shown(row, view.rates));
    }
    line.cells.style.left = `${x(view, start)}px`;
    resize(line.all, line.cells, end - start, (at) => {
      const cell = make('div', { class: 'cell', role: 'gridcell' });
      cell.style.left = `calc(${at} * var(--column))`;
      return cell;
    });
    line.all.forEach((cell, at) => {
      const port = start + at, sign = row.cells[port] ?? '.';
      cell.classList.toggle('active', view.at.row === number && view.at.port === port);
      set(cell, {
        id: `cell-${number}-${port}`, 'data-row': number, 'data-port': port, 'data-cell': sign, 'aria-colindex': port + 2,
        'aria-label': `${title(row)}, ${view.ports[port].name}: ${CELLS[sign]?.[1] ?? sign}`,
      });
    });
  }
}

function describe(name, row, rate) {
  const named = row.name ?? row.announced;
  name.replaceChildren(...[
    named ? make('b', {}, named) : null,
    make('span', { class: 'group' }, row.group),
    make('span', { class: 'source' }, row.source ? `${row.source} at ${row.port}` : ''),
    make('span', { class: 'rate' }, rate),
  ].filter(Boolean));
  const called = row.name ? `${row.name}, ` : row.announced ? `${row.announced} (announced by a sender), ` : '';
  const what = `${called}${row.group}${row.vlan ? `, VLAN ${row.vlan}` : ''}${row.source ? `, from ${row.source} at ${row.port}` : ''}, ${rate}${row.health?.recently ? ', damaged when it comes in' : ''}`;
  set(name, { title: what, 'aria-label': what });
}

// As many elements as that, in a list and in their parent.
function resize(list, parent, count, made) {
  while (list.length > Math.max(0, count)) list.pop().remove();
  while (list.length < count) { const one = made(list.length); list.push(one); parent.append(one); }
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

function text(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

