"""What each verb does.

The end at the switch is called by the network, the container and the name of its interface, so
that DEL and GC find it by its name; the container's end has that name as its alias, by which DEL
knows it where the switch does not run.
"""

from __future__ import annotations

import hashlib
import os
from base64 import b32encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any

from snoop.containers import joining, pairs, places, switches
from snoop.containers.cni import addressing, announcing, asked, ipam, results
from snoop.containers.cni.asked import Network, Place
from snoop.containers.cni.failing import Code, Failed
from snoop.containers.cni.results import Addressing
from snoop.containers.joining import NotJoined
from snoop.containers.switches import NoSwitch, Switch, Unmet
from snoop.links import addresses
from snoop.links.pairs import End

SERVES_SECONDS = 10.0
_PREFIX, _NETWORK_CHARACTERS, _OWN_CHARACTERS = "sn", 5, 8
_ATTACHMENTS = ("cni.dev/valid-attachments", "cni.dev/attachments")


def add(raw: dict[str, Any]) -> dict[str, Any]:
    """Give a container an interface on the switch; all of it or nothing."""
    place = asked.environment("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME")
    network = asked.network(raw, place, "0.3.0")
    kind, before = network.ipam, _before(raw)
    outer = name_of(network.name, place.container, place.interface)
    with _container(place) as inside, _switch(network) as switch:
        mac = network.mac or _mac(outer)
        try:
            joining.attach(
                switch,
                outer,
                End(place.interface, inside, mac),
                options=network.options,
                mtu=network.mtu,
                description=_called(place),
            )
        except NotJoined as error:
            code = Code.LATER if error.later else Code.CONFIGURATION
            raise Failed(code, str(error)) from error
        given = False
        try:
            pairs.say(inside, place.interface, outer)
            got = Addressing(dns=raw.get("dns") or {})
            if kind is not None:
                given = True
                said = ipam.run("ADD", kind, place.path, raw)
                got = results.read(said, f"what the IPAM plugin {kind} gave")
                got = got._replace(dns=got.dns or raw.get("dns") or {})
            return _finish(switch, network, place, inside, outer, got, before)
        except BaseException as error:
            with suppress(OSError):
                pairs.remove(switch.namespace, outer)
            if given and kind is not None:
                with suppress(Failed):
                    ipam.run("DEL", kind, place.path, raw)
            if isinstance(error, OSError):
                raise Failed(Code.IO, str(error)) from error
            raise


