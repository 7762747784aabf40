"""Layer 5, the command line: each command asks a running switch over its socket.

- `main` lists the commands and turns what goes wrong into a line and an exit status; `session` is
  which switch is meant, `options` what several commands share, `given` what `run` takes of a
  configuration, `suggest` what the shell completes;
- a command a file: `run`, `show`, `change`, `port`, `explain`, `monitor`, `watch`, `check`,
  `config`, `decode`, `capture`, `completion`, `manual`, `docker`, `web`, `metrics`, and `running`,
  which is `list`;
- `screen` and `panel` draw what `watch` shows of a `view`, on a `terminal`, by its `keys`;
- `layout`, `tables`, `vlans`, `heard`, `human`, `overview`, `summary`, `example`: state for eyes;
  `output`: the streams; `formats`: the formats of others; `hexdump`: frames that people type in;
- `findings`: what `check` looks for, a file a theme.
"""
