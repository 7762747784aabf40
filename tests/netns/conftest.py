"""Fixtures of the netns tests: they need root, and say so instead of passing without it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from netns.star import Star, star

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.root)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="network namespaces need root"))


@pytest.fixture(scope="session")
def shared() -> Iterator[Star]:
    """One star for all tests that need no configuration of their own; ends with conservation."""
    with star() as made:
        yield made


@pytest.fixture
def net(shared: Star) -> Iterator[Star]:
    """The shared star, with no memberships; fails the test if the daemon died in it."""
    shared.quiet()
    yield shared
    assert shared.switch.process.poll() is None, shared.switch.log
