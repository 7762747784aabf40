// The last 15 minutes: a lane a kind of event, and the latest ones in words.
import { clock, fill, make } from './words.js';

const LANES = [
  ['query', 'queries', '--accent', ['query']],
  ['join', 'joins', '--member', ['join', 'static']],
  ['leave', 'leaves', '--flooded', ['leave', 'expire', 'clear']],
  ['router', 'routers', '--router', ['mrouter', 'querier']],
  ['switch', 'switch', '--soft', ['port', 'config', 'restarted', 'resumed', 'neighbour', 'topology']],
  ['trouble', 'trouble', '--wrong', ['limit', 'filter', 'table_full', 'warning', 'ring_reopened', 'mac_claimed', 'loop', 'lost']],
];
const SECONDS = 900, WORDS = 62, LINES_MAX = 120;
const LANE_OF = Object.fromEntries(LANES.flatMap(([, , , kinds], number) => kinds.map((kind) => [kind, number])));

export class Timeline {
  constructor(canvas, list, live) {
    this.canvas = canvas;
    this.list = list;
    this.live = live;
    this.row = null;
    this.port = null;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
    setInterval(() => this.draw(), 5000);
  }

  select(row, port) {
    this.row = row;
    this.port = port;
    this.draw();
  }

  // A query about no group concerns every row of its VLAN; one that no port asked, every port.
  takes(event) {
    const { row, port } = this;
    if (row && (event.vlan ?? 0) !== row.vlan) return false;
    if (row && event.group && event.group !== row.group) return false;
    if (row && !event.group && !['query', 'querier', 'mrouter', 'lost'].includes(event.event)) return false;
    return !(port && event.port && event.port !== port.name);
  }

  draw() {
    const now = Date.now() / 1000;
    const events = this.live.events.filter((event) => event.time > now - SECONDS && this.takes(event));
    this.lanes(events, now);
    this.words(events.slice(-LINES_MAX).reverse());
  }

  lanes(events, now) {
    const { canvas } = this, scale = devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !height) return;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(name);
    const paint = canvas.getContext('2d');
    paint.scale(scale, scale);
    const bottom = height - 16, lane = bottom / LANES.length, across = (time) => WORDS + ((time - now + SECONDS) / SECONDS) * (width - WORDS - 10);
    paint.font = '11px system-ui, sans-serif';
    paint.textBaseline = 'middle';
    LANES.forEach(([, name], number) => {
      const y = (number + 0.5) * lane;
      paint.fillStyle = colour('--soft');
      paint.fillText(name, 8, y);
      paint.strokeStyle = colour('--line');
      paint.beginPath();
      paint.moveTo(WORDS, y);
      paint.lineTo(width - 10, y);
      paint.stroke();
    });
    paint.fillStyle = colour('--faint');
    for (let minute = 0; minute <= 15; minute += width < 500 ? 5 : 3) {
      paint.textAlign = minute ? 'center' : 'right';
      paint.fillText(minute ? `−${minute} min` : 'now', Math.max(WORDS + 18, across(now - minute * 60)), height - 8);
    }
    const colours = LANES.map(([, , name]) => colour(name));
    for (const event of events) {
      const number = LANE_OF[event.event] ?? LANES.length - 1, x = across(event.time), y = (number + 0.5) * lane;
      paint.fillStyle = colours[number];
      paint.globalAlpha = 0.75;
      if (number === 0) paint.fillRect(x - 0.5, y - 5, 1.5, 10);
      else { paint.beginPath(); paint.arc(x, y, 3, 0, 7); paint.fill(); }
    }
    paint.globalAlpha = 1;
  }

  // The latest first; what is said again and again is said once.
  words(events) {
    const lines = [];
    for (const event of events) {
      const text = said(event), last = lines.at(-1);
      if (last?.text === text) last.times++;
      else lines.push({ time: event.time, text, times: 1 });
    }
    if (!lines.length) lines.push({ text: this.row || this.port ? 'Nothing has happened with what is selected.' : 'Nothing has happened.' });
    fill(this.list, ...lines.map(({ time, text, times }) => make('li', {}, time ? make('time', {}, clock(time)) : null, make('span', { title: text }, text), times > 1 ? make('span', { class: 'soft' }, `× ${times}`) : null)));
  }
}

const KNOWN = ['time', 'event', 'vlan', 'port', 'group', 'name', 'reporter', 'address', 'mac', 'description', 'family', 'direction', 'filter_mode', 'version', 'last_heard', 'unanswered'];

// An event in a line: what, of which group, at which port, by whom, and what else it says.
function said(event) {
  const who = event.reporter ?? event.address, by = who && who !== '0.0.0.0' && who !== '::' ? who : event.mac;
  const rest = Object.entries(event).filter(([name, value]) => !KNOWN.includes(name) && value !== null && value !== false && !(Array.isArray(value) && !value.length)).map(([name, value]) => `${name.replaceAll('_', ' ')} ${Array.isArray(value) ? value.join(', ') : value}`);
  const what = event.event === 'query' ? (event.direction === 'sent' ? 'we ask' : 'asked') : event.event.replaceAll('_', ' ');
  const version = event.version ? `${event.family === 'ipv6' ? 'MLDv' : 'IGMPv'}${event.version}` : null;
  return [what, event.name ?? event.group, event.port ? `at ${event.description ?? event.port}` : null, by ? `by ${by}` : null, event.vlan ? `VLAN ${event.vlan}` : null, version, ...rest].filter(Boolean).join(' ');
}
