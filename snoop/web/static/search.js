// What is searched for: groups, names, sources and ports are here; hosts the switch is asked for.
import { ask } from './words.js';

const AGAIN_MS = 10_000;

export class Search {
  constructor(live, changed) {
    this.live = live;
    this.changed = changed;
    this.text = '';
    this.known = null;
  }

  set(text) {
    this.text = text.trim().toLowerCase();
    if (this.text.length >= 2) this.hosts();
    this.changed();
  }

  // Whose address or MAC has it, and what they have joined; asked for at most every ten seconds.
  async hosts() {
    const name = this.live.name;
    if (this.asking || (this.known?.name === name && Date.now() - this.known.at < AGAIN_MS)) return;
    this.asking = true;
    try {
      const base = `api/${encodeURIComponent(name)}/show`;
      const [hosts, fdb] = await Promise.all([ask(`${base}/hosts`), ask(`${base}/fdb`)]);
      this.known = { name, at: Date.now(), hosts: hosts.hosts, fdb: fdb.fdb };
    } catch {
      this.known = { name, at: Date.now(), hosts: [], fdb: [] };
    }
    this.asking = false;
    this.changed();
  }

  // The rows and ports that have it; null: all.
  found() {
    const text = this.text;
    if (!text) return null;
    const has = (...words) => words.some((word) => word && word.toLowerCase().includes(text));
    const places = new Set(), addresses = new Set(), ports = new Set();
    const known = this.known?.name === this.live.name ? this.known : { hosts: [], fdb: [] };
    const mac = text.replaceAll('-', ':');
    for (const host of known.hosts) {
      if (has(host.address) || host.mac.includes(mac)) {
        places.add(`${host.vlan} ${host.group}`);
        addresses.add(host.address);
        ports.add(host.port);
      }
    }
    for (const row of known.fdb) if (row.mac.includes(mac)) ports.add(row.port);
    for (const port of this.live.ports) if (has(port.name, port.description, port.mac)) ports.add(port.name);
    const rows = (row) => has(row.group, row.name, row.announced, row.source) || places.has(`${row.vlan} ${row.group}`) || addresses.has(row.source);
    return { rows, ports };
  }
}
