"""What is in effect, what waits for a restart, and where each key is from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from snoop.config import loader
from snoop.config.loader import Loaded
from snoop.config.settings import Settings


def loaded(path: Path, text: str, **given: Any) -> Loaded:
    path.write_text(text)
    return loader.load(str(path), **given)


def test_a_key_that_takes_a_restart_stays_until_then(tmp_path: Path) -> None:
    """SAY-7: what is shown is in effect; what the file says else is `pending`."""
    file = tmp_path / "x.toml"
    before = '[switch]\nworkers = 1\n[[port]]\nname = "p0"\n'
    settings = Settings(loaded(file, before))
    assert settings.shown()["pending"] == {}
    settings.follow(
        loaded(
            file,
            '[switch]\nworkers = 2\nunregistered = "drop"\n[metrics]\nlisten = ":9570"\n'
            '[[port]]\nname = "p1"\n',
        )
    )
    shown = settings.shown()
    assert (shown["switch"]["workers"], shown["metrics"]["listen"]) == (1, "")
    assert (shown["switch"]["unregistered"], shown["port"][0]["name"]) == ("drop", "p1")
    assert shown["pending"] == {"switch.workers": 2, "metrics.listen": ":9570"}
    assert list(settings.waiting()) == [("switch", "workers"), ("metrics", "listen")]
    assert (settings.config.switch.workers, settings.config.port[0].name) == (1, "p1")
    settings.follow(loaded(file, before))
    assert settings.waiting() == {}, "put back, it asks for nothing"
    assert settings.shown()["switch"]["unregistered"] == "flood"


def test_the_origin_of_a_key_is_that_of_the_value_in_effect(tmp_path: Path) -> None:
    """SAY-7: the file, the command line, or nobody."""
    file = tmp_path / "x.toml"
    text = (
        "[igmp]\nrobustness = 3\n[[vlan]]\nvid = 10\nversion = 2\n"
        '[[port]]\nname = "p0"\nmrouter = "never"\nmax_groups = 3\n'
    )
    settings = Settings(
        loaded(
            file,
            text,
            ports=["p0,mrouter=always", "p1,fast_leave=on"],
            overrides={"igmp": {"querier": "on"}},
        )
    )
    origins = settings.shown()["origins"]
    assert {key: origin for key, origin in origins.items() if origin != "default"} == {
        "igmp.robustness": "file",
        "igmp.querier": "command",
        "vlan.10.version": "file",
        "port.p0.mrouter": "command",
        "port.p0.max_groups": "file",
        "port.p1.fast_leave": "command",
    }
    assert origins["switch.workers"] == origins["port.p1.mrouter"] == "default"
    settings.follow(loaded(file, "[switch]\nworkers = 2\n"))
    shown = settings.shown()
    assert shown["pending"] == {"switch.workers": 2}
    assert shown["origins"]["switch.workers"] == "default", "of the one worker there is"


def test_the_origins_are_of_every_key_that_is_shown(tmp_path: Path) -> None:
    text = '[[vlan]]\nvid = 10\n[[port]]\nname = "p0"\n'
    shown = Settings(loaded(tmp_path / "x.toml", text)).shown()
    tables = ("switch", "igmp", "mld", "metrics")
    expected = {f"{table}.{key}" for table in tables for key in shown[table]}
    expected |= {f"vlan.10.{key}" for key in shown["vlan"][0] if key != "vid"}
    expected |= {f"port.p0.{key}" for key in shown["port"][0] if key != "name"}
    assert shown["origins"].keys() == expected
