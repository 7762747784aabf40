"""The C fast path as Python sees it: the only package that imports the compiled binding.

`FastPath` owns one `struct fp_switch`:

- `names`: reasons, counters, what is done with a frame, as the contract header has them;
- `opening`: its ports; `handing`: for another process; `reading`: what it knows and has counted;
- `switch`: the whole of it.
"""

from snoop.fastpath.names import CONTRACT_VERSION, DROPS, PATHS, PORTS_MAX, REASONS, STATS, Action
from snoop.fastpath.reading import Verdict
from snoop.fastpath.switch import FastPath

__all__ = [
    "CONTRACT_VERSION",
    "DROPS",
    "PATHS",
    "PORTS_MAX",
    "REASONS",
    "STATS",
    "Action",
    "FastPath",
    "Verdict",
]
