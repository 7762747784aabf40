"""The decision of the fast path, slow and obvious: the yardstick of the C in `fp_decide`.

`Table` is fed the same deltas as the C table and answers "where does this frame go, and why".
It follows the order of spec 5 line by line: reserved addresses, VLAN, IGMP or MLD, other IP
multicast, the rest.  It knows no forwarding database (every unicast address is unknown) and no
rings; tests ask it what they would ask the switch.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from snoop.proto.units import Ports
from snoop.table.mdb import Delta, VlanRow
from snoop.table.members import ALL_PORTS, VLAN_DEFAULT
from snoop.wire.address import ANY, MAPPED, Address, Family, Prefix, of_mac, parse

_IPV4, _IPV6, _VLAN_TAG, _SERVICE_TAG = 0x0800, 0x86DD, 0x8100, 0x88A8
_IGMP, _PIM, _ICMPV6, _FRAGMENT, _AUTHENTICATION = 2, 103, 58, 44, 51
_EXTENSIONS = (0, 43, _FRAGMENT, _AUTHENTICATION, 60)
_MLD = (130, 131, 132, 143, 151, 152, 153)
_BROADCAST = b"\xff" * 6
_ALL_PIM_ROUTERS = MAPPED + bytes((224, 0, 0, 13))
_ALL_PIM_ROUTERS6 = parse("ff02::d")
_SOLICITED_NODES = parse("ff02::1:ff00:0")[:13]
_UDP, _SAP, _SAP_LINK = 17, bytes((224, 2, 127, 254)), bytes((224, 0, 0, 255))
_SAP6 = parse("ff0e::2:7ffe")[2:]
_NEEDED6 = {parse(f"ff02::{last}") for last in ("1", "2", "16", "6a", "fb", "1:2")}


class Reason(StrEnum):
    """Why a frame went where it went; the names `fp_reason_name` gives."""

    FORWARD_GROUP = "forward_group"
    FORWARD_SOURCE = "forward_source"
    FORWARD_UNREGISTERED = "forward_unregistered"
    FORWARD_L2_GROUP = "forward_l2_group"
    FLOOD_LINK_LOCAL = "flood_link_local"
    FLOOD_IPV6_LINK_LOCAL = "flood_ipv6_link_local"
    FLOOD_ALWAYS = "flood_always"
    FLOOD_NO_QUERIER = "flood_no_querier"
    FLOOD_BROADCAST = "flood_broadcast"
    FLOOD_UNKNOWN_UNICAST = "flood_unknown_unicast"
    FLOOD_IPV6_MULTICAST = "flood_ipv6_multicast"
    FLOOD_L2_MULTICAST = "flood_l2_multicast"
    FLOOD_MAC_IP_MISMATCH = "mac_ip_mismatch"
    PUNT_IGMP = "punt_igmp"
    PUNT_MLD = "punt_mld"
    PUNT_PROBE = "punt_probe"
    DROP_NO_MEMBER = "no_member"
    DROP_NO_EGRESS = "no_egress"
    DROP_SPLIT_HORIZON = "split_horizon"
    DROP_TRUNCATED = "truncated"
    DROP_RESERVED_MAC = "reserved_mac"
    DROP_VLAN_INVALID = "vlan_invalid"
    DROP_IP_ERROR = "ip_error"
    DROP_IPV6_ERROR = "ipv6_error"
    DROP_IPV6_SCOPE = "ipv6_scope"
    DROP_VLAN_FILTERED = "vlan_filtered"
    DROP_SOURCE_MAC = "source_mac"
    DROP_PORT_DOWN = "port_down"
    DROP_LOOP = "loop"


_REFUSED = {
    *(Reason.DROP_TRUNCATED, Reason.DROP_RESERVED_MAC, Reason.DROP_VLAN_INVALID, Reason.DROP_LOOP),
    *(Reason.DROP_VLAN_FILTERED, Reason.DROP_SOURCE_MAC, Reason.DROP_PORT_DOWN),
}
"""Nothing of such a frame is read."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a frame goes; `punt`: the control plane gets it, or a copy of it."""

    reason: Reason
    ports: Ports = 0
    punt: bool = False


