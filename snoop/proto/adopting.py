"""What another querier's words change here, and how far they may (TM-30 to TM-37, Q-18).

Whoever wins the election sets the robustness variable, the query interval and the response time of
the VLAN. That is anybody with a low address, so the durations that follow from the values are
bounded by what this switch would do by itself: at most twice that, or what an operator's
`qqi_ceiling` allows. Short values need no floor: before a membership ends by a querier's silence
its port is asked (`last_word`).
"""

from dataclasses import replace

from snoop.proto.params import Params
from snoop.proto.timings import Ceiling, Timings
from snoop.proto.units import SECOND, Duration
from snoop.wire.messages import Query


def adopted(params: Params, query: Query) -> Timings:
    """The timings in force while the sender of `query` is the querier."""
    own = params.timings
    interval = min(_heard_interval(params, query), _interval_ceiling(params))
    # Hosts may take no longer to answer than until the next question (TM-2).
    heard = min(Duration(query.max_response_ns), interval)
    return replace(
        own,
        robustness=query.qrv or own.robustness,
        query_interval=interval,
        query_response_interval=max(own.query_response_interval, heard),  # TM-34
        ceiling=_ceiling(params),
    )


def is_clamped(params: Params, query: Query) -> bool:
    """Tell whether the query interval of `query` is more than is adopted (TM-37)."""
    return _heard_interval(params, query) > _interval_ceiling(params)


def _heard_interval(params: Params, query: Query) -> Duration:
    return Duration(query.qqi_s * SECOND) or params.query_interval  # W-15, TM-31


def _interval_ceiling(params: Params) -> Duration:
    given = params.qqi_ceiling
    return Duration(2 * params.query_interval) if given is None else given


def _ceiling(params: Params) -> Ceiling:
    own = params.timings
    at_most = Ceiling(
        gmi=Duration(2 * own.gmi), oqpi=Duration(2 * own.oqpi), ovhpi=Duration(2 * own.ovhpi)
    )
    if params.qqi_ceiling is None:
        return at_most
    raised = replace(own, query_interval=params.qqi_ceiling)
    return Ceiling(
        gmi=max(at_most.gmi, raised.gmi),
        oqpi=max(at_most.oqpi, raised.oqpi),
        ovhpi=max(at_most.ovhpi, raised.ovhpi),
    )
