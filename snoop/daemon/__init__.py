"""The process around a `Plane`: the only layer that has threads, descriptors and signals.

- `process`: one switch from its start to its end;
- `workers`: the threads of the forwarding loops; `turns`: what asyncio calls, and the one timer;
- `surviving`: what of it another process goes on with; `keeping`: when that is written to a file;
  `resuming`: what is done with it at a start;
- `restarting`: a new process in this one's place; `handing` gives, `heir` takes, by `messages`;
  `under_way`: the changes that it waits for;
- `finding`: what `check` finds, for the metrics;
- `limits`: how much of the machine it may use.
"""
