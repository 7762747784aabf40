"""Streams inside the kernel: allowed, refused by the kernel, counted in time."""

from __future__ import annotations

import asyncio
import errno
import logging
from typing import Any

import pytest

from snoop.config.schema import RESTART_KEYS, SwitchTable
from snoop.control import paths
from snoop.control.requests import Explain, Show
from snoop.fastpath import PATHS, Action, Verdict
from snoop.proto.units import SECOND, Duration, Instant
from snoop.runtime import clock
from snoop.runtime.kernel import KernelPath
from snoop.table.seen import Stream
from snoop.wire import address
from unit.fake_fastpath import FakeFastPath
from unit.scene import G, S, Scene

NO_TIME = Duration(0)
OFF: dict[str, Any] = {"switch": {"kernel": "off"}}


def seen(path: str, egress: int = 2, silent: Duration = NO_TIME) -> Stream:
    now = clock.now() - silent
    return Stream(
        0, S, G, 0, 9, 900, now - 9, now, egress, True, "forward_group",
        path=path, in_kernel=PATHS[path],
    )  # fmt: skip


def test_a_reload_allows_and_forbids_it() -> None:
    scene = Scene().start()
    scene.configure(**OFF)
    scene.configure(switch={"kernel": "auto"})
    scene.configure(switch={"kernel": "auto", "coalesce": "off"})
    assert scene.fastpath.allowed == [True, False, True]
    assert ("switch", "kernel") not in RESTART_KEYS


@pytest.mark.parametrize(
    ("number", "level", "because"),
    [
        (errno.EPERM, "WARNING", "Operation not permitted; it takes CAP_BPF, which a user "
         "namespace cannot give, and no seccomp in its way"),
        (errno.ENOMEM, "WARNING", "Cannot allocate memory; no memory for its tables"),
        (errno.EMFILE, "WARNING", "Too many open files"),
        (errno.EOPNOTSUPP, "INFO", "not made for this machine"),
    ],
)  # fmt: skip
def test_what_the_kernel_refuses_is_said_once_and_all_goes_on(
    caplog: pytest.LogCaptureFixture, number: int, level: str, because: str
) -> None:
    """N-11."""
    caplog.set_level(logging.INFO, "snoop.kernel")
    scene = Scene()
    scene.fastpath.kernel_refusal = number
    scene.start().join(1)
    scene.configure(switch={"coalesce": "off"})
    said = [(one.levelname, one.getMessage()) for one in caplog.records if "inside" in one.msg]
    assert said == [(level, f"no stream is served inside the kernel: {because}")]
    status = scene.ask(Show(what="status"))
    assert (status["kernel"], status["kernel_because"]) == ("auto", because)
    assert scene.members() == {"p1"}
    scene.fastpath.seen = [seen("off")]
    (row,) = scene.ask(Show(what="streams"))["streams"]
    assert row["path_because"].endswith(because)
    scene.configure(**OFF)
    assert scene.ask(Show(what="status"))["kernel_because"] is None


def test_counts_are_taken_in_once_a_second_and_in_time_for_the_fdb() -> None:
    for ageing, often in ((300.0, 1), (4.0, 1), (1.0, 4)):
        fastpath = FakeFastPath()
        path = KernelPath(fastpath)
        for quarter in range(40):
            path.look(Instant(quarter * SECOND // 4), SwitchTable(fdb_ageing=ageing))
        assert fastpath.folds == 10 * often


def test_what_became_of_a_silent_stream_is_said_by_what_holds_now() -> None:
    """SAY-17: its next frame is decided afresh."""
    scene = Scene().start()
    scene.fastpath.seen = [seen("pruned", 0, Duration(2 * SECOND))]
    for ports, word in ((0b0010, "kernel"), (0, "pruned")):
        scene.fastpath.verdict = Verdict(Action.FORWARD, "forward_group", ports, False, True)
        (row,) = scene.ask(Show(what="streams"))["streams"]
        assert (row["path"], row["path_cause"]) == ("kernel", word)
        assert scene.ask(Explain(port="p0", group=address.text(G)))["path_cause"] == word


def test_explain_says_it_of_the_live_stream() -> None:
    scene = Scene(port=[{"name": f"p{n}"} for n in range(4)]).start()
    explain = Explain(port="p0", group=address.text(G))
    assert scene.ask(explain)["path"] is None
    scene.fastpath.seen = [seen("kernel")]
    answer = scene.ask(explain)
    assert (answer["path"], answer["path_cause"]) == ("kernel", "kernel")
    assert answer["path_because"] == "served inside the kernel"
    for other in (Explain(port="p1", group=explain.group), Explain(port="p0", group="239.9.9.9")):
        assert scene.ask(other)["path"] is None
    elsewhere = Explain(port="p0", group=explain.group, source="10.0.0.77")
    assert scene.ask(elsewhere)["path"] is None


def test_a_scrape_counts_all_streams() -> None:
    scene = Scene().start()
    scene.fastpath.seen = [seen(word) for word in PATHS]
    sample = asyncio.run(scene.answers.sample())
    assert sample.paths == {"ring": len(PATHS) - 2, "kernel": 2}


def test_every_word_of_the_fast_path_has_its_sentence() -> None:
    assert paths.PATHS.keys() == PATHS.keys()


@pytest.mark.parametrize("word", PATHS)
def test_a_stream_says_who_serves_it_and_why(word: str) -> None:
    scene = Scene(**OFF).start()
    scene.fastpath.seen = [seen(word, egress=0 if word == "pruned" else 2)]
    (row,) = scene.ask(Show(what="streams"))["streams"]
    assert row["path"] == ("kernel" if word in ("kernel", "pruned") else "ring")
    assert row["path_cause"] == word
    assert ("by the rings" in row["path_because"]) is (row["path"] == "ring")
    if word == "off":
        assert row["path_because"].endswith('[switch] kernel = "off"')
