"""What a step is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from chaos.network import Network
from chaos.verify import Cost

Doing = Callable[[Network, Random], Cost]
Possible = Callable[[Network], bool]


@dataclass(frozen=True, slots=True)
class Step:
    """`do` does it and says what it may cost; `possible`: whether it makes sense just now."""

    do: Doing
    possible: Possible = lambda net: True

    @property
    def name(self) -> str:
        return self.do.__name__
