"""snoop: an IGMP snooping software switch for Linux.

`Switch` is the Python API (`snoop/switch.py`). It is loaded when it is asked for, so that importing
a layer of the package imports nothing above it.

- `wire`, `proto`, `table`: the pure core; `fastpath`: the binding to C;
- `config`, `links`, `runtime`, `control`, `daemon`: the process;
- `cli` (and `__main__`): the commands; `switch`: a switch from Python;
- `lab`: hosts around it, for tests;
- `printable`: a name's one spelling; `namespace`: of `ip netns`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snoop.switch import Switch

__all__ = ["Switch", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name == "Switch":
        from snoop.switch import Switch

        return Switch
    raise AttributeError(f"module 'snoop' has no attribute {name!r}")
