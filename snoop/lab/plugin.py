"""What pytest finds by itself once this is installed (entry point `pytest11`): two fixtures.

`snoop_lab` is a `Lab`, `snoop_switch` the switch of its hosts, once it prunes. Both are made for
one test; a marker of the same name on the test, its class or its module says how. Nothing of the
lab is imported before a test asks for one of them.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from snoop.lab.lab import Lab
    from snoop.lab.switch import Snoop

MARKERS = (
    "snoop_lab(hosts=4, mtu=1500, quiet_ipv6=True): how the lab of this test is laid out, as in "
    "snoop.lab.Lab",
    "snoop_switch(config={}, ports=None, vlans=None, pruning=True): tables of the configuration "
    "beside those of snoop.lab.QUICK; the ports, all of them otherwise; their VLANs, as in "
    "snoop.lab.Lab.switch; False: do not wait until it prunes",
)


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.fixture
def snoop_lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Four hosts in network namespaces, or what `@pytest.mark.snoop_lab(...)` says."""
    from snoop.lab import Lab, LabError

    marker = request.node.get_closest_marker("snoop_lab")
    given, named = (marker.args, marker.kwargs) if marker else ((), {})
    lab = Lab(*given, **named)
    try:
        lab.open()
    except LabError as error:
        pytest.fail(str(error), pytrace=False)
    else:
        yield lab
    finally:
        lab.close()


@pytest.fixture
def snoop_switch(request: pytest.FixtureRequest, snoop_lab: Lab) -> Iterator[Snoop]:
    """A switch with a querier among the hosts of `snoop_lab`, when it has begun to prune.

    `@pytest.mark.snoop_switch(config={...})` changes its configuration. A switch that ended by
    itself meanwhile fails the test.
    """
    marker = request.node.get_closest_marker("snoop_switch")
    named = dict(marker.kwargs) if marker else {}
    pruning = named.pop("pruning", True)
    switch = snoop_lab.switch(config=beside_quick(named.pop("config", {})), **named)
    if pruning:
        queriers = switch.show("querier", family="ipv4")["queriers"] if "vlans" in named else []
        for vlan in sorted({row["vlan"] for row in queriers}) or [0]:
            switch.wait_pruning(vlan=vlan)
    yield switch
    assert switch.process is not None
    if switch.process.poll() not in (None, 0, -signal.SIGTERM, -signal.SIGKILL):
        pytest.fail(f"the switch ended: {switch.process.returncode}\n{switch.log}", pytrace=False)


def beside_quick(config: Mapping[str, Any]) -> dict[str, Any]:
    """These tables, where they are silent those of `QUICK`."""
    from snoop.lab import QUICK

    merged: dict[str, Any] = {**QUICK, **config}
    for name in QUICK.keys() & config.keys():
        merged[name] = {**QUICK[name], **config[name]}
    return merged
