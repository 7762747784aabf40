"""Layer 0, the wire format: bytes to messages and back; no state, no clock, no I/O.

- `control` reads a punted frame from its MAC header in, by `ether`, `ipv4` and `igmp` or `pim`;
- `compose` writes what a switch, and in tests a host or a router, sends;
- `messages` and `headers`: what was read; `errors`: why not, by the name of a counter;
- `address`, `igmp_types`, `codes` (times of eight bits), `checksum`: what both share.
"""
