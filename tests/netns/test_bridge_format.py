"""`show mdb --format bridge` beside `bridge -j -d -s mdb show` of the kernel's own bridge, after
the same reports on the same cables: equal field by field."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from netns.star import IGMP
from snoop.lab import Lab, frames, namespaces, wait_until

A, B, C = "10.0.1.1", "10.0.1.2", "10.0.1.3"
# (port, record type, group, sources), in this order; a group of its own for each case.
STORIES = {
    "any source": [(1, "TO_EX", "239.23.0.1", []), (2, "TO_EX", "239.23.0.1", [])],
    "one source": [(1, "ALLOW", "239.23.0.2", [A]), (2, "ALLOW", "239.23.0.2", [A, B])],
    "blocked sources": [(1, "TO_EX", "239.23.0.3", [A, B])],
    "any beside one": [(1, "TO_EX", "239.23.0.4", []), (2, "ALLOW", "239.23.0.4", [A])],
    "one beside any": [(2, "ALLOW", "239.23.0.5", [A]), (1, "TO_EX", "239.23.0.5", [])],
    "blocked beside wanted": [(1, "TO_EX", "239.23.0.6", [A]), (2, "ALLOW", "239.23.0.6", [A])],
    "any beside blocked": [(1, "TO_EX", "239.23.0.7", []), (2, "TO_EX", "239.23.0.7", [B])],
    "asked for again": [(1, "TO_EX", "239.23.0.8", []), (1, "ALLOW", "239.23.0.8", [C])],
    "of all kinds": [
        (1, "TO_EX", "239.23.0.9", [A]),
        (2, "ALLOW", "239.23.0.9", [A, B]),
        (3, "TO_EX", "239.23.0.9", []),
    ],
    "static any": [(1, "STATIC", "239.23.0.10", [])],
    "static source": [(1, "STATIC", "239.23.0.11", [A])],
    "static any beside one": [
        (2, "ALLOW", "239.23.0.12", [A]),
        (1, "STATIC", "239.23.0.12", []),
    ],
    "static source beside any": [
        (1, "TO_EX", "239.23.0.13", []),
        (2, "STATIC", "239.23.0.13", [A]),
    ],
    "static source and any on one port": [
        (1, "TO_EX", "239.23.0.14", []),
        (1, "STATIC", "239.23.0.14", [A]),
    ],
    "static source and another on one port": [
        (1, "ALLOW", "239.23.0.15", [B]),
        (1, "STATIC", "239.23.0.15", [A]),
    ],
    "by its MAC address": [(1, "STATIC", "01:00:00:01:02:03", [])],
}
LONG = {"query_interval": 125.0, "query_response_interval": 10.0}
Entry = dict[str, Any]


def tell(lab: Lab) -> None:
    """All reports, one after the other; static entries come after them."""
    for story in STORIES.values():
        for port, kind, group, sources in story:
            host = lab.h(port)
            if kind != "STATIC":
                host.frames(
                    [frames.report_v3([(kind, group, sources)], host.address, mac=host.mac)]
                )
                lab.settle(host)


def statics() -> list[tuple[int, str, list[str]]]:
    return [
        (port, group, sources)
        for story in STORIES.values()
        for port, kind, group, sources in story
        if kind == "STATIC"
    ]


def of_the_kernel() -> tuple[list[Entry], dict[str, Any]]:
    with Lab(4) as lab:
        lab.bridge(**LONG, membership_interval=260.0)
        tell(lab)
        with namespaces.inside(lab.namespace):
            for port, group, sources in statics():
                source = ["src", *sources] if sources else []
                words = ["bridge", "mdb", "add", "dev", "br0", "port", f"p{port}", "grp", group]
                subprocess.run([*words, *source, "permanent"], check=True)
            router = lab.h(3)
            router.frames([frames.query("10.0.0.13", mac=router.mac)])

            def shown() -> Any:
                done = subprocess.run(
                    ["bridge", "-j", "-d", "-s", "mdb", "show"], capture_output=True, check=True
                )
                (document,) = json.loads(done.stdout)
                return document if document["router"] else None

            document = wait_until(shown, within=20, what="the bridge has a router port")
    return document["mdb"], document["router"]


def of_the_switch() -> tuple[list[Entry], dict[str, Any]]:
    with Lab(4) as lab:
        switch = lab.switch(
            config={"switch": {"name": "br0"}, "igmp": {**IGMP, **LONG, "timer_profile": "rfc3376"}}
        )
        tell(lab)
        for port, group, sources in statics():
            source = ["--source", *sources] if sources else []
            switch.do("mdb", "add", group, "--port", f"p{port}", *source)
        router = lab.h(3)
        router.frames([frames.query("10.0.0.13", mac=router.mac)])
        wait_until(lambda: switch.show("mrouters")["mrouters"], within=20)
        (document,) = json.loads(switch.quick("show", "mdb", "--format", "bridge"))
    return document["mdb"], document["router"]


@pytest.fixture(scope="module")
def both() -> tuple[tuple[list[Entry], dict[str, Any]], tuple[list[Entry], dict[str, Any]]]:
    if shutil.which("bridge") is None:
        pytest.skip("iproute2's `bridge` is not installed")
    return of_the_kernel(), of_the_switch()


def told(timer: str) -> str:
    """A timer's shape: its padding, and whether it runs; no two runs have the same time left."""
    assert re.fullmatch(r" *\d+\.\d\d", timer), timer
    padded = f"{len(timer)} columns" if timer.startswith(" ") else "not padded"
    return "none" if float(timer) == 0 else f"runs, {padded}"


def plain(entry: Entry) -> Entry:
    """Without what cannot be the same: the device's index (there is none), the time left, and the
    order of sources, which the kernel lists as they came."""
    kept = {**entry, "index": 0, "timer": told(entry["timer"])}
    if "source_list" in entry:
        kept["source_list"] = sorted(
            (source["address"], told(source["timer"])) for source in entry["source_list"]
        )
    return kept


@pytest.mark.parametrize("story", STORIES)
def test_entries_of_a_group_are_the_kernels(both: Any, story: str) -> None:
    group = STORIES[story][0][2]
    kernels, ours = (
        sorted((list(plain(entry).items()) for entry in entries if entry["grp"] == group), key=str)
        for entries, _ in both
    )
    assert kernels
    assert ours == kernels


def test_router_ports_are_the_kernels(both: Any) -> None:
    kernels, ours = (
        [list({**row, "timer": told(row["timer"])}.items()) for row in router["br0"]]
        for _, router in both
    )
    assert ours == kernels
