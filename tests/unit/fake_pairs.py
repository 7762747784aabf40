"""Pairs of interfaces made of nothing, among the links of `fake_fastpath`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from snoop.links.addresses import Interface
from snoop.links.interfaces import Link
from snoop.links.pairs import End
from snoop.links.rtnetlink import Facts
from unit.fake_fastpath import FakeLinks

FIRST = 900


@dataclass
class FakePairs:
    """What `pairs.Pairs` does. `refusal` is raised by whatever changes something; `made` and `told`
    are what was asked for.
    """

    links: FakeLinks
    refusal: OSError | None = None
    told: list[str] = field(default_factory=list)
    facts: dict[int, Facts] = field(default_factory=dict)
    held: dict[int, dict[Interface, bool]] = field(default_factory=dict)
    local: dict[int, bool] = field(default_factory=dict)

    def look(self, ifindex: int) -> Facts:
        return self.facts[ifindex]

    def make(self, one: End, other: End, *, mtu: int) -> None:
        self._tell("make", one.name)
        first = FIRST + len(self.facts)
        for at, (name, _, mac) in enumerate((one, other)):
            index, end = first + at, first + 1 - at
            self.links.links[name] = Link(name, index, False, False, mtu, mac, 0, kind="veth")
            self.facts[index] = Facts(index, name, kind="veth", link=end)

    def remove(self, ifindex: int) -> None:
        self._tell("remove", self._name(ifindex))
        for index in (ifindex, self.facts[ifindex].link):
            del self.links.links[self._name(index)]
            del self.facts[index]

    def set_up(self, ifindex: int) -> None:
        self._change("up", ifindex, up=True, admin_up=True)

    def set_mtu(self, ifindex: int, mtu: int) -> None:
        self._change(f"mtu {mtu}", ifindex, mtu=mtu)

    def set_mac(self, ifindex: int, mac: bytes) -> None:
        self._change(f"mac {mac.hex(':')}", ifindex, mac=mac)

    def set_alias(self, ifindex: int, alias: str) -> None:
        self._replace(ifindex, alias=alias)

    def accept_local(self, ifindex: int, *, on: bool) -> None:
        self._tell(f"accept_local {on}", self._name(ifindex))
        self.local[ifindex] = on

    def keep_silent(self, ifindex: int) -> None:
        self._tell("keep_silent", self._name(ifindex))

    def keep_secondaries(self, ifindex: int) -> None:
        self._tell("keep_secondaries", self._name(ifindex))

    def addresses(self, ifindex: int) -> dict[Interface, bool]:
        return dict(self.held.get(ifindex, {}))

    def add_address(self, ifindex: int, address: Interface) -> None:
        self._tell(f"add {address}", self._name(ifindex))
        self.have(ifindex, address, ours=True)

    def remove_address(self, ifindex: int, address: Interface) -> None:
        self._tell(f"remove {address}", self._name(ifindex))
        self.lose(ifindex, address)

    # What others do ------------------------------------------------------------------------------

    def have(self, ifindex: int, address: Interface, *, ours: bool = False) -> None:
        """An interface gets an address."""
        self.held.setdefault(ifindex, {})[address] = ours
        self._show(ifindex)

    def lose(self, ifindex: int, address: Interface) -> None:
        """It is taken from it."""
        del self.held[ifindex][address]
        self._show(ifindex)

    def _show(self, ifindex: int) -> None:
        held = frozenset(str(each.ip) for each in self.held[ifindex])
        self._replace(ifindex, addresses=held)

    def _change(self, what: str, ifindex: int, **fields: object) -> None:
        self._tell(what, self._name(ifindex))
        self._replace(ifindex, **fields)

    def _replace(self, ifindex: int, **fields: object) -> None:
        name = self._name(ifindex)
        self.links.links[name] = replace(self.links.links[name], **fields)  # type: ignore[arg-type]

    def _name(self, ifindex: int) -> str:
        return next(name for name, one in self.links.links.items() if one.ifindex == ifindex)

    def _tell(self, what: str, name: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.told.append(f"{name}: {what}")
