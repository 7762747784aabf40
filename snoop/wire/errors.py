"""The one exception that frames from the network can cause, and the counters it may name.

Every validation step of spec 1.10 that fails raises `WireError` with the name of the counter that
moves; nothing else escapes a parser. What was already understood of the frame (its headers)
travels along, because the action may need it: a fragment of IGMP still goes to the router ports
(SNOOP-13).
"""

from typing import Final

from snoop.wire.headers import IP, Ethernet

COUNTERS: Final[dict[str, str]] = {
    "truncated": "frame shorter than its Ethernet header (V-1)",
    "ip_error": "IPv4 version, header length, total length or header checksum wrong (V-4)",
    "igmp_fragment": "fragment of an IGMP message: not checked, not learned (V-5)",
    "igmp_checksum": "IGMP message too short for its checksum, or the checksum is wrong (V-8)",
    "malformed": "IGMP message whose content breaks the rules of its type (V-9)",
    "bad_source": "control message from a multicast, broadcast or loopback address (V-10)",
    "pim_checksum": "PIM hello with a wrong checksum",
    "pim_malformed": "PIM hello whose options do not fit",
    "ipv6_error": "IPv6 version, payload length or extension headers wrong (SNOOP-54)",
    "mld_fragment": "first fragment of an MLD message: not checked, not learned (V-5)",
    "mld_checksum": "MLD message too short for its checksum, or the checksum is wrong (MLD-1)",
    "mld_malformed": "MLD message whose content breaks the rules of its type (V-9)",
    "not_link_local": "MLD message or PIM hello from an address that may send none (MLD-2, MLD-3)",
    "not_control": "neither IGMP, MLD nor a PIM hello: nothing to learn, and not an error",
}
"""Counter name -> what it counts."""

ANNOUNCEMENTS: Final[dict[str, str]] = {
    "announcement_malformed": "session announcements that are damaged",
    "announcement_unread": "session announcements that are encrypted, compressed or cut, or have "
    "no name or no group",
}
"""The same of what is no control frame (`sap`)."""


class WireError(Exception):
    """A frame that must not be learned from.

    `counter` is a key of `COUNTERS` or `ANNOUNCEMENTS`. `ether` and `ip` are what `control.parse`
    had read by then; None when the frame failed before that, and always None when a parser below
    `control` was called alone.
    """

    counter: str
    ether: Ethernet | None
    ip: IP | None

    def __init__(self, counter: str, detail: str = "") -> None:
        """Name the counter that moves and, for people, what was wrong."""
        super().__init__(f"{counter}: {detail}" if detail else counter)
        self.counter = counter
        self.ether = None
        self.ip = None
