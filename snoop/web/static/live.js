// What the server tells of one switch, put together: a picture, then changes of it.
import { addressKey } from './words.js';

const AGAIN_MS = 2000;
const LOST = 'This page has lost `snoop web`: start it again, or `systemctl status snoop-web` says why not. The page goes on by itself.';
const order = (row) => [String(row.vlan).padStart(4, '0'), addressKey(row.group), addressKey(row.source ?? ''), row.port ?? ''].join(' ');

export class Live {
  constructor(told) {
    this.told = told;
    this.source = null;
    this.reset();
  }

  reset() {
    this.health = { state: 'new', text: null };
    this.summary = null;
    this.ports = [];
    this.rows = new Map();
    this.rates = {};
    this.findings = [];
    this.events = [];
    this.more = 0;
  }

  look(name) {
    this.source?.close();
    clearTimeout(this.retry);
    this.name = name;
    this.reset();
    this.told('picture');
    this.open();
  }

  open() {
    const source = new EventSource(`api/${encodeURIComponent(this.name)}/live`);
    this.source = source;
    source.addEventListener('picture', (event) => this.picture(JSON.parse(event.data)));
    source.addEventListener('change', (event) => this.change(JSON.parse(event.data)));
    source.addEventListener('events', (event) => this.happen(JSON.parse(event.data)));
    source.addEventListener('health', (event) => { this.health = JSON.parse(event.data); this.told('health'); });
    source.addEventListener('switches', (event) => { this.switches = JSON.parse(event.data); this.told('switches'); });
    source.onerror = () => {
      // The browser tries again by itself, unless the server has said no.
      this.lost('disconnected', LOST);
      if (source.readyState !== EventSource.CLOSED) return;
      this.why(source);
      this.retry = setTimeout(() => this.open(), AGAIN_MS);
    };
  }

  // Why it has said no: an event source is not told.
  async why(source) {
    const ended = new AbortController();
    try {
      const answer = await fetch(source.url, { signal: ended.signal });
      const text = answer.ok ? null : (await answer.json()).error;
      if (text && source === this.source) this.lost('refused', answer.status === 404 ? `There is no switch "${this.name}" on this machine any more, or not yet. It appears here by itself.` : `\`snoop web\` says: ${text}. The page tries again.`);
    } catch {
      // `disconnected` it is.
    }
    ended.abort();
  }

  lost(state, text) {
    this.health = { state, text };
    this.told('health');
  }

  picture(all) {
    this.reset();
    this.health = all.health;
    this.summary = all.summary ?? null;
    this.ports = all.ports ?? [];
    this.rows = new Map();
    this.take(all.rows ?? []);
    this.rates = all.rates ?? {};
    this.findings = all.findings ?? [];
    this.more = all.more ?? 0;
    this.events = all.events ?? [];
    this.told('picture');
  }

  change(some) {
    if (some.summary) this.summary = some.summary;
    if (some.ports) this.ports = some.ports;
    if (some.findings) this.findings = some.findings;
    if (some.more !== undefined) this.more = some.more;
    this.take(some.rows ?? []);
    for (const id of some.gone ?? []) { this.rows.delete(id); delete this.rates[id]; }
    Object.assign(this.rates, some.rates ?? {});
    this.told('change', some);
  }

  take(rows) {
    for (const row of rows) {
      row.order = order(row);
      this.rows.set(row.id, row);
    }
  }

  happen(some) {
    this.events.push(...some.events);
    if (some.left_out) this.events.push({ time: Date.now() / 1000, event: 'lost', count: some.left_out });
    const oldest = Date.now() / 1000 - 900;
    if (this.events.length > 4000 || (this.events[0]?.time ?? oldest) < oldest - 60) {
      this.events = this.events.filter((event) => event.time >= oldest).slice(-3000);
    }
    this.told('events');
  }

  rate(row) { return this.rates[row.id]?.[0] ?? 0; }
}