@dataclass(slots=True)
class Table:
    """The published state.  `up`: the ports that take part; a frame never leaves by its own.

    `guard`: those whose probes are handed up, `held`: those that are part of a loop; `reserved`: by
    port, bit n lets 01:80:c2:00:00:0n through; `names`: those whose announcements are copied.
    `pvids` has the ports that filter, 0: they refuse what brings no VLAN.
    """

    up: Ports = 0
    rows: dict[tuple[int, Address, Address], Ports] = field(default_factory=dict)
    vlans: dict[tuple[int, Family], VlanRow] = field(default_factory=dict)
    floods: set[Prefix] = field(default_factory=set)
    members: dict[int, Ports] = field(default_factory=dict)
    pvids: dict[int, int] = field(default_factory=dict)
    horizons: dict[int, int] = field(default_factory=dict)
    guard: Ports = 0
    names: Ports = 0
    held: Ports = 0
    reserved: dict[int, int] = field(default_factory=dict)

    def apply(self, delta: Delta) -> None:
        """Apply one publish; KeyError if it deletes what is not there."""
        for name in delta.deletes:
            del self.rows[name]
        for row in delta.upserts:
            self.rows[row.vid, row.group, row.source] = row.ports
        for key in delta.vlan_deletes:
            del self.vlans[key]
        for vlan in delta.vlans:
            self.vlans[vlan.vid, vlan.family] = vlan
        for vid in delta.member_deletes:
            del self.members[vid]
        self.members.update((row.vid, row.ports) for row in delta.members)
        self.floods.difference_update(delta.flood_deletes)
        self.floods.update(delta.floods)

    def decide(self, port: int, frame: bytes) -> Verdict:
        """Decide one frame, VLAN tag included, that came in by `port`."""
        verdict = self._decide(port, frame)
        if verdict.reason not in _REFUSED and self.names >> port & 1 and _announces(frame):
            verdict = replace(verdict, punt=True)  # SAY-61
        apart = self.horizons.get(port, 0)
        of_one = sum(1 << other for other, one in self.horizons.items() if apart and one == apart)
        if verdict.ports and not verdict.ports & ~of_one:
            return Verdict(Reason.DROP_SPLIT_HORIZON, punt=verdict.punt)
        return replace(verdict, ports=verdict.ports & ~of_one)

    def _decide(self, port: int, frame: bytes) -> Verdict:
        """Without split horizons."""
        if len(frame) < 14:
            return Verdict(Reason.DROP_TRUNCATED)
        if frame[12:14] in (b"\x81\x00", b"\x88\xa8") and len(frame) < 18:
            return Verdict(Reason.DROP_TRUNCATED)
        if self.guard >> port & 1 and self._is_probe(port, frame):  # LOOP-1
            return Verdict(Reason.PUNT_PROBE, punt=True)
        if not self.up >> port & 1:
            held = self.held >> port & 1  # LOOP-3
            return Verdict(Reason.DROP_LOOP if held else Reason.DROP_PORT_DOWN)
        dst, src = frame[:6], frame[6:12]
        passes = (self.reserved.get(port, 0) & ~2) >> dst[5] & 1  # L2-2
        if dst[:5] == b"\x01\x80\xc2\x00\x00" and 1 <= dst[5] <= 15 and not passes:  # L2-1
            return Verdict(Reason.DROP_RESERVED_MAC)
        vid, offset, ethertype = 0, 14, int.from_bytes(frame[12:14], "big")
        service_tag = ethertype == _SERVICE_TAG
        if ethertype in (_VLAN_TAG, _SERVICE_TAG):
            if len(frame) < 18:
                return Verdict(Reason.DROP_TRUNCATED)
            vid = int.from_bytes(frame[14:16], "big") & 0x0FFF
            if not service_tag:  # VLAN-6: nobody looks behind it
                offset, ethertype = 18, int.from_bytes(frame[16:18], "big")
        if port in self.pvids and (vid == 0 or service_tag):
            vid = self.pvids[port]
        if vid == 0x0FFF:  # VLAN-2
            return Verdict(Reason.DROP_VLAN_INVALID)
        members = self.members_of(vid)
        if not members >> port & 1:  # VLAN-3
            return Verdict(Reason.DROP_VLAN_FILTERED)
        others = self.up & members & ~(1 << port)
        if src[0] & 1 or src == bytes(6):
            return Verdict(Reason.DROP_SOURCE_MAC)
        if dst == _BROADCAST:
            return _flood(Reason.FLOOD_BROADCAST, others)
        if not dst[0] & 1:
            return _flood(Reason.FLOOD_UNKNOWN_UNICAST, others)
        if ethertype == _IPV4:
            return self._decide_ipv4(dst, vid, frame[offset:], others)
        if ethertype == _IPV6:
            return self._decide_ipv6(dst, vid, frame[offset:], others)
        ports = self.rows.get((vid, of_mac(dst), ANY))
        copy = not service_tag and _tells_of_change(dst, frame[offset:])  # SNOOP-12
        if ports is None:
            return _flood(Reason.FLOOD_L2_MULTICAST, others, punt=copy)
        reason = Reason.FORWARD_L2_GROUP if ports & others else Reason.DROP_NO_MEMBER
        return Verdict(reason, ports & others, copy)

    def _is_probe(self, port: int, frame: bytes) -> bool:
        """A probe, in a VLAN that the port is in."""
        vid, rest = 0, frame[12:]
        if rest[:2] == b"\x81\x00":
            vid, rest = int.from_bytes(rest[2:4], "big") & 0x0FFF, rest[4:]
        vid = vid or self.pvids.get(port, 0)
        is_in = vid != 0x0FFF and self.members_of(vid) >> port & 1
        if not is_in or rest[:2] != b"\x08\x00" or not _header_valid(rest[2:]):
            return False
        start, group = rest[2:22], bytes((224, 0, 0, 254))
        later = int.from_bytes(start[6:8], "big") & 0x1FFF
        mac = b"\x01\x00\x5e\x00\x00\xfe"
        return frame[:6] == mac and start[16:20] == group and start[9] == 253 and not later

    def members_of(self, vid: int) -> Ports:
        """The ports that are in a VLAN."""
        return self.members.get(vid, self.members.get(VLAN_DEFAULT, ALL_PORTS))

    def _decide_ipv4(self, dst: bytes, vid: int, packet: bytes, others: Ports) -> Verdict:
        """IPv4 in a frame to a multicast MAC; `packet` is what follows the Ethernet header."""
        if not _header_valid(packet):  # V-4, SNOOP-36
            return Verdict(Reason.DROP_IP_ERROR)
        group, source = MAPPED + packet[16:20], MAPPED + packet[12:16]
        mac = bytes((1, 0, 0x5E, packet[17] & 0x7F, packet[18], packet[19]))
        if packet[16] >> 4 != 14 or dst != mac:  # SNOOP-40
            return _flood(Reason.FLOOD_MAC_IP_MISMATCH, others)
        if packet[9] == _IGMP:
            return Verdict(Reason.PUNT_IGMP, punt=True)
        if packet[16:19] == bytes((224, 0, 0)):  # SNOOP-31
            copy = packet[9] == _PIM and group == _ALL_PIM_ROUTERS  # SNOOP-24
            return _flood(Reason.FLOOD_LINK_LOCAL, others, punt=copy)
        return self.lookup(vid, group, source, others)

    def _decide_ipv6(self, dst: bytes, vid: int, packet: bytes, others: Ports) -> Verdict:
        """IPv6 in a frame to a multicast MAC; a family without a policy is bridged."""
        vlan = self._vlan(vid, Family.IPV6)
        if vlan is None or vlan.bridged:  # SNOOP-34
            return _flood(Reason.FLOOD_IPV6_MULTICAST, others)
        carried = _walk(packet)
        if carried is None:  # SNOOP-54
            return Verdict(Reason.DROP_IPV6_ERROR)
        protocol, payload = carried
        source, group = packet[8:24], packet[24:40]
        if group[0] != 0xFF or dst != b"\x33\x33" + group[12:]:  # SNOOP-40
            return _flood(Reason.FLOOD_MAC_IP_MISMATCH, others)
        if group[1] & 15 in (0, 1):  # SNOOP-58
            return Verdict(Reason.DROP_IPV6_SCOPE)
        if protocol == _ICMPV6 and payload and payload[0] in _MLD:  # SNOOP-55
            return Verdict(Reason.PUNT_MLD, punt=True)
        hello = protocol == _PIM and group == _ALL_PIM_ROUTERS6
        if hello or group in _NEEDED6 or group.startswith(_SOLICITED_NODES):  # SNOOP-51, 52
            return _flood(Reason.FLOOD_IPV6_LINK_LOCAL, others, punt=hello)
        return self.lookup(vid, group, source, others)

    def _vlan(self, vid: int, family: Family) -> VlanRow | None:
        return self.vlans.get((vid, family)) or self.vlans.get((VLAN_DEFAULT, family))

    def lookup(self, vid: int, group: Address, source: Address, others: Ports) -> Verdict:
        """Where data of (source, group) goes; `others`: the ports it may leave by at all."""
        family = Family.IPV4 if group.startswith(MAPPED) else Family.IPV6
        if any(_has(prefix, group) for prefix in self.floods):
            return _flood(Reason.FLOOD_ALWAYS, others)
        vlan = self._vlan(vid, family)
        if vlan is None or not vlan.active:
            return _flood(Reason.FLOOD_NO_QUERIER, others)
        for key, reason in (
            (source, Reason.FORWARD_SOURCE),
            (ANY, Reason.FORWARD_GROUP),
        ):
            ports = self.rows.get((vid, group, key))
            if ports is not None:
                egress = (ports | vlan.mrouters) & others
                return Verdict(reason if egress else Reason.DROP_NO_MEMBER, egress)
        wanted = vlan.unregistered | (vlan.mrouters if vlan.unregistered_mrouters else 0)
        return _flood(Reason.FORWARD_UNREGISTERED, wanted & others)


