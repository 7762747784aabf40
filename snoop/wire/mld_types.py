"""The ICMPv6 type numbers of MLD and MRD (spec 1.7): all of ICMPv6 that is looked at (SNOOP-55)."""

from typing import Final

QUERY: Final = 130
V1_REPORT: Final = 131
DONE: Final = 132
V2_REPORT: Final = 143
MRD_ADVERTISEMENT: Final = 151
MRD_SOLICITATION: Final = 152
MRD_TERMINATION: Final = 153
