"""The lab: hosts in network namespaces around a switch, for the demo, the tests and by hand.

- `lab` lays it out, `namespaces` makes and sweeps what it is made of;
- `host` is one host, `agent` the process inside it with its `tap` and `datagrams`; `guest` is a
  host behind a tap device;
- `switch`: this switch, the kernel's bridge, Open vSwitch; `daemons`: real neighbours;
- `frames` crafts, `waiting` waits for a condition with a bound;
- `demo` and `lasting` are the commands `demo` and `lab`.
"""
