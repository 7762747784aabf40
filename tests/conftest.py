"""How the tests are run side by side (`tests/run`, README.md).

`alone` marks what measures rates or latencies, or floods: nothing may run beside it, and it beside
nothing. `half` marks what must have a processor and needs no more: two of them run beside each
other. By `--dist loadscope` the tests of a module-wide lab stay together on one worker, and any
other goes wherever there is room.

A few that fail are named in `--again FILE`, and the run is none the worse for them yet: they run
three times more by themselves, and what fails once there has failed. On a machine that six labs
share one of 8 000 tests is unlucky; a fault is there when nobody is beside it, too.
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
    parser.addoption("--again", type=Path, help="where to name the few that failed")


def pytest_configure(config: pytest.Config) -> None:
    again = config.getoption("again")
    if again and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Again(again))


class Again:
    """Names the tests that failed, if they are few."""

    FILES_MAX = 3

    def __init__(self, told: Path) -> None:
        self.told = told
        self.failed: dict[str, None] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed[report.nodeid] = None

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        files = {test.partition("::")[0] for test in self.failed}
        if session.exitstatus == pytest.ExitCode.TESTS_FAILED and 0 < len(files) <= self.FILES_MAX:
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
