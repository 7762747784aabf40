"""What hosts left unanswered, against a model that keeps every report and query and counts anew.

Hosts answer, join, leave, move, keep quiet; a querier asks in two versions, an operator besides,
more often than hosts need to answer or less (SAY-1).
"""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from snoop.proto.units import MILLISECOND, Instant, seconds
from snoop.wire.address import ANY, text
from unit.device import P1, P2, R
from unit.frames import HOST, IS_EX, OTHER, TO_EX, TO_IN, H
from unit.proto_lab import Lab, follower, leave, old_report, query, record, v3

RESPONSE, LATE, OLDER = 10.0, 0.5, 400.0


class Said(NamedTuple):
    """A message of a host: whether it leaves, and its version."""

    when: float
    port: int
    host: str
    leaves: bool
    version: int


class Put(NamedTuple):
    """A General Query that went out on these ports."""

    when: float
    ports: frozenset[int]
    asker: str
    version: int


SAYINGS = {
    "answer": (lambda host: v3(record(IS_EX), src=host), False, 3),
    "join": (lambda host: v3(record(TO_EX, H), src=host), False, 3),
    "older": (lambda host: old_report(2, src=host), False, 2),
    "leave": (lambda host: v3(record(TO_IN), src=host), True, 3),
    "leave older": (lambda host: leave(src=host), True, 2),
}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(sorted(SAYINGS)), st.sampled_from([HOST, OTHER]),
                  st.sampled_from([P1, P2])),
        st.tuples(st.just("ask"), st.sampled_from([2, 3, 3, 3])),
        st.tuples(st.just("operator asks")),
        st.tuples(st.just("wait"), st.sampled_from([0.25, 4.0, 9.75, 11.0, 60.0])),
    ),
    max_size=40,
)  # fmt: skip


class Model:
    """Every message and query there was."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.put: list[Put] = []

    def questions(self) -> list[Put]:
        """The last 8, each with what the same asker repeated in its time."""
        found: list[Put] = []
        for put in self.put:
            last = found[-1] if found else None
            if last and put.when < last.when + RESPONSE and put[1:3] == last[1:3]:
                found[-1] = last._replace(version=min(last.version, put.version))
            else:
                found.append(put)
        return found[-8:]

    def unanswered(self, host: str, port: int, now: float) -> int:
        last = [each for each in self.said if (each.host, each.port) == (host, port)][-1]
        elsewhere = any(
            each.host == host and each.port != port and each.when > last.when for each in self.said
        )
        if last.leaves or elsewhere:
            return 0
        count, over = 0, -1.0
        for asked in self.questions():
            if asked.when < over:
                continue
            over = asked.when + RESPONSE
            quiet = last.version < 3 or self.is_older(asked)
            if (
                last.when < asked.when
                and over + LATE <= now
                and port in asked.ports
                and not (quiet and self.overheard(asked, port))
            ):
                count += 1
        return count

    def is_older(self, asked: Put) -> bool:
        """Did hosts hear a query of version 2 before, in its time or with it?"""
        return asked.version < 3 or any(
            put.version < 3 and put.when <= asked.when < put.when + OLDER for put in self.put
        )

    def overheard(self, asked: Put, port: int) -> bool:
        return any(
            each.version < 3
            and not each.leaves
            and each.port == port
            and asked.when <= each.when <= asked.when + RESPONSE + LATE
            for each in self.said
        )


def heard(lab: Lab, model: Model) -> None:
    """Take over the General Queries that went to all ports, or all but where they came in."""
    for when, ports, message in lab.queries():
        if message.group == ANY and ports in (frozenset(range(4)), frozenset(range(1, 4))):
            ours = R in ports
            model.put.append(Put(when, ports, "us" if ours else "other", message.version))
    lab.clear()


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_what_is_left_unanswered_is_what_a_list_of_everything_says(
    steps: list[tuple[str, ...]],
) -> None:
    lab, model = follower(), Model()
    lab.at(100)
    lab.clear()
    known: set[tuple[str, int]] = set()
    for step in steps:
        lab.run_to(Instant(lab.now + MILLISECOND))  # no two things at one instant
        match step:
            case ("say", str(how), str(host), int(port)):
                make, leaves, version = SAYINGS[how]
                lab.hear(port, make(host))
                model.said.append(Said(lab.time, port, host, leaves, version))
                known.add((host, port))
            case ("ask", int(version)):
                lab.hear(R, query(version=version))
            case ("operator asks",):
                lab.take(lab.engine.query(vid=0, group=None, port=None, now=lab.now))
            case ("wait", float(pause)):
                lab.run_to(Instant(lab.now + seconds(pause)))
        heard(lab, model)
        rows = {(text(row.address), row.port): row for row in lab.engine.witnesses.hosts(lab.now)}
        assert rows.keys() == known
        for (host, port), row in rows.items():
            assert row.unanswered == model.unanswered(host, port, lab.time), (host, port)
