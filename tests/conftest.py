"""How the tests are run side by side (`tests/run`, README.md).

`alone` marks what measures rates or latencies, or floods: nothing may run beside it, and it beside
nothing. `half` marks what must have a processor and needs no more: two of them run beside each
other. By `--dist loadscope` the tests of a module-wide lab stay together on one worker, and any
other goes wherever there is room.

What a machine with more to do than it can do does to a test is that something has not come in time.
Tests of three files at most that failed so, with no other failure beside them, are named in
`--late FILE` and run once more by themselves: what fails there has failed. A count or an answer
that is wrong is none of these.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--room", choices=("any", "half", "alone"), help="only tests that need so much room"
    )
    parser.addoption("--late", type=Path, help="where to name tests that only came too late")


def pytest_configure(config: pytest.Config) -> None:
    late = config.getoption("late")
    if late and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Late(late))


class Late:
    """Watches for failures that are a matter of time."""

    FILES_MAX = 3
    SAYS = ("AssertionError: not within ", "TimeoutError")

    def __init__(self, told: Path) -> None:
        self.told = told
        self.failed: dict[str, bool] = {}  # id -> only too late

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            late = crash is not None and crash.message.startswith(self.SAYS)
            self.failed[report.nodeid] = late and self.failed.get(report.nodeid, True)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        files = {test.partition("::")[0] for test in self.failed}
        if session.exitstatus != pytest.ExitCode.TESTS_FAILED or len(files) > self.FILES_MAX:
            return
        if self.failed and all(self.failed.values()):
            with self.told.open("a") as told:
                told.writelines(f"{test}\n" for test in self.failed)
            session.exitstatus = pytest.ExitCode.OK


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("room")
    if wanted:
        apart = [item for item in items if room(item) != wanted]
        config.hook.pytest_deselected(items=apart)
        dropped = set(apart)
        items[:] = [item for item in items if item not in dropped]


def room(item: pytest.Item) -> str:
    return next((each for each in ("alone", "half") if item.get_closest_marker(each)), "any")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Labs(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file if has_module_lab(config.rootpath / file) else nodeid

        def remove_node(self, node: Any) -> Any:
            """What ended its worker has failed; it is not tried again on the next."""
            crashed = super().remove_node(node)
            for name, unit in list(self.workqueue.items()):
                if crashed in unit:
                    unit[crashed] = True
                if all(unit.values()):
                    del self.workqueue[name]
            return crashed

    return Labs(config, log)


@cache
def has_module_lab(file: Path) -> bool:
    return 'scope="module"' in file.read_text()
