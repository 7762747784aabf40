"""`guides/linux-bridge.md`, followed by hand: its file, and each of its commands in turn."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import snoop
from snoop.lab import Lab

PAGE = (Path(snoop.__file__).parent / "guides/linux-bridge.md").read_text("utf-8")
FOR_EVER = ("monitor",)
"""What does not end by itself."""


def told(title: str) -> list[str]:
    """The commands of a section's tables, those of ours."""
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (?!bridge|---).*? \| (.*) \|$", section, re.MULTILINE)
    return [command for row in rows for command in re.findall(r"`((?:snoop|ip) [^`]+)`", row)]


def test_the_page_can_be_followed() -> None:
    config = tomllib.loads(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0])
    ports = [port["name"] for port in config["port"]]
    with Lab(3, quiet_ipv6=False) as lab:
        lab.trunk("p9", "far")
        switch = lab.switch(ports, config=config)

        def follow(command: str) -> None:
            program, *words = command.split()
            if words == ["check"]:
                assert switch.run(*words).returncode in (0, 1)
            elif program == "snoop" and words[0] not in FOR_EVER:
                switch.quick(*words)
            elif program == "ip":
                subprocess.run(["ip", "-n", lab.namespace, *words], check=True)

        first, second = "`bridge vlan show`", "vlan_filtering 1"
        assert PAGE.index(second) < PAGE.index(first)
        commands = told("Commands")
        begins = commands.index("snoop show vlans")
        for command in commands[:begins]:
            follow(command)
        switch.configure({**config, "switch": {"vlan_filtering": True}})
        switch.reload()
        for command in commands[begins:]:
            follow(command)
        rows = {port["name"]: port["vlans"] for port in switch.show("ports")["ports"]}
        assert rows["p1"] == rows["sw0"] == {"pvid": 10, "tagged": []}
        assert rows["p2"] == {"pvid": 30, "tagged": ["10-20"]}
