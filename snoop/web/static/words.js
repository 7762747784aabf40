// Signs, words and numbers; making elements. Text goes into the page as text, never as markup.
export const CELLS = {
  i: ['▶', 'comes in here'],
  m: ['●', 'member: a host asked for it, and gets it'],
  w: ['○', 'member, but there is no such stream'],
  x: ['▲', 'member, and it is not sent there'],
  o: ['◌', 'member of other sources only'],
  f: ['≈', 'flooded: nobody asked for it'],
  p: ['·', 'pruned: nobody asked for it, and it is not sent'],
  r: ['✕', 'refused: a host asked, and was not let'],
  s: ['■', 'static entry'],
  q: ['◆', 'router port'],
  d: ['–', 'the port is down'],
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

export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
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

export function title(row) {
  return row.name ?? row.announced ?? row.group;
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
