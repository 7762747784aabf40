// The page: what is chosen, and who draws what.
import { CELLS, fill, make, say, span, typed } from './words.js';
import { about } from './finding.js';
import { Live } from './live.js';
import { Matrix, ordered } from './matrix.js';
import { Search } from './search.js';
import { Side } from './side.js';
import { strip, switches } from './strip.js';
import { Timeline } from './timeline.js';

const $ = (id) => document.getElementById(id);
const live = new Live(told);
const matrix = new Matrix($('matrix'), live, picked);
const side = new Side($('panel'), live, go);
const timeline = new Timeline($('lanes'), $('events'), live);
const search = new Search(live, rows);
const chosen = { wrong: false, local: false, vlan: '', sort: 'group', of: null };
go.several = several;

function told(what, some) {
  if (what === 'switches') return arrived();
  health();
  if (what === 'health') return empty();
  if (what === 'events') return timeline.draw();
  strip($('strip'), live, (tab) => side.open(tab));
  if (what === 'picture' || some.findings) matrix.wrong = new Set(live.findings.filter((one) => one.severity === 'problem').flatMap((one) => { const { port, ports } = about(one, live); return [port, ...ports].map((each) => each?.name); }));
  if (what === 'picture' || some.rows || some.gone || some.ports || chosen.sort === 'rate') rows();
  else matrix.later();
  if (what === 'picture') { side.draw(); timeline.draw(); } else side.refresh(some);
}

function arrived() {
  switches($('switches'), live, choose);
  empty();
}

function choose(name) {
  history.replaceState(null, '', `#${encodeURIComponent(name)}`);
  document.title = `${name} — snoop`;
  side.row = side.port = null;
  matrix.selected = { row: null, port: null };
  matrix.at = { row: 0, port: -1 };
  of(null);
  live.look(name);
  switches($('switches'), live, choose);
}

