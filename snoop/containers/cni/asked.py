"""What the runtime asks: environment and configuration, whole and checked.

What the runtime itself puts in, and keys that are namespaced, are passed over; any other key that
is not known is refused, since `vlna` would put a container into the wrong VLAN.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from snoop.containers.cni.failing import Code, Failed
from snoop.containers.pairs import NAME_BYTES_MAX
from snoop.containers.switches import NAME
from snoop.printable import printable

VERSIONS = ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
BYTES_MAX = 1 << 20
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_ID_MAX = 512
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}\Z")
OWN = {"switch", "socket", "vlan", "trunk", "native", "mtu", "mac", "port"}
_GENERAL = {
    "cniVersion", "cniVersions", "name", "type", "ipam", "dns", "args", "capabilities",
    "runtimeConfig", "prevResult", "disableCheck", "disableGC", "deviceID", "pciBusID",
}  # fmt: skip
_MTUS = range(68, 65536)
_VIDS = range(1, 4095)
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Which container, and where: the environment. `netns` is empty where a verb needs none."""

    container: str
    netns: str
    interface: str
    path: str
    args: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Network:
    """A network's configuration."""

    raw: Mapping[str, Any] = field(repr=False)
    version: str
    name: str
    switch: str
    socket: str | None
    options: Mapping[str, object]
    mtu: int | None
    mac: bytes | None

    @property
    def ipam(self) -> str | None:
        """The type of the plugin that gives out addresses."""
        ipam = self.raw.get("ipam")
        if not ipam:
            return None
        kind = ipam.get("type") if isinstance(ipam, dict) else None
        if not isinstance(kind, str) or not kind or "/" in kind or kind in (".", ".."):
            raise _wrong("ipam", ipam, 'a table with "type", the name of an IPAM plugin')
        return kind


def environment(*needed: str) -> Place:
    """The variables; Failed for one that is needed and missing, or is not what it may be."""
    missing = [name for name in needed if not os.environ.get(name)]
    if missing:
        raise Failed(Code.ENVIRONMENT, f"{', '.join(missing)} must be set")
    container = os.environ.get("CNI_CONTAINERID", "")
    interface = os.environ.get("CNI_IFNAME", "")
    if container and (not _ID.match(container) or len(container) > _ID_MAX):
        raise Failed(
            Code.ENVIRONMENT, f'CNI_CONTAINERID is "{_short(container)}": allowed are letters, '
            "digits, '.', '-' and '_'"
        )  # fmt: skip
    if interface and not _is_interface(interface):
        raise Failed(
            Code.ENVIRONMENT, f'CNI_IFNAME is "{_short(interface)}": no name of an interface'
        )
    pairs = (pair.partition("=") for pair in os.environ.get("CNI_ARGS", "").split(";"))
    return Place(
        container=container,
        netns=os.environ.get("CNI_NETNS", ""),
        interface=interface,
        path=os.environ.get("CNI_PATH", ""),
        args={key: value for key, _, value in pairs if key},
    )


def document(data: bytes) -> dict[str, Any]:
    """The JSON object of standard input."""
    if len(data) > BYTES_MAX:
        raise Failed(Code.DECODING, f"the configuration is longer than {BYTES_MAX} bytes")
    try:
        raw = json.loads(data)
        json.dumps(raw, ensure_ascii=False).encode()  # half of a pair of surrogates is no text
    except (ValueError, RecursionError) as error:
        raise Failed(
            Code.DECODING, f"the configuration is not JSON: {printable(str(error))}"
        ) from (error)
    if not isinstance(raw, dict):
        raise Failed(Code.DECODING, "the configuration is no JSON object")
    return raw


def version(raw: Mapping[str, Any], since: str = VERSIONS[0]) -> str:
    """The version that is spoken; Failed if it is none of ours, or older than the verb."""
    said = raw.get("cniVersion", "0.1.0")
    if said not in VERSIONS:
        raise Failed(
            Code.VERSION, f"cniVersion {_json(said)} is not supported", f"it speaks {VERSIONS}"
        )
    if VERSIONS.index(said) < VERSIONS.index(since):
        raise Failed(Code.VERSION, f"cniVersion {said} does not have this verb: {since} has")
    return str(said)


