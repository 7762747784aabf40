"""The bench: this switch, the kernel's bridge and Open vSwitch on the same work.

- `main` is the command, `plan` what is measured, `measures` how;
- `results` and `report` are what is said, `machine` the computer it was measured on;
- `star` and `site` are the hosts and the switch under test, `switches` the candidates;
- `traffic` builds and starts the programs of `netns-lab/traffic`.
"""
