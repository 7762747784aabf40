"""Commands on a switch that filters by VLAN: which one is meant, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.control.requests import Mrouter, PortSet, Query, RequestError, Show, Static
from unit.scene import Scene

PORTS = [
    {"name": "p0", "access": 10},
    {"name": "p1"},
    {"name": "p2", "trunk": [10, "20-29"], "native": 5},
    {"name": "p3", "trunk": [20]},
]
GROUP = "239.1.2.3"


def scene(ports: list[dict[str, Any]] = PORTS) -> Scene:
    return Scene(switch={"vlan_filtering": True, "no_querier": "prune"}, port=ports).start()


def held(made: Scene) -> set[tuple[int, str]]:
    return {(row["vlan"], row["port"]) for row in made.ask(Show(what="mdb"))["mdb"]}


def test_without_a_vlan_each_port_has_its_own() -> None:
    """SAY-60: access, the default, native; `del` finds what `add` has made."""
    made = scene()
    made.ask(Static(add=True, group=GROUP, port=("p0", "p1", "p2")))
    assert held(made) == {(10, "p0"), (1, "p1"), (5, "p2")}
    made.ask(Static(add=False, group=GROUP, port=("p0", "p1", "p2")))
    assert held(made) == set()
    made.ask(Mrouter(add=True, port="p0"))
    rows = made.ask(Show(what="mrouters"))["mrouters"]
    assert [(row["vlan"], row["port"]) for row in rows] == [(10, "p0")]
    made.ask(Mrouter(add=False, port="p0"))


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (Static(add=True, group=GROUP, port="p3"),
         "--vlan says which: p3 is a trunk without native, of VLAN 20"),
        (Static(add=True, group=GROUP, port=("p0", "p3")), "--vlan says which: p3 is a trunk"),
        (Mrouter(add=True, port="p3"), "--vlan says which: p3 is a trunk without native"),
        (Static(add=True, group=GROUP, port="p0", vlan=99),
         "no port is in VLAN 99; there are 1, 5, 10, 20-29"),
        (Static(add=True, group=GROUP, port="p0", vlan=0), "no port is in VLAN 0; there are 1, 5"),
        (Mrouter(add=True, port="p0", vlan=99), "no port is in VLAN 99; there are 1, 5, 10"),
        (Query(), "--vlan says which; there are 1, 5, 10, 20-29"),
        (Query(vlan=99), "no port is in VLAN 99; there are 1, 5, 10, 20-29"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_the_vlans_there_are(request_: Any, text: str) -> None:
    made = scene()
    with pytest.raises(RequestError) as caught:
        made.ask(request_)
    assert (str(caught.value).startswith(text), caught.value.code) == (True, 2), caught.value
    assert held(made) == set(), "nothing is begun"


def test_an_entry_outside_its_vlan_is_kept_and_can_be_deleted() -> None:
    made = scene()
    made.ask(Static(add=True, group=GROUP, port="p0", vlan=20))
    assert held(made) == {(20, "p0")}
    made.ask(PortSet(port="p2", options=("trunk=10",)))
    made.ask(PortSet(port="p3", options=("trunk=10",)))
    with pytest.raises(RequestError, match="no port is in VLAN 20"):
        made.ask(Static(add=True, group="239.1.2.4", port="p0", vlan=20))
    made.ask(Static(add=False, group=GROUP, port="p0", vlan=20))
    assert held(made) == set()


def test_an_entry_of_the_file_without_a_vlan_follows_its_port() -> None:
    made = Scene(
        switch={"vlan_filtering": True, "no_querier": "prune"},
        port=PORTS,
        static=[{"group": GROUP, "ports": ["p0"]}],
    ).start()
    assert held(made) == {(10, "p0")}
    made.ask(PortSet(port="p0", options=("access=20",)))
    assert held(made) == {(20, "p0")}
    made.ask(PortSet(port="p0", options=("access=",)))
    assert held(made) == {(10, "p0")}


def test_the_only_vlan_there_is_is_asked_in() -> None:
    made = scene([{"name": f"p{n}", "access": 7} for n in range(4)])
    made.ask(Static(add=True, group=GROUP, port="p1"))
    made.ask(Query(group=GROUP))
    with pytest.raises(RequestError, match="no port is in VLAN 8; there are 7"):
        made.ask(Query(vlan=8))
