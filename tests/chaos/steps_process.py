"""Steps that end the process, start it, have another take its place, stop it for a while, or tell
it nonsense.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from chaos.network import CHANGING, Network
from chaos.steps import Step
from chaos.steps_config import other_keys
from chaos.steps_hosts import change_of_mind
from chaos.steps_links import flap
from chaos.verify import ALL, FREE, Cost
from snoop.control.client import NoDaemon, Refused
from snoop.lab import wait_until

END_S = 30.0
START_S = 6.0  # what a machine with others may take to end one process and have the next forward


def restart(net: Network, random: Random) -> Cost:
    """End it in good order, perhaps with a key that takes a restart, and start it."""
    if random.random() < 0.5:
        net.settings["workers"] = random.choice((1, 2))
        net.settings["shortcut"] = random.choice((True, False))
        net.say(f"workers = {net.settings['workers']}, shortcut = {net.settings['shortcut']}")
    assert end(net, signal.SIGTERM) == 0
    begin(net)
    return anew(net)


def kill(net: Network, random: Random) -> Cost:
    assert end(net, signal.SIGKILL) == -signal.SIGKILL
    begin(net)
    return anew(net)


def kill_and_spoil(net: Network, random: Random) -> Cost:
    """What it would go on from is cut, damaged, away, or that of a while ago."""
    snapshot = Path(net.switch.socket).with_suffix(".state")
    before, net.snapshot = net.snapshot, read(snapshot)
    end(net, signal.SIGKILL)
    data = read(snapshot)
    at = random.randrange(len(data) or 1)
    ways = {
        "cut": data[:at],
        "damaged": data[:at] + bytes([random.randrange(256)]) + data[at + 1 :],
        "with more behind it": data + b"\0",
        "empty": b"",
        "of a while ago": before or data,
    }
    way = random.choice(sorted(ways))
    net.say(way)
    snapshot.write_bytes(ways[way])
    begin(net)
    return anew(net)


def read(snapshot: Path) -> bytes:
    return snapshot.read_bytes() if snapshot.exists() else b""


def kill_while_it_starts(net: Network, random: Random) -> Cost:
    """Once or twice, at any moment of it."""
    end(net, signal.SIGKILL)
    for _ in range(random.choice((1, 2))):
        after = random.uniform(0, 1.0)
        net.say(f"{after:.2f} s after its start")
        net.switch.start(wait=False)
        time.sleep(after)  # the moment of the kill, not a wait for something
        net.switch.stop(signal.SIGKILL)
    begin(net)
    return anew(net, 2 * START_S)


def away_meanwhile(net: Network, random: Random) -> Cost:
    """Ports and hosts change while there is no process."""
    end(net, random.choice((signal.SIGTERM, signal.SIGKILL)))
    flap(net, random.choice(CHANGING))
    for _ in range(random.randrange(4)):
        change_of_mind(net, random)
    begin(net)
    return anew(net)


def handed_over(net: Network, random: Random) -> Cost:
    """`snoop restart`, once or in a row, perhaps with other keys in the file: nobody loses any."""
    if random.random() < 0.4:
        other_keys(net, random)
        net.configure()
    times = random.choice((1, 1, 3))
    net.say(f"{times} times")
    for _ in range(times):
        net.hand_over()
    return FREE


def handed_over_meanwhile(net: Network, random: Random) -> Cost:
    """Beside cables that are pulled, and hosts who change their minds."""
    host = random.choice(CHANGING)
    net.say(f"p{host}")
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(net.switch.restart)
        flap(net, host)
        changed = {change_of_mind(net, random) for _ in range(random.randrange(4))}
        net.serving = job.result()["pid"]
    return Cost(dark=frozenset({host}), leaks=frozenset(changed | {host}), within=15.0)


def kill_while_it_hands_over(net: Network, random: Random) -> Cost:
    """Who is the switch when it begins, at any moment: somebody starts another, unless the heir is
    the switch by then. With the process that was started first every heir ends, whenever it is.
    """
    assert net.switch.process is not None
    first = net.serving == net.switch.process.pid
    after = random.uniform(0, 0.4)
    net.say(f"{after:.2f} s after it began")
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(net.switch.restart)
        time.sleep(after)  # the moment of the kill, not a wait for something
        os.kill(net.serving, signal.SIGKILL)
        with contextlib.suppress(NoDaemon, Refused, OSError):
            job.result()
    wait_until(lambda: ended(net) or (not first and has_heir(net)), within=END_S,
               what="one way or the other")  # fmt: skip
    if not ended(net):
        net.say("too late")
        return FREE
    net.switch.stop(signal.SIGKILL)
    begin(net)
    return anew(net)


def ended(net: Network) -> bool:
    """Has the process that we started, and with it all that came after?"""
    assert net.switch.process is not None
    return net.switch.process.poll() is not None


def has_heir(net: Network) -> bool:
    """Is another the switch than the one we know of? Then that is known from here on."""
    with contextlib.suppress(NoDaemon, OSError):
        before, net.serving = net.serving, net.switch.show("status")["pid"]
        return net.serving != before
    return False


def stand_still(net: Network, random: Random) -> Cost:
    """The whole process, as when a virtual machine is paused."""
    seconds = random.uniform(0.2, 2.0)
    net.say(f"for {seconds:.1f} s")
    os.kill(net.serving, signal.SIGSTOP)
    time.sleep(seconds)  # the step itself
    os.kill(net.serving, signal.SIGCONT)
    return Cost(dark=ALL, dark_s=seconds + 1.0, within=20.0)


def nonsense(net: Network, random: Random) -> Cost:
    """A file that is not one, by command and by signal."""
    assert net.switch.config_file is not None
    text = random.choice(("[switch]\nkernel = 7\n", "[[port]\n", '[[port]]\nname = "p0"\nx = 1\n'))
    net.switch.config_file.write_text(text)
    net.switch.hang_up()
    with contextlib.suppress(Refused):
        net.switch.reload()
        raise AssertionError(f"it took {text!r} for a configuration")
    net.configure()
    return FREE


def end(net: Network, number: signal.Signals) -> int | None:
    """Signal whoever is the switch; how the process that we started has ended by that."""
    os.kill(net.serving, number)
    assert net.switch.process is not None
    net.switch.process.wait(END_S)
    return net.switch.stop(number)


def anew(net: Network, seconds: float = START_S) -> Cost:
    """Of a new process, which may know nothing: it floods until hosts have answered it, and a loop
    is one until it is found again.
    """
    return Cost(dark=ALL, dark_s=seconds, leaks=ALL, spoilt=net.looped, within=20.0)


def begin(net: Network) -> None:
    net.configure()
    net.switch.start()
    net.started()


ENDING = [
    Step(restart),
    Step(kill),
    Step(kill_and_spoil),
    Step(kill_while_it_starts),
    Step(kill_while_it_hands_over),
    Step(away_meanwhile),
    Step(handed_over),
    Step(handed_over_meanwhile),
]
STEPS = [*ENDING, Step(handed_over), Step(stand_still), Step(nonsense)]
