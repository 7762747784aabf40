"""snoop: an IGMP and MLD snooping software switch for Linux.

`Switch` is the Python API (`snoop/switch.py`), with what it raises: `SwitchError` when a switch
does not start, `NoDaemon` when there is none, `Refused` when it says no. They are loaded when they
are asked for, so that importing a layer of the package imports nothing above it.

- `wire`, `proto`, `table`: the pure core; `fastpath`: the binding to C;
- `config`, `links`, `runtime`, `control`, `daemon`: the process; `parent`: what is left of one that
  handed over;
- `cli` (and `__main__`): the commands; `switch`: a switch from Python;
- `containers`: what joins them to a switch; `web`: the page of all switches;
- `lab`: hosts around it, for tests;
- `printable`: a name's one spelling; `namespace`: of `ip netns`; `waiting`: with a bound.
"""

TYPE_CHECKING = False  # of `typing`, which an agent need not import

if TYPE_CHECKING:
    from snoop.control.client import NoDaemon, Refused
    from snoop.switch import Switch, SwitchError

__all__ = ["NoDaemon", "Refused", "Switch", "SwitchError", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name in ("Switch", "SwitchError"):
        from snoop import switch

        return getattr(switch, name)
    if name in ("NoDaemon", "Refused"):
        from snoop.control import client

        return getattr(client, name)
    raise AttributeError(f"module 'snoop' has no attribute {name!r}")
