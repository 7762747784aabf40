"""Groups outside 224.0.0.0/24 that are listened to by devices which often join nothing: discovery
and clocks. A snooping switch that prunes them is what is meant by "Sonos vanishes".

From the IANA registry of IPv4 multicast addresses. Those of 224.0.0.0/24 (mDNS, LLMNR, VRRP) are
not here: they go to every port anyway (RFC 4541 2.1.2).
"""

from __future__ import annotations

WELL_KNOWN = {
    "224.0.1.1": "NTP",
    "224.0.1.129": "PTP clocks",
    "224.0.1.130": "PTP clocks",
    "224.0.1.131": "PTP clocks",
    "224.0.1.132": "PTP clocks",
    "224.0.1.187": "CoAP discovery",
    "224.0.23.12": "KNX/IP",
    "239.255.255.250": "SSDP discovery: UPnP, Sonos, printers",
    "239.255.255.253": "SLP discovery",
}
