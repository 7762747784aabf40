"""What is told of events: which of them somebody wants, those that were and those to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from snoop.control import named
from snoop.control.matching import Groups
from snoop.control.parts import Go
from snoop.control.requests import Told
from snoop.runtime.fanout import Choice, Head, Listener, head_of
from snoop.runtime.history import History
from snoop.runtime.ports import Ports
from snoop.wire import address

# Lines looked at between two looks at the clock, and told at once.
PART_LINES = 200


def choice(asked: Told, ports: Ports, history: History) -> Choice:
    """Which events are wanted; RequestError for a port, group or host that is none."""
    names = named.names(asked.port)
    for name in names:
        if not history.knows(name):  # a port that is gone has a past
            named.port(ports, name)
    groups = None if asked.group is None else named.groups(asked.group)
    host = None if asked.host is None else named.host(asked.host).text

    def wanted(head: Head) -> bool:
        return (
            (not asked.types or head.event in asked.types)
            and (not names or head.port in names)
            and asked.vlan in (None, head.vlan)
            and asked.family in (None, _family_of(head))
            and (host is None or host in (head.reporter, head.address, head.mac))
            and (groups is None or _is_of(head.group, groups))
        )

    return wanted


def _family_of(head: Head) -> str | None:
    """What is of IPv6 says so; what names an address and does not, is of IPv4."""
    if head.family is None and (head.group or head.address or head.reporter):
        return "ipv4"
    return head.family


def _is_of(group: str | None, groups: Groups) -> bool:
    return group is not None and groups.has(address.parse_group(group))


async def last(lines: Sequence[bytes], wanted: Choice, most: int | None) -> list[bytes]:
    """The last `most` lines that are wanted, None: all; oldest first."""
    found: list[bytes] = []
    go = Go()
    for number, line in enumerate(reversed(lines)):
        if len(found) == most:
            break
        if wanted(head_of(line)):
            found.append(line)
        if not number % PART_LINES:
            await go.rest()
    found.reverse()
    return found


def count(lines: Sequence[bytes]) -> dict[str, int]:
    """How many events they are, and how many of each kind, the most frequent first."""
    kinds = Counter(head_of(line).event for line in lines)
    return {"events": len(lines), **dict(kinds.most_common())}


class Replay:
    """Tells what was, and then what a listener gets that has listened since."""

    def __init__(
        self, lines: Sequence[bytes], wanted: Choice, most: int, listener: Listener
    ) -> None:
        self._past: Sequence[bytes] | None = lines
        self._wanted = wanted
        self._most = most
        self._listener = listener

    async def next(self) -> list[bytes]:
        """At least one line."""
        if self._past is not None:
            lines = await last(self._past, self._wanted, self._most)
            self._past = None
            if lines:
                return lines
        return await self._listener.next()

    @property
    def over(self) -> bool:
        """Was that the last one, which `next` has returned?"""
        return self._past is None and self._listener.over

    def close(self) -> None:
        self._listener.close()
