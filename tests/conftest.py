"""How the tests are run side by side (`tests/run`, README.md).

`alone` marks what measures rates, latencies or memory, or floods: nothing may run beside it, and it
beside nothing. Tests that share a module's lab stay together on one worker.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--alone", choices=("no", "only"), help="without the tests marked alone, or only those"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if shares_with_its_module(item):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    wanted = config.getoption("alone")
    if wanted:
        apart = [
            item for item in items if bool(item.get_closest_marker("alone")) != (wanted == "only")
        ]
        config.hook.pytest_deselected(items=apart)
        items[:] = [item for item in items if item not in set(apart)]


def shares_with_its_module(item: pytest.Item) -> bool:
    definitions = item._fixtureinfo.name2fixturedefs
    return any(each[-1].scope == "module" for each in definitions.values() if each)
