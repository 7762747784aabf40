"""SAY-57, SAY-58: a live switch shows what people call things, and the shell completes it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from netns.star import star
from snoop.lab.switch import SNOOP

GROUP = "239.24.0.1"
NAMES = [{"group": "239.24.0.0/16", "name": "studio"}, {"group": GROUP, "name": "BBC One"}]


def test_names_are_shown_wherever_the_group_and_the_port_are() -> None:
    with star(3, ports={"p1": {"description": "Studio A"}}, group=NAMES) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        assert net.reached(GROUP) == {"h1"}
        do = net.switch.do
        for noun in ("mdb", "hosts", "streams"):
            rows = json.loads(do("show", noun, "--group", GROUP, "--json"))[noun]
            assert [row["name"] for row in rows] == ["BBC One"]
            assert "BBC One" in do("show", noun)
        joins = json.loads(do("show", "events", "--type", "join", "--json"))["events"]
        assert "BBC One" in {event["name"] for event in joins}
        assert '"BBC One"' in do("show", "events", "--type", "join", "--group", GROUP)
        assert "Studio A" in do("show", "ports")
        for noun in ("mdb", "hosts", "streams", "fdb"):
            assert json.loads(do("show", noun, "--json"))["descriptions"] == {"p1": "Studio A"}
            assert "Studio A" in do("show", noun)
        why = do("explain", "--port", "p0", "--group", GROUP)
        assert why.startswith(f"some source -> {GROUP} (BBC One), in at p0\n")
        assert "p1 (Studio A)" in why
        row = net.switch.row(GROUP, "p1")
        net.switch.configure({**net.switch.config, "group": NAMES[:1]})
        net.switch.quick("reload")
        after = net.switch.row(GROUP, "p1")
        assert row is not None
        assert after is not None
        assert after["name"] == "studio"
        assert after["uptime"] > row["uptime"]
        assert net.reached(GROUP) == {"h1"}


def test_bash_completes_what_a_live_switch_has() -> None:
    script = (
        'eval "$(snoop completion bash)"; COMP_WORDS=(snoop -n {} {}) COMP_CWORD={}; '
        'COMP_LINE="${{COMP_WORDS[*]}}"; COMP_POINT=${{#COMP_LINE}}; '
        '_snoop_completion snoop; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    with star(3) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        environment = {**os.environ, "PATH": f"{Path(SNOOP).parent}:{os.environ['PATH']}",
                       "SNOOP_SOCKET": str(net.switch.socket)}  # fmt: skip

        def complete(*words: str) -> list[str]:
            line = script.replace(" -n {}", "").format(" ".join(words), len(words))
            done = subprocess.run(
                ["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=60,
                check=True,
            )  # fmt: skip
            assert done.stderr == ""
            return done.stdout.split()

        assert complete("show", "mdb", "--port", "p") == ["p0", "p1", "p2"]
        assert complete("show", "mdb", "--group", "239.24") == [GROUP]
        assert net.h(1).address in complete("show", "hosts", "--host", "10.")
