"""What remains of the process that began a switch, once another has taken its place.

Who started `snoop run` waits for that process and sends it signals: a terminal, a container's
engine, a test. So it stays, as this and nothing more: it passes signals on to whoever is the switch
and ends as that one ends. A switch that hands over again ends with HANDED_ON, and its heir is then
this process's child (PR_SET_CHILD_SUBREAPER), so there is never more than one of these. Other
children are none of its business, beyond asking how they ended: those of the container whose first
process it is, or of a shell that became the switch. Run by its path, with the standard library
alone: it is to be small.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

HANDED_ON = 81
"""Exit status of a switch whose place its heir has."""
HEIR = b"SNOOP_HANDOVER_FD="
"""In the environment that an heir began with, and nobody else's."""
PASSED_ON = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


def children() -> list[int]:
    """Those that run or wait to be asked how they ended."""
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_bytes()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def heirs() -> list[int]:
    """Children that were started to take a switch's place, the newest last."""
    while True:
        known = children()
        found = [pid for pid in known if _is_heir(pid)]
        # One that ended before it was looked at has left its own heir to us.
        if found or children() == known:
            return found


def _is_heir(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it has ended
        return False
    return any(word.startswith(HEIR) for word in words)


def main(switch: int) -> None:
    """Until the switch has ended, and left its place to nobody; then as it did."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    awaited = {*PASSED_ON, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_SETMASK, awaited)
    last = status = 0
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if not pid:
            number = signal.sigwait(awaited)
            # An heir may be ours before we have asked how the one before it ended.
            for each in () if number == signal.SIGCHLD else {switch, *heirs()}:
                with contextlib.suppress(OSError):  # It has just ended.
                    os.kill(each, number)
        elif pid != switch:
            last = status or last
        elif os.WIFEXITED(status) and os.WEXITSTATUS(status) == HANDED_ON:
            found = heirs()
            if not found:  # they have ended as well
                status = last
                break
            switch = found[-1]
        else:
            break
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    if os.WIFSIGNALED(status):
        number = signal.Signals(os.WTERMSIG(status))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(128 + number)  # of a process that the kernel spares, the first in a container
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(int(sys.argv[1]))
