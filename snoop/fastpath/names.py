"""The words of the contract header, and its numbers: what the C calls its reasons and counters.

Constants come from the header through `lib`; nothing here knows the protocol. Failures of a call
are OSError with the errno of the system call and the step that failed.
"""

from __future__ import annotations

import os
from enum import IntEnum
from typing import Any

from snoop._native import ffi, lib
from snoop.proto.units import Ports

CONTRACT_VERSION = 34
if lib.fp_contract_version() != CONTRACT_VERSION:
    raise ImportError(
        f"snoop._native speaks contract {lib.fp_contract_version()}, this is {CONTRACT_VERSION}: "
        "install the package again"
    )

PORTS_MAX: int = lib.FP_PORTS_MAX


class Action(IntEnum):
    """What becomes of a frame."""

    DROP = lib.FP_ACTION_DROP
    FORWARD = lib.FP_ACTION_FORWARD
    FLOOD = lib.FP_ACTION_FLOOD
    PUNT = lib.FP_ACTION_PUNT


def text(value: Any) -> str:
    return str(ffi.string(value).decode())


REASONS: dict[str, Action] = {
    text(lib.fp_reason_name(i)): Action(lib.fp_reason_action(i)) for i in range(lib.FP_REASON_MAX)
}
"""Verdict counters: exactly one of them moves for every received frame."""

REASON_NAMES = list(REASONS)
STATS: tuple[str, ...] = tuple(text(lib.fp_stat_name(i)) for i in range(lib.FP_STAT_MAX))
"""The other counters of a port, in contract order."""

PATHS: dict[str, bool] = {
    text(lib.fp_path_name(i)): bool(lib.fp_path_is_kernel(i)) for i in range(lib.FP_PATH_MAX)
}
"""Who serves a stream and why, in a word, and whether it is the kernel."""

HEALTHS: dict[int, str] = {
    lib.FP_HEALTH_RTP: "rtp",
    lib.FP_HEALTH_TS: "ts",
    lib.FP_HEALTH_RTP | lib.FP_HEALTH_TS: "rtp+ts",
}
"""What was recognised in a stream."""

PATH_LIST = list(PATHS.items())

DROPS: tuple[str, ...] = (
    *(name for name, action in REASONS.items() if action is Action.DROP),
    *("tx_full", "tx_mtu", "tx_down", "tx_error", "tx_offload"),
    *("inject_drops", "ring_full", "ring_stuck"),
)  # fmt: skip
"""Names of the counters that count lost frames, on their way in or out."""


def mask(masks: Any) -> Ports:
    return int(masks[0]) | int(masks[1]) << 64 | int(masks[2]) << 128 | int(masks[3]) << 192


def check(result: int, what: str) -> int:
    if result < 0:
        raise OSError(-result, f"{what}: {os.strerror(-result)}")
    return result
