// Signs, words and numbers; making elements. Text goes into the page as text, never as markup.
// Of each sign of a row's `cells`: the letter, what it means, and its colours in the style sheet.
export const CELLS = {
  i: ['▶', 'comes in here', 'ingress'],
  m: ['●', 'member: a host asked for it, and gets it', 'member'],
  w: ['○', 'member, but there is no such stream', 'waiting'],
  x: ['▲', 'member, and it is not sent there', 'wrong'],
  o: ['◌', 'member of other sources only', 'other'],
  f: ['≈', 'flooded: nobody asked for it', 'flooded'],
  p: ['·', 'pruned: nobody asked for it, and it is not sent'],
  r: ['✕', 'refused: a host asked, and was not let', 'wrong'],
  s: ['■', 'static entry', 'static'],
  q: ['◆', 'router port', 'router'],
  d: ['–', 'the port is down'],
  h: ['⊘', 'the port is held, being part of a loop', 'wrong'],
  '-': [' ', 'not in this VLAN'],
  '.': [' ', 'nothing'],
};

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// What has the keys keeps them, if there is another of its `data-key` afterwards.
export function fill(element, ...children) {
  const key = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
  if (key) element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

// What stands between backticks is to be typed.
export function typed(text) {
  return text.split('`').map((part, at, parts) => (at % 2 && at < parts.length - 1 ? make('code', {}, part) : at % 2 ? `\`${part}` : part));
}

export function rate(bits) {
  if (!bits) return '0';
  const units = [[1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, '']];
  const [size, unit] = units.find(([one]) => bits >= one) ?? [1, ''];
  return `${Number((bits / size).toPrecision(3))} ${unit}bit/s`;
}

export function count(number) {
  return number < 1e4 ? String(number) : number < 1e6 ? `${(number / 1e3).toPrecision(3)} k` : `${(number / 1e6).toPrecision(3)} M`;
}

export function span(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor(whole / 60) % 60).padStart(2, '0')} m`;
}

export function clock(time) {
  return new Date(time * 1000).toTimeString().slice(0, 8);
}

// In quotes: only its sender calls it so, and he may be anybody.
export function called(row) {
  return row.name ?? (row.announced && `“${row.announced}”`);
}

export function title(row) {
  return called(row) ?? row.group;
}

// A row's rate, or why it has none.
export function shown(row, rates) {
  const [bits, , idle] = rates[row.id] ?? [0, 0, 0];
  return row.state === 'none' ? 'no stream' : row.state === 'stopped' ? `stopped ${span(idle)}` : rate(bits);
}

const KINDS = { rtp: 'RTP', ts: 'MPEG-TS', 'rtp+ts': 'MPEG-TS in RTP' };

// Whether a stream was whole when it came in: what was missing then was lost before the switch.
export function came({ kind, lost, continuity_errors, reordered, duplicates, restarts, longest_gap_ms, recently }) {
  const parts = [[lost, 'lost'], [continuity_errors, 'gaps in transport packets'], [reordered, 'late'], [duplicates, 'twice'], [restarts, 'times anew']].filter(([number]) => number).map(([number, what]) => `${count(number)} ${what}`);
  const gap = (lost || restarts) && longest_gap_ms ? `, longest gap ${longest_gap_ms} ms` : '';
  if (!lost && !continuity_errors) return `Came in whole${parts.length ? `, ${parts.join(', ')}` : ''}${gap} (${KINDS[kind] ?? kind}): what a receiver misses was lost behind the switch.`;
  return `Lost before the switch${recently ? ', just now' : ''}: ${parts.join(', ')}${gap} (${KINDS[kind] ?? kind}).`;
}

// Says it to who cannot see it.
export function say(text) {
  document.getElementById('said').textContent = text;
}

// Sorts 10.0.0.2 before 10.0.0.10 and ff02::1 before ff02:1::, compared as plain text.
export function addressKey(text) {
  if (text.includes('.') && !text.includes(':')) return `4${text.split('.').map((part) => part.padStart(3, '0')).join('')}`;
  const [head, tail] = text.split('::').map((half) => (half ? half.split(':') : []));
  const parts = tail === undefined ? head : [...head, ...Array(Math.max(0, 8 - head.length - tail.length)).fill('0'), ...tail];
  return `6${parts.map((part) => part.padStart(4, '0')).join('')}`;
}

// Sorts p2 before p10, and addresses by their numbers.
const collator = new Intl.Collator('en', { numeric: true });
export const natural = (one, other) => collator.compare(one, other);

export async function ask(path, fields = {}) {
  const query = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
  const answer = await fetch(`${path}${query.size ? `?${query}` : ''}`);
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error ?? `status ${answer.status}`);
  return told;
}

// A table under its name; `numbers`: from that column on they are numbers.
export function table(name, titles, lines, numbers = Infinity) {
  if (!lines.length) return [make('h3', {}, `${name}: none`)];
  const kind = (at) => (at >= numbers ? 'number' : at ? '' : 'mono');
  return [
    make('h3', {}, name),
    make(
      'table', { 'aria-label': name },
      make('thead', {}, make('tr', {}, ...titles.map((one, at) => make('th', { scope: 'col', class: kind(at) }, one)))),
      make('tbody', {}, ...lines.map((line) => make('tr', {}, ...line.map((one, at) => make('td', { class: kind(at) }, one))))),
    ),
  ];
}
