"""What the switch says of the RTP stream: that it lost nothing which its sender has sent, and what
its sender calls it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chaos.network import MEDIA, MEDIA_NAME, Network
from chaos.verify import Cost
from snoop.waiting import comes

SENDER = 1
SAID_S = 15.0
REORDERED = 64  # so many later it is told of what was lost (native/README.md)
ALL_TOLD_S = 1.5  # or so much later


def row(net: Network) -> dict[str, Any]:
    """Where it comes in now: one that is idle in another VLAN, came round, or was sent before the
    host had its address is none.
    """
    meant = MEDIA, net.h(SENDER).address, f"p{SENDER}", net.vlan(SENDER)
    for each in net.switch.streams():
        if (each["group"], each["source"], each["port"], each["vlan"]) == meant:
            return each
    return {}


def health(net: Network) -> dict[str, Any]:
    """Empty: it is not told."""
    return row(net).get("health") or {}


def judge_health(net: Network, before: dict[str, Any], cost: Cost) -> Iterator[str]:
    """What is wrong with what is said, after a step that may have cost so much."""
    if not net.attached(SENDER):
        return
    if SENDER in cost.dark or cost.spoilt:
        told = health(net).get("packets", 0)
        comes(lambda: health(net).get("packets", 0) >= told + REORDERED, within=ALL_TOLD_S)
        return
    watched = net.settings["health"] != "off"
    named = MEDIA_NAME if net.settings["announced_names"] else None

    def right() -> bool:
        now = row(net)
        return bool(now.get("health")) == watched and now.get("announced") == named

    if not comes(right, within=SAID_S, every=0.2):
        yield f"of the media it says {row(net)}, with health {watched} and the name {named}"
    now = health(net)
    if now and before and now["packets"] >= before["packets"]:
        worse = {key: (before[key], now[key]) for key in ("lost", "reordered", "duplicates")
                 if (now[key] or 0) > (before[key] or 0)}  # fmt: skip
        if worse:
            yield f"of the media it says that this was lost or spoilt before it came in: {worse}"
