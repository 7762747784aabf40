"""Sentences about IGMP in the words of MLD: what is said of a cause is said once, for both."""

from __future__ import annotations

from snoop.wire.address import Family

_IPV6 = (
    ("[igmp] max_state", "[igmp]\0max_state"),  # One for both.
    ("[igmp]", "[mld]"),
    ("IGMPv1 or v2", "MLDv1"),
    ("IGMPv3", "MLDv2"),
    ("IGMPv2", "MLDv1"),
    ("IGMP", "MLD"),
    ("ignore_v1 or ignore_v2", "ignore_v1"),
    ("ignore_v2", "ignore_v1"),
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
    ("\0", " "),
)


def spoken(text: str, family: Family | None) -> str:
    """A sentence, or a line to type, in the words of its family."""
    if family is Family.IPV6:
        for word, ours in _IPV6:
            text = text.replace(word, ours)
    return text
