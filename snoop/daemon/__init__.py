"""The process around a `Plane`: the only layer that has threads, descriptors and signals.

- `process`: one switch from its start to its end;
- `workers`: the threads of the forwarding loops; `turns`: what asyncio calls, and the one timer;
- `limits`: how much of the machine it may use.
"""