def network(raw: Mapping[str, Any], place: Place, since: str, *, strict: bool = True) -> Network:
    """The configuration; unless `strict` only what says where the container's end is: what could
    never be added can be deleted.
    """
    spoken = version(raw, since)
    name = raw.get("name")
    if not isinstance(name, str) or not _ID.match(name):
        raise _wrong("name", name, "a name of letters, digits, '.', '-' and '_'")
    switch, socket = raw.get("switch", "sw0"), raw.get("socket")
    if not isinstance(switch, str) or not NAME.match(switch):
        raise _wrong("switch", switch, "the name of a switch, as [switch] name has it")
    if socket is not None and (not isinstance(socket, str) or not socket.startswith("/")):
        raise _wrong("socket", socket, "the path of a switch's control socket")
    if strict:
        _check_keys(raw)
    return Network(
        raw=raw,
        version=spoken,
        name=name,
        switch=switch,
        socket=socket,
        options=_options(raw) if strict else {},
        mtu=_number(raw, "mtu", _MTUS) if strict else None,
        mac=_mac(raw, place) if strict else None,
    )


def _check_keys(raw: Mapping[str, Any]) -> None:
    for key, value in raw.items():
        if key not in OWN | _GENERAL and "/" not in key and not key.startswith("_"):
            raise Failed(
                Code.UNSUPPORTED, f"unknown key {_json(key)}, {_json(value)}: known are "
                f"{', '.join(sorted(OWN))}"
            )  # fmt: skip


def _options(raw: Mapping[str, Any]) -> dict[str, object]:
    """The options of the port: those of `port`, and its VLANs."""
    given = raw.get("port", {})
    if not isinstance(given, dict):
        raise _wrong("port", given, "a table of options of [[port]]")
    options: dict[str, object] = {}
    for key, value in given.items():
        each = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str | int | float) and "," not in str(one) for one in each):
            raise _wrong(f"port {key}", value, "an option of [[port]]")
        options[key] = value
    if (vlan := _number(raw, "vlan", _VIDS)) is not None:
        options["access"] = vlan
    if (native := _number(raw, "native", _VIDS)) is not None:
        options["native"] = native
    if (trunk := raw.get("trunk")) is not None:
        if not isinstance(trunk, list) or not trunk or not all(map(_is_vid, trunk)):
            raise _wrong("trunk", trunk, '[10, "20-29"]')
        options["trunk"] = trunk
    return options


def _is_vid(one: object) -> bool:
    if isinstance(one, str):
        return re.fullmatch(r"[0-9]{1,4}(-[0-9]{1,4})?", one) is not None
    return isinstance(one, int) and not isinstance(one, bool) and one in _VIDS


def _number(raw: Mapping[str, Any], key: str, allowed: range) -> int | None:
    value = raw.get(key)
    if value is None or (value == 0 and value is not False):
        return None  # as other plugins have it
    if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
        raise _wrong(key, value, f"{allowed.start} to {allowed.stop - 1}")
    return value


def _mac(raw: Mapping[str, Any], place: Place) -> bytes | None:
    """What the runtime wants for this container comes first."""
    runtime, args = raw.get("runtimeConfig") or {}, raw.get("args") or {}
    if not isinstance(runtime, dict) or not isinstance(args, dict):
        raise _wrong("runtimeConfig, args", [runtime, args], "tables")
    own = args.get("cni") or {}
    said = (
        runtime.get("mac")
        or (own.get("mac") if isinstance(own, dict) else None)
        or place.args.get("MAC")
        or raw.get("mac")
    )
    if runtime.get("ips") and not raw.get("ipam"):
        raise _wrong("ipam", None, 'one that hands out runtimeConfig ips, such as "static"')
    if not said:
        return None
    if not isinstance(said, str) or not _MAC.match(said) or int(said[:2], 16) & 1:
        raise _wrong("mac", said, "a unicast address such as 02:00:00:00:00:01")
    return bytes.fromhex(said.replace(":", ""))


def _is_interface(name: str) -> bool:
    return (
        0 < len(os.fsencode(name)) <= NAME_BYTES_MAX
        and name not in (".", "..")
        and name.isprintable()
        and not re.search(r"[/:\s]", name)
    )


def _wrong(key: str, value: object, allowed: str) -> Failed:
    return Failed(Code.CONFIGURATION, f"{key} is {_json(value)}: allowed is {allowed}")


def _json(value: object) -> str:
    return _short(json.dumps(value))


def _short(text: str) -> str:
    shown = printable(text[:_SHOWN])
    return shown if len(text) <= _SHOWN else f"{shown}…"
