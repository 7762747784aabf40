"""Metrics of VLANs, and of the health of streams: as many series as there is room for.

4 094 VLANs on 64 ports would be 262 144 series. At most VLANS_MAX have series of their own: first
those with a name, then the lowest, so that none comes and goes with what hosts do; the rest are
together as `vlan="other"`. That a port is a member of a VLAN is no series, but how many it has is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from snoop.control import documents
from snoop.control.sample import Sample
from snoop.control.tagged import vids

VLANS_MAX = 64
OTHER = "other"


class Chosen:
    """The VLANs of a sample that have series of their own."""

    def __init__(self, sample: Sample) -> None:
        known = {vid for vid, _ in sample.groups}
        known |= {row.vlan for row in sample.queriers} | {row.vlan for row in sample.mrouters}
        ordered = sorted(known, key=lambda vid: (vid not in sample.vlan_names, vid))
        self._own = frozenset(ordered[:VLANS_MAX])

    def label(self, vid: int) -> str:
        """The value of the label `vlan`."""
        return str(vid) if vid in self._own else OTHER


def of_vlans(sample: Sample) -> Iterator[Metric]:
    """Groups, routers and queriers of VLANs, what VLANs are called, how many a port is in."""
    chosen = Chosen(sample)
    groups = GaugeMetricFamily("snoop_groups", "Groups with members.", labels=["vlan", "family"])
    sums: Counter[tuple[str, str]] = Counter()
    for (vid, family), count in sample.groups.items():
        sums[chosen.label(vid), family] += count
    for labels, count in sums.items():
        groups.add_metric(labels, count)
    yield groups
    routers = GaugeMetricFamily(
        "snoop_mrouter",
        "1 for each reason for a router port.",
        labels=["vlan", "family", "port", "origin"],
    )
    reasons = {(chosen.label(r.vlan), r.family, r.port, r.origin) for r in sample.mrouters}
    for key in sorted(reasons):
        routers.add_metric(list(key), 1)
    yield routers
    querier = GaugeMetricFamily(
        "snoop_querier",
        "1: the querier of a VLAN; of `other`: how many have one in that role.",
        labels=["vlan", "family", "role", "address"],
    )
    asking: Counter[tuple[str, str, str, str]] = Counter()
    for one in sample.queriers:
        label = chosen.label(one.vlan)
        address = "" if label == OTHER else one.address or ""
        asking[label, one.family, one.role, address] += 1
    for labels4, count in asking.items():
        querier.add_metric(labels4, count)
    yield querier
    yield from _members(sample)


def _members(sample: Sample) -> Iterator[Metric]:
    tagged = [(row.name, vids(row.vlans)) for row in sample.ports if row.vlans is not None]
    if tagged:
        many = GaugeMetricFamily("snoop_port_vlans", "VLANs that a port is in.", labels=["port"])
        for port, own in tagged:
            many.add_metric([port], own.bit_count())
        yield many
    if sample.vlan_names:
        info = GaugeMetricFamily(
            "snoop_vlan_info", "1: what a VLAN is called.", labels=["vlan", "name"]
        )
        for vid, name in sorted(sample.vlan_names.items())[:VLANS_MAX]:
            info.add_metric([str(vid), name], 1)
        yield info


HEALTH = {
    "packets": "Datagrams of RTP or MPEG-TS of a stream, as it came in.",
    "lost": "RTP datagrams of a stream that were lost before it came in.",
    "reordered": "RTP datagrams of a stream that came in late.",
    "duplicates": "RTP datagrams of a stream that came in more than once.",
    "continuity_errors": "Gaps in the MPEG transport packets of a stream as it came in.",
}


def health(rows: Iterable[documents.Stream]) -> Iterator[Metric]:
    """Of those of the streams that are told of whose health is known."""
    known = [(row, row.health) for row in rows if row.health is not None]
    if not known:
        return
    labels = ["vlan", "family", "source", "group", "port"]

    def values(row: documents.Stream) -> list[str]:
        return [str(row.vlan), row.family, row.source, row.group, row.port]

    for name, text in HEALTH.items():
        family = CounterMetricFamily(f"snoop_stream_{name}", text, labels=labels)
        for row, found in known:
            family.add_metric(values(row), getattr(found, name))
        yield family
    gaps = GaugeMetricFamily(
        "snoop_stream_longest_gap_seconds",
        "The longest time between two datagrams of a stream as it came in.",
        labels=labels,
    )
    for row, found in known:
        gaps.add_metric(values(row), found.longest_gap_ms / 1000)
    yield gaps
