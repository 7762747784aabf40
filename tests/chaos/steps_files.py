"""Steps at the files of a switch that runs: removed, or something else put in their place."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from random import Random

from chaos.network import Network
from chaos.steps import Step
from chaos.verify import FREE, Cost
from snoop.control.client import NoDaemon, Refused
from snoop.lab import wait_until

AGAIN_S = 15.0  # a snapshot is looked for every ten seconds


def socket_removed(net: Network, random: Random) -> Cost:
    """Or the socket of one that died put in its place; the switch makes another."""
    path = Path(net.switch.socket)
    path.unlink()
    if random.random() < 0.5:
        net.say("another is in its place")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
    wait_until(lambda: answers(net), within=AGAIN_S, what="it can be asked again")
    return FREE


def answers(net: Network) -> bool:
    with contextlib.suppress(NoDaemon):
        return bool(net.switch.show("status")["pid"] == net.serving)
    return False


def snapshot_removed(net: Network, random: Random) -> Cost:
    """Or spoilt: the switch writes another."""
    path = Path(net.switch.socket).with_suffix(".state")
    path.unlink(missing_ok=True)
    wrong = b""
    if random.random() < 0.5:
        net.say("something else is in its place")
        wrong = b"something else"
        path.write_bytes(wrong)
    wait_until(
        lambda: path.exists() and path.read_bytes() != wrong, within=AGAIN_S, what="another one"
    )
    return FREE


def configuration_removed(net: Network, random: Random) -> Cost:
    """What runs goes on, and is neither read again nor handed over without it."""
    assert net.switch.config_file is not None
    net.switch.config_file.unlink()
    for asked in (net.switch.reload, net.switch.restart):
        with contextlib.suppress(Refused):
            asked()
            raise AssertionError("it took no file for a configuration")
    net.configure()
    return FREE


STEPS = [Step(socket_removed), Step(snapshot_removed), Step(configuration_removed)]
