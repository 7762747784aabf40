"""The configuration: what may be set, read whole and checked before anything opens.

- `schema`, `schema_port` and `schema_vlan`: one struct a table of the file, one field a key, with
  its bounds and its description;
- `bounds`, `addresses`: the types of the keys, each checked as it is made;
- `reading`: the text of a file, whatever is at its path;
- `words`: what a key takes, said; `problems`: what is wrong, with its line, and
  what is not known by it;
- `resolve`: what was set, as the protocol's parameters;
- `effective`: what holds where a key is left out;
- `names`: what groups are called;
- `together`, `together_hosts` and `together_vlans`: checks that need more than one value; `loader`:
  a file and the command line, checked; `port_options`: options of a port as words of a command;
- `given_ports`: the ports of a file, the command line and commands; `patterns`: those of `match`;
  `aliases`: those that say so themselves;
- `odd`, `odd_ports` and `odd_vlans`: what is allowed and seldom meant; `settings`: what is in
  effect, and what waits; `standing`: whether the file could be loaded again;
- `toml`: plain tables as a file of them is written.
"""
