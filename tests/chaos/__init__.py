"""A switch that is restarted, killed, changed, flooded and unplugged in seeded random order, while
streams run and hosts join and leave.

- `network` is the lab and the model of it: who wants what, which ports there are, in which VLAN;
- `steps_*` are what happens to it, small functions in lists `STEPS`; each says what it may cost;
- `verify` holds what arrived to the model, and the switch to what it says of itself;
- `players` are processes in hosts: the streams, and somebody who joins and leaves all the time;
- `soak` has the figures of a long game; `game` plays one: `tests/chaos/run --help`.
"""
