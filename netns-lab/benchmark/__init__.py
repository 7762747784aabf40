"""The bench: this switch, the kernel's bridge and Open vSwitch on the same work.

- `main` is the command, `plan` which rows a report has, `items` what a row is, `goals` what must
  come out, `measures` how it is measured;
- `results` and `report` are what is said, `readme` the README's tables;
- `machine` is the computer it is measured on;
- `star` and `site` are the hosts and the switch under test, `variants` who there is, `switches` the
  candidates at work;
- `traffic` builds and starts the programs of `netns-lab/traffic`.
"""
