"""The lab: hosts in network namespaces around a switch, for tests, the demo and by hand.

    from snoop.lab import QUICK, Lab

    with Lab(4) as lab:
        switch = lab.switch(config=QUICK)
        lab.h(1).join("239.1.2.3")

The README.md here has a whole example, with the fixtures of `plugin`, which pytest finds by itself.
What is offered here is loaded when it is asked for: an agent needs the standard library alone, and
a test run that makes no lab pays for none.

- `lab` lays it out, `namespaces` makes and sweeps what it is made of;
- `host` is one host, `agent` the process inside it with its `tap` and `datagrams`;
- `vlans`: a host's tagged interfaces;
- `switch`: this switch, the kernel's bridge;
- `frames` and `frames_ipv6` craft;
- `plugin`: the fixtures `snoop_lab` and `snoop_switch`.
"""

import importlib

TYPE_CHECKING = False  # of `typing`, which an agent need not import

if TYPE_CHECKING:
    from snoop.lab.host import AgentError, Captured, Count, Host, Job
    from snoop.lab.lab import Lab
    from snoop.lab.namespaces import LabError
    from snoop.lab.switch import QUICK, QUICK_IPV6, KernelBridge, Snoop
    from snoop.waiting import wait_until

__all__ = [
    "QUICK",
    "QUICK_IPV6",
    "AgentError",
    "Captured",
    "Count",
    "Host",
    "Job",
    "KernelBridge",
    "Lab",
    "LabError",
    "Snoop",
    "wait_until",
]
_HOME = {
    "lab.host": ("AgentError", "Captured", "Count", "Host", "Job"),
    "lab.lab": ("Lab",),
    "lab.namespaces": ("LabError",),
    "lab.switch": ("QUICK", "QUICK_IPV6", "KernelBridge", "Snoop"),
    "waiting": ("wait_until",),
}


def __getattr__(name: str) -> object:
    for home, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"snoop.{home}"), name)
    raise AttributeError(f"module 'snoop.lab' has no attribute {name!r}")
