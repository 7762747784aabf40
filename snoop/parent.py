"""What remains of the process that began a switch, once another has taken its place.

Who started `snoop run` waits for that process and sends it signals: a terminal, a container's
engine, a test. So it stays, as this and nothing more: it passes signals on to whoever is the switch
and ends as that one ends. A switch that is restarted again leaves its place to its child, which is
then this process's (PR_SET_CHILD_SUBREAPER), so there is never more than one of these. Run by its
path, with the standard library alone: it is to be small.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

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
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(word) for word in text.split()]


def main(first: int) -> None:
    """Until the last child has ended; then as it did."""

    def pass_on(passed: int, _: object) -> None:
        for pid in children() or [first]:
            with contextlib.suppress(OSError):  # It has just ended.
                os.kill(pid, passed)

    for each in PASSED_ON:
        signal.signal(each, pass_on)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    status = 0
    while True:
        try:
            _, status = os.waitpid(-1, 0)
        except ChildProcessError:
            break
    if os.WIFSIGNALED(status):
        number = signal.Signals(os.WTERMSIG(status))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(128 + number)  # of a process that the kernel spares, the first in a container
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(int(sys.argv[1]))
