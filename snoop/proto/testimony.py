"""What was seen of hosts, as rows for people: who answers, who does not, who was refused, who went.

Ports and VLANs are asked about one by one, so that whoever asks may do so in parts.
"""

from collections.abc import Iterable, Iterator

from snoop.proto.asked import LATE
from snoop.proto.context import Context
from snoop.proto.hosts import Reporter, reporter_address, reporter_mac
from snoop.proto.instances import Instances
from snoop.proto.port import Port
from snoop.proto.scope import Scope
from snoop.proto.units import STOPPED, Duration, Instant
from snoop.proto.views import AskedRow, DepartureRow, RefusalRow, ShunnedRow, WitnessRow
from snoop.proto.witnesses import Heard
from snoop.wire.address import Address, Family, family
from snoop.wire.messages import version_of


def unanswered(scope: Scope, port: int, heard: Heard, now: Instant) -> int:
    """How many queries a host has left unanswered since it was heard, moved or not."""
    return scope.asked.unanswered(1 << port, heard.generation, heard.at, now, LATE)


class Testimony:
    """The witnesses of a switch."""

    def __init__(self, context: Context, instances: Instances) -> None:
        """Ask those."""
        self._context = context
        self._instances = instances

    def refused(
        self,
        now: Instant,
        ports: Iterable[int] | None = None,
        *,
        vid: int | None = None,
        group: Address | None = None,
    ) -> list[RefusalRow]:
        """The joins refused of late on ports (None: all), by port, VLAN, group, reason.

        A host asks again at each query: what it has not asked for a membership interval it wants no
        more.
        """
        rows: list[RefusalRow] = []
        for port in self._ports(ports):
            found = [
                RefusalRow(
                    vid=number,
                    family=family(address),
                    group=address,
                    port=port.id,
                    why=why,
                    address=reporter_address(known.who),
                    mac=reporter_mac(known.who),
                    count=known.count,
                    age=Duration(now - known.at),
                )
                for number, address, why, known in port.witnesses.refusals()
                if vid in (None, number)
                and group in (None, address)
                and now - known.at < self._interval(number, family(address))
            ]
            rows += sorted(found, key=lambda row: (row.vid, row.group, row.why))
        return rows

    def hosts(
        self, now: Instant, ports: Iterable[int] | None = None, *, vid: int | None = None
    ) -> list[WitnessRow]:
        """The hosts heard on ports (None: all), by port, VLAN, address, MAC."""
        rows: list[WitnessRow] = []
        for port in self._ports(ports):
            found = [
                self._host(number, port, heard, now)
                for number, heard in port.witnesses.hosts()
                if vid in (None, number)
            ]
            rows += sorted(found, key=lambda row: (row.vid, row.address, row.mac))
        return rows

    def gone(
        self,
        now: Instant,
        ports: Iterable[int] | None = None,
        *,
        vid: int | None = None,
        group: Address | None = None,
    ) -> list[DepartureRow]:
        """The memberships that ended on ports (None: all), by port, VLAN, group."""
        rows: list[DepartureRow] = []
        for port in self._ports(ports):
            found = [
                DepartureRow(
                    vid=number,
                    family=family(address),
                    group=address,
                    port=port.id,
                    how=gone.how,
                    address=reporter_address(gone.who),
                    mac=reporter_mac(gone.who),
                    age=Duration(now - gone.at),
                    last_heard=None if gone.heard is None else Duration(gone.at - gone.heard),
                    unanswered=gone.unanswered,
                    others=tuple([(reporter_mac(x), reporter_address(x)) for x in gone.others]),
                )
                for number, address, gone in port.witnesses.departures()
                if vid in (None, number) and group in (None, address)
            ]
            rows += sorted(found, key=lambda row: (row.vid, row.group))
        return rows

    def shunned(
        self, now: Instant, ports: Iterable[int] | None = None, *, vid: int | None = None
    ) -> list[ShunnedRow]:
        """The routers not believed on ports (None: all), by port, VLAN, address."""
        rows: list[ShunnedRow] = []
        for port in self._ports(ports):
            found = [
                ShunnedRow(
                    vid=number,
                    family=family(address),
                    port=port.id,
                    address=address,
                    origin=origin,
                    why=known.why,
                    count=known.count,
                    age=Duration(now - known.at),
                )
                for number, address, origin, known in port.witnesses.shunned()
                if vid in (None, number)
            ]
            rows += sorted(found, key=lambda row: (row.vid, row.address, row.origin))
        return rows

    def asked(self, now: Instant, vids: Iterable[int] | None = None) -> list[AskedRow]:
        """The last General Queries of VLANs (None: all), by VLAN, the latest first."""
        rows: list[AskedRow] = []
        for vid in self._instances.vids() if vids is None else sorted(vids):
            for instance in self._instances.of(vid):
                queries = list(instance.scope.asked)
                rows += [
                    AskedRow(
                        vid=vid,
                        family=instance.family,
                        address=query.address,
                        port=query.port,
                        version=version_of(instance.family, query.generation),
                        age=Duration(now - query.at),
                        left=Duration(max(0, query.until - now)),
                        answers=query.answers,
                        ports=query.ports,
                        answered=query.answered,
                        silent=query.silent if query.until + LATE <= now else 0,
                    )
                    for query in reversed(queries)
                ]
        return rows

    def _host(self, vid: int, port: Port, heard: Heard, now: Instant) -> WitnessRow:
        instance = self._instances.get(vid, family(reporter_address(heard.who)))
        count = 0
        moved = False
        if instance is not None and not heard.left:
            count = unanswered(instance.scope, port.id, heard, now)
            moved = count > 0 and self._is_elsewhere(vid, port, heard)
        return WitnessRow(
            vid=vid,
            family=family(reporter_address(heard.who)),
            port=port.id,
            address=reporter_address(heard.who),
            mac=reporter_mac(heard.who),
            version=version_of(family(reporter_address(heard.who)), heard.generation),
            first_heard=Duration(now - heard.first),
            last_heard=Duration(now - heard.at),
            answered=None if heard.answered == STOPPED else Duration(now - heard.answered),
            unanswered=0 if moved else count,
            left=heard.left,
            moved=moved,
        )

    def _is_elsewhere(self, vid: int, port: Port, heard: Heard) -> bool:
        """Tell whether a host has been heard on another port since."""
        return any(
            _since(other, vid, heard.who, heard.at)
            for other in self._context.ports.values()
            if other is not port
        )

    def _ports(self, ports: Iterable[int] | None) -> Iterator[Port]:
        known = self._context.ports
        for port in sorted(known) if ports is None else ports:
            if port in known:
                yield known[port]

    def _interval(self, vid: int, family: Family) -> Duration:
        known = self._instances.get(vid, family)
        own = self._context.settings.of(vid, family)
        return (own.timings if known is None else known.scope.timings).gmi


def _since(port: Port, vid: int, who: Reporter, at: Instant) -> bool:
    there = port.witnesses.find(vid, who)
    return there is not None and there.at > at