def _announces(frame: bytes) -> bool:
    """A whole UDP datagram to where sessions are announced, behind no tag or one of 802.1Q."""
    packet = frame[16:] if frame[12:14] == b"\x81\x00" else frame[12:]
    kind, packet = packet[:2], packet[2:]
    if frame[0] == 0x01 and kind == b"\x08\x00" and _header_valid(packet):
        group, udp = packet[16:20], packet[4 * (packet[0] & 15) : int.from_bytes(packet[2:4])]
        is_there = group in (_SAP, _SAP_LINK) or (group[0], group[2:]) == (239, b"\xff\xff")
        whole = packet[9] == _UDP and not int.from_bytes(packet[6:8]) & 0x3FFF
    elif frame[0] == 0x33 and kind == b"\x86\xdd" and (carried := _walk(packet)) is not None:
        protocol, udp = carried
        is_there = packet[24] == 0xFF and 2 <= packet[25] <= 15 and packet[26:40] == _SAP6
        whole = protocol == _UDP
    else:
        return False
    return is_there and whole and len(udp) >= 8 and udp[2:4] == (9875).to_bytes(2)


def _flood(reason: Reason, egress: Ports, *, punt: bool = False) -> Verdict:
    return Verdict(reason if egress else Reason.DROP_NO_EGRESS, egress, punt)


