"""What every stateful test of the engine against a model has: restarts, and that they agree."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule


class AgainstModel(RuleBasedStateMachine):
    """`pair`, of engine and model, is there once the history has begun."""

    pair: Any

    @rule()
    def switch_restarts(self) -> None:
        self.pair.restart()

    @invariant()
    def they_agree(self) -> None:
        if hasattr(self, "pair"):
            self.pair.compare()


def histories(count: int, steps: int) -> settings:
    """So many, so long, and the same ones in every run."""
    return settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