def _finish(
    switch: Switch,
    network: Network,
    place: Place,
    inside: int,
    outer: str,
    got: Addressing,
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """Up, with its addresses, and served."""
    pairs.set_up(inside, place.interface)
    inner = pairs.find(inside, place.interface)
    assert inner is not None
    addressing.put_on(inside, place.interface, inner.ifindex, got)
    try:
        switch.wait_up(outer, within=SERVES_SECONDS)
        port = switch.port(outer) or {}
    except (TimeoutError, NoSwitch) as error:
        raise Failed(Code.LATER, str(error)) from error
    announcing.announce(inside, place.interface, inner.mac, got)
    ours = [
        {"name": outer, "mac": port.get("mac") or "", "mtu": inner.mtu},
        {"name": place.interface, "mac": inner.mac.hex(":"), "mtu": inner.mtu,
         "sandbox": place.netns},
    ]  # fmt: skip
    return results.written(network.version, ours, got, before)


def delete(raw: dict[str, Any]) -> None:
    """Take it away again, whatever is left of it; addresses are given back in any case."""
    place = asked.environment("CNI_CONTAINERID", "CNI_IFNAME")
    network = asked.network(raw, place, "0.3.0", strict=False)
    failed: Failed | None = None
    if network.ipam is not None:
        try:
            ipam.run("DEL", network.ipam, place.path, raw)
        except Failed as error:
            failed = error
    outer = name_of(network.name, place.container, place.interface)
    try:
        if not joining.detach(network.switch, outer, network.socket):
            _delete_inner(place, outer)
    except OSError as error:
        raise Failed(Code.IO, f"{outer}: {error.strerror}") from error
    if failed is not None:
        raise failed


def _delete_inner(place: Place, outer: str) -> None:
    """By the container's end, if that is ours and still there."""
    if not place.netns:
        return
    with suppress(places.NoNamespace), places.opened(place.netns) as inside:
        inner = pairs.find(inside, place.interface)
        if inner is not None and inner.alias == outer:
            pairs.remove(inside, place.interface)


def check(raw: dict[str, Any]) -> None:
    """Tell whether all is as ADD left it."""
    place = asked.environment("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME")
    network = asked.network(raw, place, "0.4.0")
    if not isinstance(raw.get("prevResult"), dict):
        raise Failed(Code.CONFIGURATION, "CHECK takes the result of ADD as prevResult")
    before = _before(raw)
    if network.ipam is not None:
        ipam.run("CHECK", network.ipam, place.path, raw)
    outer = name_of(network.name, place.container, place.interface)
    number = _number(before, place)
    with _container(place) as inside:
        _check_inner(place, inside, before["interfaces"][number])
        _check_addresses(place, inside, results.read(before, "prevResult", interface=number))
    with _switch(network) as switch:
        try:
            row = switch.port(outer)
        except NoSwitch as error:
            raise Failed(Code.LATER, str(error)) from error
    if row is None:
        raise Failed(Code.DIFFERS, f"{outer} is no port of {switch.called}")
    if row["state"] != "up":
        raise Failed(Code.DIFFERS, f"{outer} is {row['state']}: {row['problem'] or 'no carrier'}")
    vlans, wanted = row.get("vlans") or {}, network.options.get("access")
    if wanted is not None and vlans.get("pvid") != wanted:
        raise Failed(Code.DIFFERS, f"{outer} is in VLAN {vlans.get('pvid')}, not {wanted}")


def _number(before: Mapping[str, Any], place: Place) -> int:
    """Which interface of the result is the container's."""
    for number, one in enumerate(before.get("interfaces") or []):
        if isinstance(one, dict) and one.get("name") == place.interface and one.get("sandbox"):
            return number
    raise Failed(Code.CONFIGURATION, f"prevResult has no interface {place.interface}")


def _check_inner(place: Place, inside: int, said: Mapping[str, Any]) -> None:
    inner = pairs.find(inside, place.interface)
    if inner is None:
        raise Failed(Code.DIFFERS, f"{place.interface} has gone")
    if said.get("mac") and said["mac"] != inner.mac.hex(":"):
        raise Failed(Code.DIFFERS, f"{place.interface} has another MAC address than {said['mac']}")
    if not inner.up:
        raise Failed(Code.DIFFERS, f"{place.interface} is down")


def _check_addresses(place: Place, inside: int, wanted: Addressing) -> None:
    inner = pairs.find(inside, place.interface)
    assert inner is not None
    with pairs.asking(inside) as asker:
        held = {address for address, _ in addresses.held(asker, inner.ifindex)}
        routed = set(addressing.routed(asker, inner.ifindex))
    for one in wanted.given:
        if one.address not in held:
            raise Failed(Code.DIFFERS, f"{place.interface} has not the address {one.address}")
    for route in wanted.routes:
        to = route.destination
        if (to.network_address.packed if to.prefixlen else b"", to.prefixlen) not in routed:
            raise Failed(Code.DIFFERS, f"{place.interface} has no route to {to}")


def collect(raw: dict[str, Any]) -> None:
    """Take away what containers that are none any more have left of this network."""
    place = asked.environment()
    network = asked.network(raw, place, "1.1.0", strict=False)
    valid = next((raw[key] for key in _ATTACHMENTS if raw.get(key) is not None), None)
    if not isinstance(valid, list):
        raise Failed(Code.CONFIGURATION, f"GC takes a list, {_ATTACHMENTS[0]}")
    try:
        kept = {name_of(network.name, one["containerID"], one["ifname"]) for one in valid}
    except (TypeError, KeyError) as error:
        text = f"{_ATTACHMENTS[0]} is a list of containerID and ifname: {error!r}"
        raise Failed(Code.CONFIGURATION, text) from error
    ours = _of_network(network.name)
    with suppress(NoSwitch), switches.found(network.switch, network.socket) as switch:
        for one in pairs.found(switch.namespace):
            own = len(one.name) == len(ours) + _OWN_CHARACTERS
            if own and one.name.startswith(ours) and one.name not in kept:
                with suppress(OSError):
                    pairs.remove(switch.namespace, one.name)
    if network.ipam is not None:
        ipam.run("GC", network.ipam, place.path, raw)


def status(raw: dict[str, Any]) -> None:
    """Tell whether containers can be added."""
    place = asked.environment()
    network = asked.network(raw, place, "1.1.0")
    try:
        with switches.found(network.switch, network.socket) as switch:
            switch.ports()
    except (NoSwitch, Unmet) as error:
        raise Failed(Code.UNAVAILABLE, str(error)) from error
    if network.ipam is not None:
        ipam.run("STATUS", network.ipam, place.path, raw)


def version(raw: dict[str, Any]) -> dict[str, Any]:
    """Say which versions are spoken."""
    said = raw.get("cniVersion")
    spoken = said if said in asked.VERSIONS else asked.VERSIONS[-1]
    return {"cniVersion": spoken, "supportedVersions": [*asked.VERSIONS]}


Verb = Callable[[dict[str, Any]], dict[str, Any] | None]
VERBS: dict[str, Verb] = {
    "ADD": add, "DEL": delete, "CHECK": check, "GC": collect, "STATUS": status, "VERSION": version,
}  # fmt: skip


def name_of(network: str, container: str, interface: str) -> str:
    """What the end at the switch is called."""
    return _of_network(network) + _short(f"{container}/{interface}", _OWN_CHARACTERS)


def _of_network(network: str) -> str:
    return _PREFIX + _short(network, _NETWORK_CHARACTERS)


def _short(text: str, characters: int) -> str:
    return b32encode(hashlib.sha256(text.encode()).digest())[:characters].decode().lower()


def _mac(outer: str) -> bytes:
    """The same for a container that is started again: its neighbours still know it."""
    return b"\x02" + hashlib.sha256(outer.encode()).digest()[:5]


def _called(place: Place) -> str:
    """What people see of the port."""
    pod = place.args.get("K8S_POD_NAME")
    space = place.args.get("K8S_POD_NAMESPACE")
    name = "/".join(part for part in (space, pod) if part) or place.container[:12]
    return f"{name} {place.interface}"


def _before(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The result of the plugins before this one."""
    before = raw.get("prevResult") or {}
    lists = ("interfaces", "ips", "routes")
    if not isinstance(before, dict) or any(
        not isinstance(before.get(k) or [], list) for k in lists
    ):
        raise Failed(Code.CONFIGURATION, "prevResult is no result of ADD")
    return before


@contextmanager
def _container(place: Place) -> Iterator[int]:
    try:
        namespace = places.open_path(place.netns)
    except places.Gone as error:
        raise Failed(Code.NO_CONTAINER, str(error)) from error
    except places.NoNamespace as error:
        raise Failed(Code.ENVIRONMENT, f"CNI_NETNS: {error}") from error
    try:
        yield namespace
    finally:
        os.close(namespace)


def _switch(network: Network) -> closing[Switch]:
    try:
        return closing(switches.find(network.switch, network.socket))
    except NoSwitch as error:
        raise Failed(Code.LATER, str(error)) from error
