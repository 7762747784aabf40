// The switch and its neighbours: hosts and routers at its ports, and other switches of this machine.
import { ask, fill, make } from './words.js';

const SVG = 'http://www.w3.org/2000/svg';
const PORTS_MAX = 48;

function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export async function picture(panel, live, current, go) {
  fill(panel, make('p', { class: 'soft' }, 'asking all switches for their neighbours …'));
  try {
    const [told, fdb] = await Promise.all([ask('api/neighbours'), ask(`api/${encodeURIComponent(live.name)}/show/fdb`)]);
    if (!current()) return;
    const links = told.links.flatMap((link) =>
      link.switch === live.name ? [{ ...link }] : link.other === live.name ? [{ switch: link.other, port: link.other_port, other: link.switch, other_port: link.port, sure: link.sure }] : [],
    );
    const behind = new Map();
    for (const row of fdb.fdb) behind.set(row.port, (behind.get(row.port) ?? new Set()).add(row.mac));
    fill(panel, make('h2', {}, `${live.name} and its neighbours`), scene(live, links, behind, go), ...words(told.links, live));
  } catch (error) {
    if (current()) fill(panel, make('p', { class: 'said no' }, error.message));
  }
}

function scene(live, links, behind, go) {
  const linked = new Map(links.map((link) => [link.port, link]));
  const weight = (port) => (linked.has(port.name) ? 2 : 0) + (port.routers.length ? 1 : 0);
  const ports = [...live.ports].sort((one, other) => weight(other) - weight(one)).slice(0, PORTS_MAX);
  const step = 30, height = Math.max(80, ports.length * step + 16), middle = height / 2;
  const svg = draw('svg', { class: 'picture', viewBox: `0 0 324 ${height}`, role: 'group', 'aria-label': `${live.name}, its ports and what is behind them` });
  ports.forEach((port, number) => {
    const y = 8 + number * step + step / 2, link = linked.get(port.name);
    svg.append(draw('line', { x1: 74, y1: middle, x2: 116, y2: y, class: link ? 'link' : '' }), draw('line', { x1: 126 + 7 * Math.min(port.name.length, 10), y1: y, x2: 204, y2: y, class: link ? (link.sure ? 'link' : 'link guess') : '' }));
    const name = draw('text', { x: 120, y: y + 4 });
    name.textContent = port.name.slice(0, 10);
    svg.append(name);
    const stations = behind.get(port.name)?.size ?? 0;
    const what = link ? `${link.other}${link.other_port ? `, ${link.other_port}` : ''}` : port.state !== 'up' ? port.state : port.routers.length ? `router (${port.routers.join(', ')})` : stations ? `${stations} host${stations > 1 ? 's' : ''}` : 'nobody heard';
    // Another switch opens its own page, anything else its port here; by the keys as well.
    const box = draw(link ? 'a' : 'g', { class: link ? 'us' : '', 'aria-label': `${port.name}: ${link ? 'switch ' : ''}${what}`, ...(link ? { href: `#${encodeURIComponent(link.other)}` } : { role: 'button', tabindex: 0 }) }, draw('rect', { x: 204, y: y - 11, width: 116, height: 22, rx: 4 }));
    const text = draw('text', { x: 210, y: y + 4, class: link ? '' : 'small' });
    const room = link ? 16 : 20;
    text.textContent = what.length > room ? `${what.slice(0, room - 1)}…` : what;
    const whole = draw('title', {});
    whole.textContent = what;
    box.append(whole);
    box.append(text);
    if (!link) {
      box.addEventListener('click', () => go(null, port));
      box.addEventListener('keydown', (event) => { if (event.key === 'Enter') go(null, port); });
    }
    svg.append(box);
  });
  const us = draw('g', { class: 'us' }, draw('rect', { x: 4, y: middle - 18, width: 70, height: 36, rx: 6 }));
  const label = draw('text', { x: 39, y: middle + 4, 'text-anchor': 'middle' });
  label.textContent = live.name.slice(0, 10);
  us.append(label);
  svg.append(us);
  return svg;
}

function words(links, live) {
  const more = live.ports.length > PORTS_MAX ? [make('p', { class: 'soft' }, `and ${live.ports.length - PORTS_MAX} more ports`)] : [];
  const lines = links.map((link) => make('p', { class: 'mono' }, `${link.switch} ${link.port ?? '?'} — ${link.other} ${link.other_port ?? '?'}${link.sure ? '' : ' (by what is behind both)'}`));
  return [...more, make('h3', {}, 'Links between switches'), ...(lines.length ? lines : [make('p', { class: 'soft' }, 'None is known. Switches of this machine are found linked once they have heard each other, or hosts behind each other.')])];
}
