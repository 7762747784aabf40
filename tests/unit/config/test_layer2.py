"""`[[static]]` of a group by its MAC address (L2-3)."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from snoop.config import effective, loader, odd, resolve
from snoop.config.problems import ConfigError
from snoop.proto.statics import StaticEntry
from snoop.wire.address import of_mac, parse_mac

MAC = "01:00:00:01:02:03"
FILE = f"""
[[port]]
name = "p1"
[[static]]
group = "{MAC}"
ports = ["p1"]
"""


def config(text: str = FILE) -> Any:
    return loader.check(tomllib.loads(text), where="t")


def test_it_becomes_an_entry_and_is_shown_as_people_write_it() -> None:
    own = config(FILE.replace(MAC, MAC.replace(":", "-").upper()))
    entries = resolve.statics(own, port_id=lambda name: 1)
    assert entries == {StaticEntry(0, of_mac(parse_mac(MAC)), None, 1)}
    assert effective.whole(own)["static"][0]["group"] == MAC
    assert odd.notes(own) == odd.notes(config('[[port]]\nname = "p1"\n'))


@pytest.mark.parametrize(
    ("mac", "meant"),
    [
        ("02:00:00:00:00:01", ""),
        ("00:00:00:00:00:00", ""),
        ("ff:ff:ff:ff:ff:ff", ""),
        ("01:80:c2:00:00:0e", ""),
        ("01:00:5e:81:02:03", '(did you mean "224.1.2.3", or another of its 32 groups?)'),
        ("33:33:00:01:02:03", '(did you mean "ff02::1:203", or another group that ends so?)'),
    ],
)
def test_what_is_none_is_refused(mac: str, meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(FILE.replace(MAC, mac))
    said = str(caught.value)
    assert f'group = "{mac}" is not allowed: a multicast group such as' in said
    assert said.endswith(meant or "of a group that is not of IP such as 01:00:00:01:02:03")


def test_it_has_no_source_and_the_limit_of_groups() -> None:
    with pytest.raises(ConfigError, match="a group by its MAC address has none"):
        config(FILE + 'source = "10.0.0.9"\n')
    more = FILE.replace(MAC, "01:00:00:00:00:09").split("[[static]]")[1]
    config(FILE + "[[static]]" + more + "[igmp]\nmax_groups = 2\n")
    with pytest.raises(ConfigError, match="more than 1 groups of VLAN 0"):
        config(FILE + "[[static]]" + more + "[igmp]\nmax_groups = 1\n")
