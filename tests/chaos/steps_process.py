"""Steps that end the process, start it, stop it for a while, or tell it nonsense."""

from __future__ import annotations

import contextlib
import signal
import time
from random import Random

from chaos.network import CHANGING, Network
from chaos.steps import Step
from chaos.steps_hosts import change_of_mind
from chaos.steps_links import flap
from chaos.verify import ALL, FREE, Cost
from snoop.control.client import Refused

START_S = 6.0  # what a machine with others may take to end one process and have the next forward
# A new process knows nothing: it floods until hosts have answered it.
ANEW = Cost(dark=ALL, dark_s=START_S, leaks=ALL, within=20.0)


def restart(net: Network, random: Random) -> Cost:
    """End it in good order, perhaps with a key that takes a restart, and start it."""
    if random.random() < 0.5:
        net.settings["workers"] = random.choice((1, 2))
        net.settings["shortcut"] = random.choice((True, False))
        net.say(f"workers = {net.settings['workers']}, shortcut = {net.settings['shortcut']}")
    assert net.switch.stop(signal.SIGTERM) == 0
    begin(net)
    return ANEW


def kill(net: Network, random: Random) -> Cost:
    assert net.switch.stop(signal.SIGKILL) == -signal.SIGKILL
    begin(net)
    return ANEW


def kill_while_it_starts(net: Network, random: Random) -> Cost:
    """Once or twice, at any moment of it."""
    net.switch.stop(signal.SIGKILL)
    for _ in range(random.choice((1, 2))):
        after = random.uniform(0, 1.0)
        net.say(f"{after:.2f} s after its start")
        net.switch.start(wait=False)
        time.sleep(after)  # the moment of the kill, not a wait for something
        net.switch.stop(signal.SIGKILL)
    begin(net)
    return Cost(dark=ALL, dark_s=2 * START_S, leaks=ALL, within=20.0)


def away_meanwhile(net: Network, random: Random) -> Cost:
    """Ports and hosts change while there is no process."""
    number = random.choice((signal.SIGTERM, signal.SIGKILL))
    net.switch.stop(number)
    flap(net, random.choice(CHANGING))
    for _ in range(random.randrange(4)):
        change_of_mind(net, random)
    begin(net)
    return ANEW


def stand_still(net: Network, random: Random) -> Cost:
    """The whole process, as when a virtual machine is paused."""
    seconds = random.uniform(0.2, 2.0)
    net.say(f"for {seconds:.1f} s")
    assert net.switch.process is not None
    net.switch.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)  # the step itself
    net.switch.process.send_signal(signal.SIGCONT)
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


def begin(net: Network) -> None:
    net.configure()
    net.switch.start()
    net.started()


ENDING = [Step(restart), Step(kill), Step(kill_while_it_starts), Step(away_meanwhile)]
STEPS = [*ENDING, Step(stand_still), Step(nonsense)]
