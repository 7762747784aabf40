"""What two looks at the counters say, and what findings are called: for all who search.

Pure, as the searches are; who searches has waited between the looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from snoop.cli.findings import IN_FLIGHT_FRAMES, RATED
from snoop.control import documents
from snoop.control.documents import Finding


def rates(
    before: Mapping[str, documents.Counts], after: Mapping[str, documents.Counts], seconds: float
) -> dict[str, dict[str, float]]:
    """What moved between two looks, a second, by port."""
    return {
        port: {
            name: (counts[name] - before[port][name]) / seconds
            for name in RATED
            if counts[name] > before[port][name]
        }
        for port, counts in after.items()
        if port in before
    }


def unbalanced(looks: Sequence[Mapping[str, documents.Balance]]) -> dict[str, int]:
    """Ports whose frames and verdicts do not add up.

    The two are read while frames go by and may differ by what is on its way; a real loss stays.
    """
    found = {}
    for port in looks[0]:
        seen = [look[port] for look in looks if port in look]
        least = min((one.unbalanced for one in seen), key=abs)
        quiet = len({one.rx_frames for one in seen}) == 1
        if least and (quiet or abs(least) > IN_FLIGHT_FRAMES):
            found[port] = least
    return found


def named(findings: list[Finding], names: Mapping[str, str]) -> list[Finding]:
    """With what people call the group or the port that each is about."""
    return [
        msgspec.structs.replace(finding, name=called(finding.subject, names))
        for finding in findings
    ]


def called(subject: str, names: Mapping[str, str]) -> str | None:
    """Of `p1`, of `10.0.0.9 -> 239.1.2.3`; several groups have no name in common."""
    if "," in subject:
        return None
    return next((names[word] for word in reversed(subject.split()) if word in names), None)
