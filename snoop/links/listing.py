"""The interfaces of one namespace at one moment: one question to the kernel, however many."""

from __future__ import annotations

from collections.abc import Iterable

from snoop.links import runs
from snoop.links.rtnetlink import Facts


class Listing:
    """By index, and by what sits on what."""

    def __init__(self, links: Iterable[Facts]) -> None:
        self._by_index: dict[int, Facts] = {}
        self._on: dict[int, list[str]] = {}
        for each in links:
            self._by_index[each.ifindex] = each
            if runs.sits_on(each, each.link):
                self._on.setdefault(each.link, []).append(each.name)

    def get(self, ifindex: int) -> Facts | None:
        return self._by_index.get(ifindex)

    def on(self, ifindex: int) -> list[str]:
        """The names of those that sit on an interface."""
        return self._on.get(ifindex, [])
