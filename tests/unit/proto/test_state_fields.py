"""No field of state is forgotten: each is dumped, or it is said here why it need not be.

After adding a field: add it to the `…State` beside it, at the end and with a default, or say here
what it follows from.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from enum import Enum

import pytest

import snoop.proto
from snoop.proto import (
    asked,
    beginnings,
    carrier,
    chores,
    context,
    deadlines,
    elected,
    engine,
    filters,
    group,
    groups,
    hosts,
    instance,
    instances,
    last_member,
    last_word,
    layer2,
    membership,
    mrouter,
    null_source,
    port,
    presence,
    querier,
    rounds,
    schedule,
    settings,
    shares,
    slow_hosts,
    solicitor,
    state,
    statics,
    vlans,
    witnesses,
)

# What a field may be besides dumped.
WIRING = "another part of the engine, which is made anew"
CONFIGURED = "what the configuration says"
SUMMED = "follows from what is charged"
FOLLOWS = "is computed from what is dumped"
ELSEWHERE = "stands in the state of who holds it"
OBSERVED = "is an observation, which begins anew: nothing is decided by it"
NOT_DUMPED = {WIRING, CONFIGURED, SUMMED, FOLLOWS, ELSEWHERE, OBSERVED}

TIMER = {"armed": "timer", "armed_as": "timer"}

# class: (its state, {field: name in the state, or why it is in none})
OWNERS: dict[type, tuple[type | None, dict[str, str]]] = {
    engine.Engine: (
        state.EngineState,
        {
            "_context": "context",
            "_solicitor": "solicitor",
            "_instances": "instances",
            "_carrier": "carrier",
            "_layer2": "layer2",
        },
    ),
    context.Context: (
        context.ContextState,
        {
            "_quiet": "quiet",
            "counts": "counts",
            "emptied": "emptied",
            "always_mrouters": FOLLOWS,
            **dict.fromkeys(("flooded", "flooded6"), FOLLOWS),
            **dict.fromkeys(("up", "up_in"), FOLLOWS),
            "deadlines": ELSEWHERE,
            "holdings": SUMMED,
            "params": CONFIGURED,
            "ports": ELSEWHERE,
            "settings": CONFIGURED,
            "vlans": CONFIGURED,
        },
    ),
    settings.Settings: (
        None,
        dict.fromkeys(("_mark", "_vids", "igmp", "mld", "params", "vlans"), CONFIGURED),
    ),
    layer2.Layer2: (
        layer2.Layer2State,
        {"_known": "entries", "_counts": FOLLOWS, "_context": WIRING},
    ),
    vlans.VlanPorts: (None, dict.fromkeys(("_everywhere", "_ports", "_vids"), CONFIGURED)),
    settings.FamilySettings: (None, dict.fromkeys(("_vlans", "params", "ssm"), CONFIGURED)),
    deadlines.Deadlines: (
        None,
        {"_heap": ELSEWHERE, "_stale": FOLLOWS, "_sequence": ELSEWHERE},  # EngineState.timers
    ),
    port.Port: (
        port.PortState,
        {
            "id": "id",
            "added": "added",
            "up": "up",
            "up_since": "up_since",
            "counts": "counts",
            "bit": FOLLOWS,
            "horizon": CONFIGURED,
            "holdings": SUMMED,
            "_reporters": FOLLOWS,
            **dict.fromkeys(("filter", "filter6", "mld", "params"), CONFIGURED),
            "witnesses": OBSERVED,
        },
    ),
    **{
        kind: (None, dict.fromkeys(kind.__slots__, OBSERVED))
        for kind in (
            asked.Asked,
            asked.AskedQuery,
            witnesses.Gone,
            witnesses.Heard,
            witnesses.Refused,
            witnesses.Shunned,
            witnesses.Witnesses,
        )
    },
    shares.SwitchHoldings: (
        None,
        {"groups": SUMMED, "state_bytes": SUMMED, "settings": CONFIGURED},
    ),
    shares.PortHoldings: (
        None,
        {
            **dict.fromkeys(("hosts", "members", "members6", "state_bytes"), SUMMED),
            "opened_vlans": SUMMED,
            **dict.fromkeys(("_max_hosts", "max_state", "vlans"), CONFIGURED),
            "stakes": ELSEWHERE,  # StakeState.rank
        },
    ),
    shares.InstanceHoldings: (
        None,
        {
            **dict.fromkeys(("groups", "state_bytes", "static_groups"), SUMMED),
            "stakes": ELSEWHERE,  # GroupsState.stakes
            "switch": WIRING,
            **dict.fromkeys(("family", "vid"), ELSEWHERE),
        },
    ),
    shares.Stake: (
        shares.StakeState,
        {
            "_port": "port",
            "_instance": WIRING,
            "members": SUMMED,
            "state_bytes": SUMMED,
            "tombstones": "tombstones",
        },
    ),
    instances.Instances: (
        instances.InstancesState,
        {
            **TIMER,
            "_beginnings": "beginnings",
            "_bucket": "bucket",
            "_known": "known",
            "_waiting": "waiting",
            "_context": WIRING,
            "_solicitor": WIRING,
        },
    ),
    beginnings.Beginnings: (
        beginnings.BeginningsState,
        {
            **TIMER,
            "_bucket": "bucket",
            "_looks": "looks",
            "_said": "said",
            "_waiting": "waiting",
            **dict.fromkeys(("_deadlines", "_home"), WIRING),
        },
    ),
    filters.TokenBucket: (
        filters.BucketState,
        {"_credit": "credit", "_since": "since", "_cost": CONFIGURED, "_full": CONFIGURED},
    ),
    instance.Instance: (
        instance.InstanceState,
        {
            "_opener": "opener",
            "groups": "groups",
            "last_member": "last_member",
            "last_word": "reminded",
            "mrouters": "mrouters",
            "presence": "presence",
            "querier": "querier",
            "slow_hosts": "slow_hosts",
            "scope": FOLLOWS,  # its timings are those of who is the querier
        },
    ),
    groups.Groups: (
        groups.GroupsState,
        {"_known": "known", "_refused": "refused", "last_word": WIRING, "scope": WIRING},
    ),
    group.Group: (
        group.GroupState,
        {
            **TIMER,
            "address": "address",
            "ask_at": "ask_at",
            "doubted_until": "doubted_until",
            "members": "members",
            "spared": "spared",
            "spared_until": "spared_until",
            "statics": "statics",
            "tombstone_until": "tombstone_until",
            "home": WIRING,
            "is_ssm": CONFIGURED,
            "mourner": ELSEWHERE,  # StakeState.tombstones
        },
    ),
    statics.Statics: (None, {"_ports": ELSEWHERE}),
    statics.Static: (statics.StaticState, {"any_since": "any_since", "sources": "sources"}),
    membership.Membership: (
        membership.MembershipState,
        {
            "created": "created",
            "due": "due",
            "exclude": "exclude",
            "group_timer": "group_timer",
            "hosts": "hosts",
            "reporter": "reporter",
            "sources": "sources",
            "v1_until": "v1_until",
            "v2_until": "v2_until",
            "cost": FOLLOWS,
            "host_count": FOLLOWS,
        },
    ),
    hosts.Hosts: (
        hosts.HostsState,
        {
            "_many": "hosts",
            "_sole": "hosts",
            "unknown_until": "unknown_until",
            "source_count": FOLLOWS,
        },
    ),
    hosts.Host: (
        hosts.HostState,
        {"exclude": "exclude", "sources": "sources", "until": "until", "who": "who"},
    ),
    last_member.LastMember: (
        None,
        {
            "_cases": ELSEWHERE,
            "_querier": WIRING,
            "mrouters": WIRING,
            "scope": WIRING,
            "slow_hosts": WIRING,
        },
    ),
    last_member._Case: (
        last_member.CaseState,
        {
            "_checks": "checks",
            "asked_all_at": "asked_all_at",
            "group": "group",
            "home": WIRING,
        },
    ),
    last_member.Check: (
        last_member.CheckState,
        {
            **TIMER,
            "_asked_at": "asked_at",
            "_case": WIRING,
            "_group_repeats": "group",
            "_hasty": "hasty",
            "_port": "port",
            "_scope": WIRING,
            "_source_repeats": "sources",
            "member": "is_current",
        },
    ),
    last_member._Repeats: (last_member.RepeatsState, {"at": "at", "left": "left"}),
    last_word.LastWord: (
        None,
        {
            "_reminded": ELSEWHERE,
            **dict.fromkeys(("_mrouters", "_presence", "_querier", "_scope"), WIRING),
            "_slow_hosts": WIRING,
        },
    ),
    slow_hosts.SlowHosts: (
        slow_hosts.SlowHostsState,
        {"_older_until": "older_until", "_v1_until": "v1_until", "_scope": WIRING},
    ),
    mrouter.Mrouters: (
        mrouter.MroutersState,
        {
            **TIMER,
            "_records": "records",
            **dict.fromkeys(("_counts", "askers", "has_pim", "ports"), FOLLOWS),
            "_changed": WIRING,
            "_scope": WIRING,
        },
    ),
    mrouter._Record: (mrouter.RecordState, {"created": "created", "until": "until"}),
    querier.Querier: (
        querier.QuerierState,
        {
            **TIMER,
            "_askers": "asker",
            "_other": "other",
            "_schedule": "schedule",
            "_since": "since",
            "_started": "started",
            "_takeover_at": "takeover_at",
            "is_querier": "is_querier",
            **dict.fromkeys(("_changed", "_mrouters", "_scope"), WIRING),
        },
    ),
    elected.Elected: (
        elected.Elected,
        {name: name for name in ("address", "heard", "port", "query", "since", "until")},
    ),
    null_source.Askers: (None, {"_last": ELSEWHERE, "_mrouters": WIRING, "_scope": WIRING}),
    schedule.Schedule: (
        schedule.ScheduleState,
        {
            **{f"_{name}": name for name in ("asked", "asked_at", "startup_left")},
            "due": "due",
            "_scope": WIRING,
        },
    ),
    presence.Presence: (
        presence.PresenceState,
        {
            **TIMER,
            "_active_at": "active_at",
            "_floods_until": "floods_until",
            "active": "active",
            **dict.fromkeys(("_mrouters", "_querier", "_scope"), WIRING),
        },
    ),
    solicitor.Solicitor: (
        solicitor.SolicitorState,
        {**TIMER, "_left": "left", "_state": "state", "_context": WIRING},
    ),
    carrier.Carrier: (
        carrier.CarrierState,
        {
            "_chores": "rounds",
            "_leaving": "leaving",
            "_times_up": "times_up",
            **dict.fromkeys(("_context", "_instances", "_solicitor"), WIRING),
        },
    ),
    chores.Chores: (
        carrier.CarrierState,
        {**TIMER, "waiting": "rounds", "_deadlines": WIRING, "_step": WIRING},
    ),
    rounds.Round: (
        rounds.RoundState,
        {
            "_groups": "groups",
            "_left": "left",
            "_looked_at": "looked_at",
            "empties": "empties",
            "is_partial": "is_partial",
            "port": "port",
            "time": "time",
        },
    ),
}

# Made and gone within a call, or made of the configuration, or the leaf that parts hold.
STATELESS = {
    *("LoopGuard", "_Loop", "Topology"),  # beside the engine: found anew within a second
    *("Announced", "Session"),  # likewise beside it: SessionState has all of one
    "Dump",
    "Fitting",
    "GroupFilter",
    "HostMessage",
    "Load",
    "PrefixList",
    "Remarks",
    "Scope",
    "Testimony",
    "Turn",
    "_UpIn",
}


def classes() -> Iterator[type]:
    """All of `proto` whose objects change."""
    for found in pkgutil.iter_modules(snoop.proto.__path__, "snoop.proto."):
        module = importlib.import_module(found.name)
        for _, its in inspect.getmembers(module, inspect.isclass):
            if its.__module__ == found.name and not is_value(its):
                yield its


def is_value(its: type) -> bool:
    """Tell whether objects of a class never change, or there are none."""
    frozen = getattr(its, "__dataclass_params__", None)
    if frozen is not None:
        return bool(frozen.frozen)
    protocol = bool(getattr(its, "_is_protocol", False))
    return protocol or issubclass(its, (tuple, Enum, Exception))


def fields(its: type) -> set[str]:
    if its is engine.Engine:  # the only one, and without slots
        return set(vars(engine.Engine(params=snoop.proto.params.Params(), now=0)))
    return set(its.__slots__)


@pytest.mark.parametrize("owner", OWNERS, ids=lambda its: its.__name__)
def test_every_field_is_dumped_or_follows_from_what_is(owner: type) -> None:
    """A field that is in neither list would be lost in a restart."""
    its_state, said = OWNERS[owner]
    assert said.keys() == fields(owner), "a field was added or taken away: say what becomes of it"
    names = {name for name in said.values() if name not in NOT_DUMPED}
    known = () if its_state is None else getattr(its_state, "_fields", ()) or its_state.__slots__
    assert names <= set(known)


def test_every_class_with_state_is_looked_at() -> None:
    """One that was added and is not listed here would be lost whole."""
    there = {its for its in classes() if its.__name__ not in STATELESS}
    assert there == OWNERS.keys()
