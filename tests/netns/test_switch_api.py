"""`from snoop import Switch`, as a script uses it; the lab starts every other switch by it too."""

from __future__ import annotations

from pathlib import Path

import pytest

from netns.star import IGMP, QUERIER
from snoop import Switch
from snoop.lab import Lab
from snoop.switch import SwitchError

GROUP = "239.20.0.1"


def test_a_switch_of_ports_and_tables_lives_as_long_as_its_block() -> None:
    with Lab(2) as lab:
        with Switch(["p0", "p1"], config={"igmp": IGMP}, namespace=lab.namespace) as switch:
            (row,) = switch.show("querier")["queriers"]
            assert (row["role"], row["address"]) == ("querier", QUERIER)
            lab.h(1).join(GROUP)
            switch.wait_member(GROUP, "p1")
            with pytest.raises(TimeoutError, match=r"not exactly the ports \['p0'\] after 0 s"):
                switch.wait_members(GROUP, {"p0"}, within=0)
            switch.configure({"igmp": {**IGMP, "version": 2}})
            assert switch.reload()
            assert switch.show("config")["igmp"]["version"] == 2
            kept, log = switch.directory, switch.log
        assert not kept.exists()
        assert switch.process is not None
        assert switch.process.returncode == 0
        assert log
        assert switch.log.startswith(log), "still to be read when its directory is gone"
        with switch:  # once more
            assert {port["name"] for port in switch.show("ports")["ports"]} == {"p0", "p1"}


def test_what_keeps_a_switch_from_starting_is_said(tmp_path: Path) -> None:
    with pytest.raises(SwitchError, match="no-such-namespace"):
        Switch(["p0"], namespace="no-such-namespace").start()
    with Lab(1) as lab:
        refused = Switch(config={"switch": {"fdb_max": 0}}, namespace=lab.namespace)
        with pytest.raises(SwitchError, match="fdb_max"):
            refused.start()
        early = Switch(["p0"], namespace=lab.namespace, through=["false"], directory=tmp_path)
        with pytest.raises(SwitchError, match="did not become ready"):
            early.start()
        assert early.stop() == 1
    with pytest.raises(SwitchError, match="no-such-command"):
        Switch(["p0"], through=["no-such-command"]).start()
