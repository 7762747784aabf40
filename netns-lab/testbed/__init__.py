"""What uses `snoop.lab` beside the tests: the demo, and what our own tests put beside a switch.

- `demo`, `demo_vlans` and `lasting` are the commands `demo` and `lab`;
- `daemons`: real neighbours; `guest`: a host behind a tap device.
"""
