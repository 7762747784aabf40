"""Sentences about IGMP in the words of MLD: what is said of a cause is said once, for both."""

from __future__ import annotations

import re

from snoop.config.schema import IgmpTable, MldTable
from snoop.config.schema_port import HOST_TABLE, PORT_TABLE
from snoop.wire.address import Family

_OF_BOTH = frozenset(IgmpTable.__struct_fields__) - frozenset(MldTable.__struct_fields__)
_KEY = re.compile(r"\[igmp\](?: (\w+))?")
_IPV6 = (
    ("IGMPv1 or v2", "MLDv1"),
    ("IGMPv3", "MLDv2"),
    ("IGMPv2", "MLDv1"),
    ("IGMP", "MLD"),
    ("ignore_v1 or ignore_v2", "ignore_v1"),
    ("ignore_v2", "ignore_v1"),
    ("last_member_query", "last_listener_query"),
    ("force_igmp_version=3", "force_mld_version=2"),
    ("-ni any igmp", "-ni any icmp6"),
    ("IP_ADD_SOURCE_MEMBERSHIP", "MCAST_JOIN_SOURCE_GROUP"),
    ("IP_UNBLOCK_SOURCE", "MCAST_UNBLOCK_SOURCE"),
    ("IP_MULTICAST_TTL", "IPV6_MULTICAST_HOPS"),
    ("the TTL", "the hop limit"),
    ("its TTL", "its hop limit"),
    ("net.ipv4", "net.ipv6"),
    ("`snoop query`", "`snoop query --family ipv6`"),
    ("TcpExtIPReversePathFilter UdpNoPorts UdpRcvbufErrors", "Udp6NoPorts Udp6RcvbufErrors"),
)


def of_host(text: str) -> str:
    """Of the host's own port: the same key of the table that has it."""
    return text.replace(PORT_TABLE, HOST_TABLE)


def spoken(text: str, family: Family | None) -> str:
    """A sentence, or a line to type, in the words of its family."""
    if family is Family.IPV6:
        for word, ours in _IPV6:
            text = text.replace(word, ours)
        text = _KEY.sub(_key, text)
    return text


def _key(found: re.Match[str]) -> str:
    """What `[mld]` has no key for is said in `[igmp]` for both families."""
    return found[0] if found[1] in _OF_BOTH else found[0].replace("[igmp]", "[mld]")
