"""The timers of spec section 2, computed from the five values they follow from.

One object per VLAN holds the values in force: our own, or those adopted from the elected querier
(TM-30). It is frozen; adopting makes another one, and only timers started from then on use it
(TM-33).
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from snoop.proto.units import Duration


class TimerProfile(Enum):
    """Which RFC's Group Membership Interval (G-0): 270 s or 260 s with the default values."""

    RFC9776 = "rfc9776"
    RFC3376 = "rfc3376"


class Ceiling(NamedTuple):
    """The longest that values adopted from another may make a duration (Q-18)."""

    gmi: Duration
    oqpi: Duration
    ovhpi: Duration


@dataclass(frozen=True, kw_only=True, slots=True)
class Timings:
    """Variables of one VLAN and family; the derived ones are computed once."""

    robustness: int
    query_interval: Duration
    query_response_interval: Duration
    last_member_query_interval: Duration
    last_member_query_count: int | None
    profile: TimerProfile
    ceiling: Ceiling | None = None

    gmi: Duration = field(init=False)
    """Group Membership Interval (TM-4)."""
    oqpi: Duration = field(init=False)
    """Other Querier Present Interval (TM-5)."""
    ovhpi: Duration = field(init=False)
    """Older Version Host Present Interval (TM-13)."""
    lmqc: int = field(init=False)
    """Last Member Query Count (TM-9)."""
    lmqt: Duration = field(init=False)
    """Last Member Query Time (TM-10)."""

    def __post_init__(self) -> None:
        """Derive."""
        rounds = self.robustness * self.query_interval
        response = self.query_response_interval
        answers = 2 if self.profile is TimerProfile.RFC9776 else 1  # G-1
        lmqc = self.last_member_query_count or self.robustness
        gmi = rounds + answers * response
        oqpi = rounds + response // 2
        ovhpi = rounds + response
        if self.ceiling is not None:
            gmi, oqpi = min(gmi, self.ceiling.gmi), min(oqpi, self.ceiling.oqpi)
            ovhpi = min(ovhpi, self.ceiling.ovhpi)
        for name, value in (
            ("gmi", gmi),
            ("oqpi", oqpi),
            ("ovhpi", ovhpi),
            ("lmqc", lmqc),
            ("lmqt", lmqc * self.last_member_query_interval),
        ):
            object.__setattr__(self, name, value)
