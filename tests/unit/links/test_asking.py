"""Who asks the kernel does not wait for its lock on interfaces, and nobody else does."""

from __future__ import annotations

import asyncio
import threading

from snoop.links import direct
from snoop.links.asking import Asking
from snoop.links.neighbours import Neighbours
from snoop.links.questions import Answer, Dumps, Question, Questions
from snoop.links.rtnetlink import Facts
from snoop.links.runs import Runs
from unit import HANGS_S


class Locked(Questions):
    """A kernel whose lock others hold until `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.asked = threading.Event(), threading.Event()

    def answer(self, questions: list[Question], dumps: Dumps) -> list[Answer]:  # type: ignore[override]
        del dumps
        self.asked.set()
        assert self.go.wait(HANGS_S)
        facts = [Facts(each.ifindex, f"p{each.ifindex}") for each in questions]
        return [Answer(each, own, Runs(True, "a host"), direct.UNKNOWN, None)
                for each, own in zip(questions, facts, strict=True)]  # fmt: skip


class Path:
    """What is held back."""

    def __init__(self) -> None:
        self.holds: list[bool] = []

    def watch(self, fd: int) -> None:
        del fd

    def hold(self, hold: bool) -> None:
        self.holds.append(hold)


def test_the_loop_goes_on_while_the_kernel_does_not_answer() -> None:
    """And is told when it does."""

    async def scene() -> None:
        asking, kernel, path = Asking(), Locked(), Path()
        neighbours = Neighbours(asking)
        neighbours._questions = kernel
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        asking.begin(loop)
        neighbours.watch(loop, path, told.set)
        neighbours.follow([7])
        await asyncio.to_thread(kernel.asked.wait, HANGS_S)
        assert not neighbours.knows(7)
        assert not neighbours.runs(7).takes
        assert not told.is_set()
        kernel.go.set()
        await asyncio.wait_for(told.wait(), HANGS_S)
        assert neighbours.knows(7)
        assert neighbours.runs(7).takes
        asking.close()
        neighbours.close()

    asyncio.run(scene())


def test_runs_are_held_back_until_what_an_event_may_have_changed_is_known() -> None:
    async def scene() -> None:
        asking, kernel, path = Asking(), Locked(), Path()
        kernel.go.set()
        neighbours = Neighbours(asking)
        neighbours._questions = kernel
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        neighbours.follow([7])  # nobody waits yet: answered at once
        assert neighbours.runs(7).takes
        asking.begin(loop)
        neighbours.watch(loop, path, told.set)
        kernel.go.clear()
        neighbours._ask(neighbours._peers.again([7]), urgent=True)
        neighbours._settle(False)
        assert path.holds[-1]
        kernel.go.set()
        while path.holds[-1]:
            await asyncio.sleep(0)
        asking.close()
        neighbours.close()

    asyncio.run(scene())


def test_after_its_end_nobody_is_told_anything() -> None:
    async def scene() -> None:
        asking, told = Asking(), []
        asking.begin(asyncio.get_running_loop())
        asking.ask(lambda: 1, told.append)
        asking.close()
        asking.ask(lambda: 2, told.append)
        await asyncio.sleep(0)
        assert told == []

    asyncio.run(scene())