def _tells_of_change(dst: bytes, llc: bytes) -> bool:
    """A BPDU, plain or of a VLAN, that is a notification or has the flag of a change."""
    heads = {"0180c2000000": "424203", "01000ccccccd": "aaaa0300000c010b"}
    head = bytes.fromhex(heads.get(dst.hex(), ""))
    if not head or not llc.startswith(head + bytes(2)):
        return False
    kind, flags = llc[len(head) + 3 : len(head) + 4], llc[len(head) + 4 : len(head) + 5]
    return kind == b"\x80" or (kind in (b"\x00", b"\x02") and bool(flags and flags[0] & 1))


def _has(prefix: Prefix, group: Address) -> bool:
    network, bits = prefix
    differing = int.from_bytes(network, "big") ^ int.from_bytes(group, "big")
    return differing >> (128 - bits) == 0


def _walk(packet: bytes) -> tuple[int, bytes] | None:
    """What an IPv6 packet carries behind its extension headers, and that; None: it is broken."""
    if len(packet) < 40 or packet[0] >> 4 != 6:
        return None
    length, protocol = int.from_bytes(packet[4:6], "big"), packet[6]
    rest = packet[40 : 40 + length]
    if len(rest) < length:
        return None
    for number in range(9):
        if protocol not in _EXTENSIONS:
            return protocol, rest
        if number == 8 or (protocol == 0 and number) or len(rest) < 8:
            return None
        unit = 4 if protocol == _AUTHENTICATION else 8
        size = 8 if protocol == _FRAGMENT else 8 + unit * rest[1]
        if size > len(rest):
            return None
        if protocol == _FRAGMENT and int.from_bytes(rest[2:4], "big") >> 3:
            return protocol, rest[size:]
        protocol, rest = rest[0], rest[size:]
    raise AssertionError("no ninth header")


def _header_valid(packet: bytes) -> bool:
    """V-4: version, header length, total length and header checksum."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return False
    header_len = (packet[0] & 15) * 4
    total_len = int.from_bytes(packet[2:4], "big")
    if header_len < 20 or total_len < header_len or total_len > len(packet):
        return False
    words = sum(int.from_bytes(packet[i : i + 2], "big") for i in range(0, header_len, 2))
    return words % 0xFFFF == 0 and words > 0