function rows() {
  const found = search.found();
  const all = [...live.rows.values()];
  let some = all.filter((row) => chosen.local || !row.local);
  const hidden = all.length - some.length;
  vlans(all);
  if (chosen.vlan) some = some.filter((row) => String(row.vlan) === chosen.vlan);
  if (chosen.wrong) some = some.filter((row) => row.wrong);
  if (chosen.of) some = all.filter((row) => chosen.of.has(row));
  if (found) {
    const numbers = live.ports.flatMap((port, number) => (found.ports.has(port.name) ? [number] : []));
    some = all.filter((row) => found.rows(row) || numbers.some((number) => 'imsxwr'.includes(row.cells[number])));
  }
  matrix.show(ordered(some, live, chosen.sort));
  matrix.follow();
  const many = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`;
  $('count').textContent = `${many(some.length, 'row')}, ${many(live.ports.length, 'port')}${hidden && !found ? `, ${hidden} link-local hidden` : ''}${live.more ? `, ${live.more} more not shown` : ''}`;
  empty();
}

// Of which VLANs there are rows.
function vlans(all) {
  const numbers = [...new Set(all.map((row) => row.vlan))].sort((one, other) => one - other);
  const key = numbers.join(' ');
  if ($('vlan').dataset.of === key) return;
  $('vlan').dataset.of = key;
  $('of-vlan').hidden = numbers.length < 2;
  const named = (number) => (number ? `${number} ${live.summary?.vlan_names[number] ?? ''}` : 'untagged');
  fill($('vlan'), make('option', { value: '' }, 'all'), ...numbers.map((number) => make('option', { value: number }, named(number))));
  if (!numbers.includes(Number(chosen.vlan))) chosen.vlan = '';
  $('vlan').value = chosen.vlan;
}

function health() {
  const { state, text, since } = live.health;
  const fine = state === 'running' || state === 'new';
  $('health').dataset.state = fine ? 'fine' : 'wrong';
  $('health').textContent = state === 'running' ? '● live' : state === 'new' ? '… looking' : `▲ ${state}`;
  $('health').title = text ?? (live.summary ? `snoop ${live.summary.version}, up ${span(live.summary.uptime)}` : '');
  document.body.dataset.live = state;
}

// Nothing to show: what to do about it.
function empty() {
  const { state, text } = live.health;
  const page = $('empty');
  const say = (heading, ...lines) => { fill(page, make('h2', {}, heading), ...lines.map((line) => make('p', {}, ...typed(line)))); page.hidden = false; };
  if (live.switches && !live.switches.length && !live.name) return say('No switch runs on this machine', 'There is no control socket in the runtime directories. Start one with `snoop run --port IF --port IF`, or `systemctl start snoop`; it appears here by itself.');
  if (state !== 'running' && state !== 'new') return say(state === 'disconnected' ? 'Disconnected' : live.summary ? `${live.name} has gone: this is what it was like` : `${live.name} cannot be asked`, text ?? '', ...(state === 'disconnected' || state === 'refused' ? [] : ['This page goes on by itself.']));
  if (state === 'new') return say('Looking …', `asking ${live.name ?? 'for switches'}`);
  if (!live.ports.length) return say('This switch has no ports', 'Give it some: `snoop port add IF`, or a [[port]] in its file and `snoop reload`.');
  if (!live.rows.size) return say('No streams, and nobody has joined', 'Let a host join a group, or a sender send: rows appear by themselves. `snoop check` says what may keep them away.');
  if (!matrix.rows.length && search.text) return say('Nothing found', `No group, name, source, host, MAC or port has "${search.text}". Hosts are known once they have joined or sent.`);
  if (!matrix.rows.length && chosen.of) return say('Nothing of it is left', `No stream has to do with ${chosen.of.what} any more. The button with it above shows all rows again.`);
  if (!matrix.rows.length && chosen.wrong) return say('No trouble', 'Every member of a stream gets it, nobody was refused. `Check` above says what else is wrong.');
  if (!matrix.rows.length) return say('Only link-local groups', 'Hosts have joined what every host joins. `Link-local` above shows them.');
  page.hidden = true;
}

// To a row and a port that are named elsewhere, whatever hides them here.
function go(row, port) {
  if (row && !matrix.rows.includes(row)) {
    of(null);
    Object.assign(chosen, { wrong: false, vlan: '', local: chosen.local || row.local });
    $('only-wrong').setAttribute('aria-pressed', false);
    $('with-local').setAttribute('aria-pressed', chosen.local);
    $('search').value = $('vlan').value = '';
    search.set('');
  }
  matrix.go(row, port);
}

// All rows and ports that something is about, and nothing else: of ports, what they have to do with.
function several(what, some, ports) {
  const groups = new Set(some.map((row) => `${row.vlan} ${row.group}`)), names = new Set(ports.map((port) => port.name));
  const takes = (row) => live.ports.some((port, number) => names.has(port.name) && 'imsxworf'.includes(row.cells[number]));
  $('search').value = '';
  matrix.select(null, null);
  of({ what, names, has: (row) => groups.has(`${row.vlan} ${row.group}`) || (!groups.size && takes(row)) });
  search.set('');
  side.open('findings');
  if (narrow()) $('left').scrollIntoView({ block: 'nearest' });
}

function of(some) {
  chosen.of = some;
  matrix.marked = some?.names ?? new Set();
  $('of').hidden = !some;
  $('of').textContent = some ? `✕ ${some.what}` : '';
  $('of').title = some ? `Only what the finding about ${some.what} is about is shown: show all` : '';
}

const narrow = () => matchMedia('(max-width: 900px)').matches;

function picked(row, port) {
  side.select(row, port);
  timeline.select(row, port);
  const what = [row ? (row.name ?? row.group) : null, port ? (port.description ?? port.name) : null].filter(Boolean).join(', ');
  $('filter').textContent = what ? `of ${what}` : '';
  $('unselect').hidden = !what;
  if (what && narrow()) $('side').scrollIntoView({ block: 'nearest' });
}

for (const [id, name] of [['only-wrong', 'wrong'], ['with-local', 'local']]) {
  $(id).addEventListener('click', () => {
    chosen[name] = !chosen[name];
    $(id).setAttribute('aria-pressed', chosen[name]);
    rows();
  });
}
$('vlan').addEventListener('change', () => { chosen.vlan = $('vlan').value; rows(); });
$('sort').addEventListener('change', () => { chosen.sort = $('sort').value; rows(); });
$('search').addEventListener('input', () => search.set($('search').value));
$('of').addEventListener('click', () => { of(null); rows(); $('only-wrong').focus(); });
$('unselect').addEventListener('click', () => matrix.select(null, null));
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && !event.target.matches('input, select')) { event.preventDefault(); $('search').focus(); }
  if (event.key === 'Escape' && event.target === $('search')) { $('search').value = ''; search.set(''); $('matrix').focus(); }
});
$('legend').querySelector('ul').append(...Object.entries(CELLS).filter(([sign]) => sign !== '.').map(([, [letter, text, kind]]) => make('li', {}, make('span', { class: kind ? `sign-${kind}` : 'soft' }, letter), make('span', {}, text))));

// What the address names; anybody may have written it.
function named() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
}

// The switch of the address, or the first; none yet: until one comes.
async function begin() {
  try {
    const answer = await fetch('api/switches');
    live.switches = (await answer.json()).switches;
    live.health = { state: 'new', text: null };
  } catch {
    live.health = { state: 'disconnected', text: '`snoop web` does not answer.' };
  }
  const wanted = named();
  const names = (live.switches ?? []).map((one) => one.name);
  const running = (live.switches ?? []).find((one) => one.state === 'running')?.name;
  const name = names.includes(wanted) ? wanted : (running ?? names[0]);
  health();
  arrived();
  if (name) choose(name);
  else setTimeout(begin, 2000);
}
addEventListener('hashchange', () => { const name = named(); if (name && name !== live.name) choose(name); });
begin();
