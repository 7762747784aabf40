"""What `explain` adds about the streams of a group that really flow, and about who waits for them.

Who has joined what nobody sends, who sends by another port than was asked about, and what is left
to look at where the switch has done its part.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from snoop.control.explaining.case import Case, ago, listed
from snoop.proto.hosts import NO_ADDRESS
from snoop.proto.units import SECOND, Duration
from snoop.proto.views import MdbRow
from snoop.runtime import clock
from snoop.table.seen import Stream
from snoop.wire import address
from snoop.wire.address import Address, Family, mac_text

_RECENT_NS = 60 * SECOND
_NETWORK_BITS = 16


def notes(case: Case, group: Address) -> Iterator[str]:
    """What flows, and does not."""
    if address.is_link_local_group(group):
        return
    alike = [one for one in case.streams if case.source in (None, one.source)]
    here = [one for one in alike if one.port == case.ingress.id and _is_recent(one)]
    if not here and case.registered:
        yield _missing(case, group, alike)
    twice = {one.port for one in alike if _is_recent(one)} - {case.ingress.id}
    if here and twice and case.source is not None:
        names = listed([case.plane.ports.name(port) for port in sorted(twice)])
        yield f"it comes in at {names} as well, from the same address: members get it twice"
    yield from _foreign(case)
    yield from _doubled(case)
    if any(one.reason == "mac_ip_mismatch" for one in here):
        yield (
            "its frames go to a MAC address that is not the group's: they flood, and filters of "
            "hosts do not take them "
            f"(`tcpdump -c 1 -eni {case.ingress.name} host {address.text(group)}`)"
        )
    if here:
        yield from _delivered(case, group)


def _doubled(case: Case) -> Iterator[str]:
    """Members with one address: what one leaves or asks for is not told apart from the other's."""
    macs: dict[Address, set[bytes]] = {}
    for host in case.hosts:
        if host.address not in NO_ADDRESS:
            macs.setdefault(host.address, set()).add(host.mac)
    for known, users in macs.items():
        if len(users) > 1:
            names = listed([mac_text(mac) for mac in sorted(users)])
            yield f"{address.text(known)} is the address of several hosts: {names}"


def _is_recent(stream: Stream) -> bool:
    return clock.now() - stream.last_ns < _RECENT_NS


def _missing(case: Case, group: Address, alike: list[Stream]) -> str:
    """Somebody waits, and no frame comes in there."""
    text, port = address.text(group), case.ingress.name
    what = text if case.source is None else f"{text} from {address.text(case.source)}"
    look = f"on the sender, `ip route get {text}` says by which interface it goes"
    others = [one for one in alike or case.streams if _is_recent(one)]
    if not others:
        unread = case.counts(case.ingress)["flood_l2_multicast"]
        if unread:
            look += (
                f"; {unread} multicast frames that are not IP, or behind a second tag, have come "
                f"in at {port}"
            )
        last = max((one.last_ns for one in alike), default=None)
        when = "" if last is None else f" since {ago(Duration(clock.now() - last))}"
        if last is None and (strays := [one for one in case.strays if _is_recent(one)]):
            return f"no frame of {what} has come in {_in(case.vid)}: {_arrives(case, strays)}"
        return f"no frame of {what} has come in{when}: {look}"
    froms = sorted(
        {f"{address.text(one.source)} at {case.plane.ports.name(one.port)}" for one in others}
    )
    return f"no frame of {what} has come in at {port}: it comes from {listed(froms)}"


def _arrives(case: Case, strays: list[Stream]) -> str:
    """Where the streams of a group come in that is waited for in another VLAN (SAY-18)."""
    names = {f"{_in(one.vlan)}, at {case.plane.ports.name(one.port)}" for one in strays}
    return f"it arrives {listed(sorted(names))}"


def _in(vid: int) -> str:
    return f"in VLAN {vid}" if vid else "untagged"


def _foreign(case: Case) -> Iterator[str]:
    """Members that may have no route back to the sender; who comes by a router is of elsewhere."""
    source = case.source
    if source is None or address.family(source) is not Family.IPV4:
        return
    if case.ingress.id in case.mrouters:
        return
    network = ip_network((address.text(source), _NETWORK_BITS), strict=False)
    hosts = sorted(
        {
            row.last_reporter
            for port in case.plane.ports
            if case.forwarded(port)
            for row in case.members.get(port.id, ())
            if row.last_reporter is not None and row.last_reporter not in NO_ADDRESS
        }
    )
    if not hosts or any(ip_address(address.text(host)) in network for host in hosts):
        return
    host, text = address.text(hosts[0]), address.text(source)
    yield (
        f"{text} is not of the network of {host}: with a reverse path filter and no route back it "
        f"drops the stream (on {host}: `ip route get {text}`, sysctl net.ipv4.conf.all.rp_filter)"
    )


def _delivered(case: Case, group: Address) -> Iterator[str]:
    """The switch does its part: where a host loses it, which it alone can see."""
    rows: list[MdbRow] = []
    served = []
    for port in case.plane.ports:
        if case.forwarded(port) and case.members.get(port.id):
            rows += case.members[port.id]
            served.append(port.name)
    if not served:
        return
    reporters = (row.last_reporter for row in rows)
    host = next((one for one in reporters if one is not None and one not in NO_ADDRESS), None)
    on = f"on {address.text(host)}" if host else "there"
    yield (
        f"it comes in, and is sent to {listed(served)}: if a program there does not get it, look "
        f"{on} at `nstat -az TcpExtIPReversePathFilter UdpNoPorts UdpRcvbufErrors`, "
        "`nft list ruleset`, `ip maddr show`"
    )
