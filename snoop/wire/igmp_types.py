"""The IGMP type numbers (spec 1.2); a type that is only flooded needs no name."""

from typing import Final

QUERY: Final = 0x11
V1_REPORT: Final = 0x12
DVMRP: Final = 0x13
V2_REPORT: Final = 0x16
LEAVE: Final = 0x17
V3_REPORT: Final = 0x22
MRD_ADVERTISEMENT: Final = 0x30
MRD_SOLICITATION: Final = 0x31
MRD_TERMINATION: Final = 0x32
