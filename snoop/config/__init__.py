"""The configuration: what may be set, read whole and checked before anything opens.

- `schema`: one struct a table of the file, one field a key, with its bounds and its description;
- `loader`: a file and the command line, checked;
- `resolve`: what was set, as the protocol's parameters; `effective`: a port's options as they hold;
- `toml`: plain tables as a file of them is written.
"""
