"""The words of `proto_lab` in both families, for tests that read alike in both.

`IGMP` and `MLD` have addresses and messages by the same names. What a version can say is named by
its generation: an *old* report is of IGMPv2 or MLDv1, a *new* one of IGMPv3 or MLDv2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from snoop.proto.params import SSM_RANGES6, Params, QuerierMode
from snoop.proto.units import seconds
from snoop.wire import compose, compose_mld, pim
from snoop.wire.address import ANY, UNSPECIFIED6, Family, parse
from snoop.wire.control import build_frame
from snoop.wire.messages import (
    Leave,
    Message,
    MrdAdvertisement,
    MrdTermination,
    Query,
    Record,
    RecordType,
    Report,
)
from unit.device import R
from unit.frames import IS_EX
from unit.proto_lab import OWN, Lab, mac_of

Said = tuple[int, str, Sequence[str]]
"""A record: type, group, sources."""


class Lab6(Lab):
    """A lab whose settings and questions are those of MLD."""

    family = Family.IPV6

    def __init__(
        self, *, ports: int = 4, port: dict[int, dict[str, object]] | None = None,
        up: bool = True, **params: object,
    ) -> None:  # fmt: skip
        super().__init__(ports=ports, port=port, up=up, mld=mld_params(**params))


def mld_params(**params: object) -> Params:
    given = {
        "version": 2, "querier_address": UNSPECIFIED6, "ssm_ranges": SSM_RANGES6, **params
    }  # fmt: skip
    return Params(family=Family.IPV6, **given)  # type: ignore[arg-type]  # keywords are the callee's


@dataclass(frozen=True)
class Words:
    """One family: its addresses, and what is said in it."""

    family: Family
    group: str
    another: str
    ssm: str
    s1: str
    s2: str
    s3: str
    host: str
    other: str
    router: str
    higher: str
    own: str
    nobody: str
    everybody: str
    newest: int
    lab_of: type[Lab]

    def lab(self, **params: object) -> Lab:
        return self.lab_of(**params)

    def querier(self, **params: object) -> Lab:
        """A lab whose switch asks, past its startup queries: the next is at 156.25 s."""
        given = {"querier": QuerierMode.ON, "querier_address": parse(self.own), **params}
        lab = self.lab(**given)
        lab.at(40)
        lab.clear()
        return lab

    def follower(self, **params: object) -> Lab:
        """A lab that hears the querier `router` on R since 0 s, and prunes since 10 s."""
        lab = self.lab(**params)
        lab.hear(R, self.query())
        lab.at(10)
        lab.clear()
        return lab

    # Messages ------------------------------------------------------------------------------------

    def frame(self, message: Message, src: str, dst: str, **how: object) -> bytes:
        payload = compose_mld.write(message) if self.family is Family.IPV6 else igmp(message)
        how.setdefault("src_mac", mac_of(src))
        return build_frame(src=parse(src), dst=parse(dst), payload=payload, **how)  # type: ignore[arg-type]

    def report(self, *said: Said, src: str | None = None, **how: object) -> bytes:
        records = tuple(
            Record(RecordType(kind), parse(group), tuple(parse(source) for source in sources))
            for kind, group, sources in said
        )
        message = Report(self.newest, records, family=self.family)
        dst = "224.0.0.22" if self.family is Family.IPV4 else "ff02::16"
        return self.frame(message, src or self.host, dst, **how)

    def says(self, kind: int, *sources: str, src: str | None = None) -> bytes:
        """A new report of one record about `group`."""
        return self.report((kind, self.group, sources), src=src)

    def old_report(self, group: str | None = None, *, src: str | None = None) -> bytes:
        about = group or self.group
        record = Record(RecordType(IS_EX), parse(about), ())
        message = Report(self.newest - 1, (record,), family=self.family)
        return self.frame(message, src or self.host, about)

    def leave(self, group: str | None = None, *, src: str | None = None) -> bytes:
        dst = "224.0.0.2" if self.family is Family.IPV4 else "ff02::2"
        return self.frame(Leave(parse(group or self.group)), src or self.host, dst)

    def query(
        self,
        group: str | None = None,
        sources: Sequence[str] = (),
        *,
        src: str | None = None,
        old: bool = False,
        suppress: bool = False,
        response: float = 10.0,
        qrv: int = 2,
        qqi: int = 125,
        **how: object,
    ) -> bytes:
        message = Query(
            version=self.newest - old,
            group=ANY if group is None else parse(group),
            sources=tuple(parse(source) for source in sources),
            max_response_ns=seconds(response),
            suppress=suppress,
            qrv=qrv,
            qqi_s=qqi,
            family=self.family,
        )
        return self.frame(message, src or self.router, group or self.everybody, **how)

    def hello(self, holdtime: int | None = None, *, src: str | None = None) -> bytes:
        dst = "224.0.0.13" if self.family is Family.IPV4 else "ff02::d"
        return build_frame(
            src_mac=mac_of(src or self.router),
            src=parse(src or self.router),
            dst=parse(dst),
            payload=pim.build_hello(holdtime_s=holdtime),
            protocol=103,
            router_alert=False,
        )

    def mrd(self, interval: int | None = 20, *, dst: str | None = None) -> bytes:
        """An advertisement; None: a termination."""
        all_snoopers = "224.0.0.106" if self.family is Family.IPV4 else "ff02::6a"
        message = MrdTermination() if interval is None else MrdAdvertisement(interval, 125, 2)
        return self.frame(message, self.router, dst or all_snoopers)


def igmp(message: Message) -> bytes:
    match message:
        case Query():
            query = message._asdict()
            del query["family"]
            return compose.build_query(**query)
        case Report(version=version, records=records):
            return compose.build_report(version=version, records=records)
        case Leave(group=group):
            return compose.build_leave(group)
        case MrdAdvertisement(interval_s=interval):
            return compose.build_mrd_advertisement(
                interval_s=interval, query_interval_s=125, robustness=2
            )
        case MrdTermination():
            return compose.build_mrd_termination()
        case _:
            raise AssertionError(message)


IGMP = Words(
    family=Family.IPV4, group="239.1.2.3", another="239.1.2.4", ssm="232.1.1.1",
    s1="192.0.2.1", s2="192.0.2.2", s3="192.0.2.3",
    host="10.0.0.11", other="10.0.0.12", router="10.0.0.1", higher="10.0.0.200", own=OWN,
    nobody="0.0.0.0", everybody="224.0.0.1", newest=3, lab_of=Lab,
)  # fmt: skip
MLD = Words(
    family=Family.IPV6, group="ff0e::1:3", another="ff0e::1:4", ssm="ff3e::1:3",
    s1="2001:db8::1", s2="2001:db8::2", s3="2001:db8::3",
    host="fe80::b", other="fe80::c", router="fe80::1", higher="fe80::200", own="fe80::100",
    nobody="::", everybody="ff02::1", newest=2, lab_of=Lab6,
)  # fmt: skip

both = pytest.mark.parametrize("of", [IGMP, MLD], ids=["igmp", "mld"])
