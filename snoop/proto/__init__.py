"""Layer 1, the protocol: inputs and `now` in, effects out; no clock, socket or thread.

`engine` is the way in, `params` what goes in, `effects` and `views` what comes out. Each file
imports only those before it, from the bottom up:

- `units`, `deadlines`: time, and all timers; `dumping`: how state survives a restart;
- `filters`, `timings`, `vlans`, `params`, `settings`: what is set;
- `port` with `witnesses`, `shares`, `context`: what all instances share; `loading`: what they ask
  who come back;
- `scope`: the leaf that every part of one instance, a (VLAN, family), holds; with it `asked`, who
  answered which query;
- `hosts`, `membership`: the state machine of spec section 3, of one group on one port;
- `mrouter`, `querier` with `elected`, `schedule`, `null_source`, `adopting` and `remarks`,
  `presence`, `slow_hosts`: who asks, where the routers are, and what follows from it;
- `queries` builds and sends what this switch asks, `last_word` asks before anybody is cut off,
  `last_member` after a leave;
- `statics`, `group`, `groups`: who wants a group on which port, and whose membership ended
  (`departing`), `layer2`: the same of groups by their MAC address;
- `instance` joins the parts, `instances` begins and ends them, in turn where a switch filters by
  VLAN (`beginnings`), `solicitor` looks for routers,
  `carrier` has ports come and go, what takes long a part at a time (`chores`, `rounds`);
- `reports` takes what hosts say, `forwarding` says where a control frame goes, `receiving` takes a
  frame apart for both;
- `loops` finds loops by probes and says which port is held, `topology` when a change of the
  network is followed, `announced` has what senders call groups: beside the engine;
- `snapshot` has the state as rows, for people, `testimony` what was seen of hosts; `state` is all
  of it, dumped and loaded, and `fitting` leaves out what lower limits allow no more; `configuring`
  has it follow new settings.

State is written by whoever owns it; the others ask. Everything a host can make grow has a limit in
`params`, and a counter in `counters` for when it is met.
"""
