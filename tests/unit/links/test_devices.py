"""What devices say of their links is remembered, and asked again before it is old."""

from __future__ import annotations

from dataclasses import replace

import pytest

from snoop.links import ethtool
from snoop.links.ethtool import AGAIN_NS, UNKNOWN, Device, Devices
from snoop.links.interfaces import Link
from unit.fake_fastpath import link


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices that were asked, one after the other: each time 100 Mbit/s faster."""
    names: list[str] = []

    def speed(name: str) -> int:
        names.append(name)
        return 100 * len(names)

    monkeypatch.setattr(ethtool, "speed", speed)
    monkeypatch.setattr(ethtool, "large_receive", lambda name: name == "p1")
    return names


def of(devices: Devices, one: Link, now: int) -> Device:
    devices.learn(ethtool.ask(devices.old([one], now)), now)
    return devices.of(one)


def test_a_device_is_asked_again_after_a_time_and_when_its_link_changes(asked: list[str]) -> None:
    devices, p0 = Devices(), link("p0", 10)
    assert of(devices, p0, 0) == of(devices, p0, AGAIN_NS - 1) == Device(100, False)
    assert of(devices, p0, AGAIN_NS) == Device(200, False)
    assert of(devices, replace(p0, up=False), AGAIN_NS + 1) == Device(300, False)
    assert of(devices, link("p1", 11), AGAIN_NS + 1) == Device(400, True)
    assert asked == ["p0", "p0", "p0", "p1"]


def test_another_interface_of_a_name_says_nothing_until_it_is_asked(asked: list[str]) -> None:
    devices = Devices()
    assert of(devices, link("p1", 11), 0) == Device(100, True)
    assert devices.of(link("p1", 12)) == UNKNOWN
    assert of(devices, link("p1", 12), 1) == Device(200, True)


def test_names_that_come_and_go_are_not_remembered_for_ever(asked: list[str]) -> None:
    devices = Devices()
    for number in range(1200):
        of(devices, link(f"v{number}", number % 200), 0)
    assert len(devices._known) <= 512
    assert len(asked) == 1200
