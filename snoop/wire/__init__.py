"""Layer 0, the wire format: bytes to messages and back; no state, no clock, no I/O.

- `control` reads a control frame from its MAC header in, by `ether`, `ipv4` or `ipv6`, and `igmp`,
  `mld` or `pim`; `records` are those of a report;
- `compose` and `compose_mld` write what a switch, and in tests a host or a router, sends;
- `probe` is the frame of the loop guard; `sap` reads announcements of sessions, `sdp` what of;
- `messages` and `headers`: what was read; `errors`: why not, by the name of a counter;
- `address`, `igmp_types`, `mld_types`, `codes` (of times), `checksum`: what both share.
"""
