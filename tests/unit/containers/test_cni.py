"""`snoop-cni` against what no runtime should say: each an error of the specification's numbers."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import sys
from typing import Any

import pytest

from snoop.containers.cni import asked, main, results
from snoop.containers.cni.verbs import name_of

NETNS = "/proc/self/ns/net"


class Plugin:
    """The process, in this one."""

    def __init__(self, patch: pytest.MonkeyPatch, said: pytest.CaptureFixture[str]) -> None:
        self.patch, self.said = patch, said

    def call(
        self, verb: str = "ADD", *, raw: bytes | None = None, env: dict[str, str] | None = None,
        **keys: Any,
    ) -> dict[str, Any]:  # fmt: skip
        given = {"cniVersion": "1.0.0", "name": "tv", "type": "snoop-cni", "socket": "/no/such"}
        data = json.dumps(given | keys).encode() if raw is None else raw
        variables = {
            "CNI_COMMAND": verb, "CNI_CONTAINERID": "abc", "CNI_IFNAME": "eth0",
            "CNI_NETNS": NETNS, "CNI_PATH": "", "CNI_ARGS": "",
        } | (env or {})  # fmt: skip
        for key, value in variables.items():
            self.patch.setenv(key, value)
        self.patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        self.patch.setattr(signal, "signal", lambda *_: None)
        with contextlib.suppress(SystemExit):
            main.main()
        out, err = self.said.readouterr()
        assert not err
        answer: dict[str, Any] = json.loads(out) if out else {}
        assert "Traceback" not in out
        assert out.isprintable() or out.endswith("}\n")
        return answer

    def code(self, verb: str = "ADD", **keys: Any) -> int:
        code: int = self.call(verb, **keys)["code"]
        return code


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Plugin:
    return Plugin(monkeypatch, capsys)


def test_switch_that_does_not_run_is_for_later(plugin: Plugin) -> None:
    answer = plugin.call()
    assert (answer["cniVersion"], answer["code"]) == ("1.0.0", 11)
    assert 'the switch "sw0" does not run' in answer["msg"]
    assert plugin.code("STATUS", cniVersion="1.1.0") == 50
    assert plugin.call("DEL") == {}
    assert plugin.call("DEL", vlan=5000, nonsense=1, env={"CNI_NETNS": ""}) == {}
    assert plugin.call("GC", cniVersion="1.1.0", **{"cni.dev/valid-attachments": []}) == {}


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"ipam": {"type": "../static"}}, 7),
        ({"ipam": "static"}, 7),
        ({"runtimeConfig": {"ips": ["10.0.0.1/24"]}}, 7),
        ({"runtimeConfig": []}, 11),
        ({"runtimeConfig": 5}, 7),
        ({"switch": "\ud800"}, 6),
        ({"vlan": 5000}, 7),
        ({"vlan": "ten"}, 7),
        ({"vlan": True}, 7),
        ({"vlan": -1}, 7),
        ({"vlan": 0}, 11),
        ({"vlna": 10}, 2),
        ({"cni.dev/x": 10}, 11),
        ({"mtu": 1 << 40}, 7),
        ({"mtu": 67}, 7),
        ({"mac": "01:00:5e:00:00:01"}, 7),
        ({"mac": "02"}, 7),
        ({"args": {"cni": {"mac": "nonsense"}}}, 7),
        ({"switch": "../etc"}, 7),
        ({"switch": 5}, 7),
        ({"name": "../x"}, 7),
        ({"name": None}, 7),
        ({"port": []}, 7),
        ({"port": {"description": "a,mrouter=always"}}, 7),
        ({"port": {"access": {}}}, 7),
        ({"trunk": ["x"]}, 7),
        ({"trunk": 10}, 7),
        ({"trunk": [10, "20-29"]}, 11),
        ({"prevResult": [1]}, 7),
        ({"prevResult": {"ips": 5}}, 7),
        ({"socket": "relative"}, 7),
        ({"socket": "/x" * 200}, 11),
        ({"socket": "/\0"}, 11),
        ({"cniVersion": "0.2.0"}, 1),
        ({"cniVersion": "2.0.0"}, 1),
        ({"cniVersion": None}, 1),
        ({"cniVersion": ["1.0.0"]}, 1),
    ],
)
def test_configuration_that_is_wrong_is_refused(
    plugin: Plugin, keys: dict[str, Any], code: int
) -> None:
    answer = plugin.call(**keys)
    assert answer["code"] == code, answer


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"nonsense", b"[1]", b"\xff\xfe", b'{"a":' * 100_000, b"1" * 5000, b"\0",
        b'{"x": "' + b"y" * (1 << 21) + b'"}',
    ],
    ids=["empty", "word", "list", "bytes", "deep", "number", "zero", "huge"],
)  # fmt: skip
def test_what_is_no_json_object_cannot_be_decoded(plugin: Plugin, raw: bytes) -> None:
    for verb in ("ADD", "DEL", "CHECK"):
        assert plugin.code(verb, raw=raw) == 6


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("CNI_CONTAINERID", "", 4),
        ("CNI_CONTAINERID", "../abc", 4),
        ("CNI_CONTAINERID", "a" * 600, 4),
        ("CNI_NETNS", "", 4),
        ("CNI_NETNS", "/run/netns/none-of-it", 3),
        ("CNI_NETNS", "/dev/null", 4),
        ("CNI_NETNS", "/proc/self/ns/mnt", 4),
        ("CNI_NETNS", "/", 4),
        ("CNI_NETNS", "/" + "x" * 5000, 4),
        ("CNI_IFNAME", "", 4),
        ("CNI_IFNAME", "a" * 16, 4),
        ("CNI_IFNAME", "..", 4),
        ("CNI_IFNAME", "a/b", 4),
        ("CNI_IFNAME", "a b", 4),
        ("CNI_IFNAME", "a:b", 4),
        ("CNI_IFNAME", "\u202e", 4),
        ("CNI_ARGS", "MAC=nonsense", 7),
        ("CNI_ARGS", ";;=;IgnoreUnknown", 11),
        ("CNI_COMMAND", "", 4),
        ("CNI_COMMAND", "NONSENSE", 4),
    ],
)
def test_environment_that_is_wrong_is_said(
    plugin: Plugin, name: str, value: str, code: int
) -> None:
    assert plugin.code(env={name: value}) == code


def test_verbs_are_of_the_versions_that_have_them(plugin: Plugin) -> None:
    assert plugin.code("CHECK", cniVersion="0.3.1") == 1
    for verb in ("GC", "STATUS"):
        assert plugin.code(verb, cniVersion="1.0.0") == 1
    assert plugin.code("CHECK") == 7, "it takes a prevResult"
    for wrong in (None, {}, [{"x": 1}], [5]):
        keys = {"cni.dev/valid-attachments": wrong}
        assert plugin.code("GC", cniVersion="1.1.0", **keys) == 7
    said = plugin.call("VERSION", raw=b'{"cniVersion": "0.4.0"}')
    assert said == {"cniVersion": "0.4.0", "supportedVersions": list(asked.VERSIONS)}
    assert plugin.call("VERSION", raw=b"")["cniVersion"] == "1.1.0"


def test_names_are_short_and_everybodys_own() -> None:
    names = {
        name_of(network, container, interface)
        for network in ("tv", "data")
        for container in ("a", "ab", "a" * 64)
        for interface in ("eth0", "net1")
    }
    assert len(names) == 12
    assert {len(name) for name in names} == {15}
    assert {name[:7] for name in names} == {name_of(n, "x", "y")[:7] for n in ("tv", "data")}


def test_route_goes_by_the_first_gateway_of_its_family() -> None:
    got = results.read(
        {
            "ips": [
                {"address": "10.0.0.5/24", "gateway": "10.0.0.1"},
                {"address": "10.1.0.5/24", "gateway": "10.1.0.1"},
                {"address": "fd00::5/64"},
            ],
            "routes": [
                {"dst": "0.0.0.0/0"}, {"dst": "::/0"}, {"dst": "10.9.0.1/16", "gw": "10.1.0.9"},
                {"dst": "224.0.0.0/4"}, {"dst": "239.1.0.0/16", "gw": "10.0.0.3"},
            ],
        },
        "x",
    )  # fmt: skip
    assert [(str(r.destination), str(r.gateway)) for r in got.whole_routes] == [
        ("0.0.0.0/0", "10.0.0.1"), ("::/0", "None"), ("10.9.0.0/16", "10.1.0.9"),
        ("224.0.0.0/4", "None"), ("239.1.0.0/16", "10.0.0.3"),
    ]  # fmt: skip
