"""What a running switch goes by: the configuration in effect, and what of the file has to wait.

Keys of `RESTART_KEYS` stay as they were at the start, whatever is loaded later (SAY-7).
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs

from snoop.config import effective
from snoop.config.loader import Loaded
from snoop.config.schema import RESTART_KEYS, Config


class Settings:
    """The configuration as it was at the start and as it was last loaded."""

    def __init__(self, loaded: Loaded) -> None:
        self._started = self._loaded = loaded
        self.config = loaded.config

    def follow(self, loaded: Loaded) -> None:
        """Become what was loaded, as far as that is possible."""
        self._loaded = loaded
        kept: dict[str, dict[str, Any]] = {}
        for table, key in RESTART_KEYS:
            kept.setdefault(table, {})[key] = _value(self._started.config, table, key)
        self.config = structs.replace(
            loaded.config,
            switch=structs.replace(loaded.config.switch, **kept["switch"]),
            metrics=structs.replace(loaded.config.metrics, **kept["metrics"]),
        )

    def waiting(self) -> dict[tuple[str, str], Any]:
        """What was loaded and takes a restart: (table, key) to the value."""
        return {
            (table, key): msgspec.to_builtins(_value(self._loaded.config, table, key), enc_hook=str)
            for table, key in RESTART_KEYS
            if _value(self._loaded.config, table, key) != _value(self.config, table, key)
        }

    def shown(self) -> dict[str, Any]:
        """As `show config` has it."""
        waiting = self.waiting()
        origins = dict(self._loaded.origins)
        for table, key in waiting:
            name = f"{table}.{key}"
            origins[name] = self._started.origins[name]
        pending = {f"{table}.{key}": value for (table, key), value in waiting.items()}
        return {**effective.whole(self.config), "origins": origins, "pending": pending}


def _value(config: Config, table: str, key: str) -> Any:
    return getattr(getattr(config, table), key)
