"""The Docker driver, verb by verb, as Docker asks it; wires are a list of what is there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from snoop.containers.docker import VERBS, Driver, Pair
from snoop.containers.docker_networks import Network, Refused
from snoop.containers.docker_store import Store, StoreError
from snoop.containers.docker_words import Malformed

NETWORK, OTHER = "eec0186a50c5" + "0" * 52, "5d87fb18b420" + "1" * 52
ENDPOINT, SECOND = "c2cf6d8ef4f6" + "2" * 52, "527e11dc868d" + "3" * 52


class Wires:
    """Pairs that are there, and their VLANs."""

    def __init__(self) -> None:
        self.there: dict[str, int | None] = {}
        self.hosts: list[str] = []
        self.refuses = ""

    def check(self, network: Network) -> None:
        if self.refuses:
            raise Refused(self.refuses)

    def addresses(self, network: Network) -> Sequence[str]:
        return self.hosts

    def attach(
        self, network: Network, pair: Pair, *, mac: str, description: str, at: int | None
    ) -> None:
        self.check(network)
        self.there[pair.port] = network.vlan

    def detach(self, network: Network | None, pair: Pair, *, at: int | None) -> None:
        self.there.pop(pair.port, None)


class Docker:
    """What asks: a driver with its state in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.wires = Wires()
        self.restart()

    def restart(self) -> None:
        self.driver = Driver(Store(self.file), self.wires)

    def ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        asked = {_NAMES.get(key, key): value for key, value in fields.items()}
        answer = self.driver.answer(_verb(verb), json.dumps(asked).encode())
        json.dumps(answer)
        return answer

    def create(self, network: str = NETWORK, pools: Sequence[str] = (), **options: Any) -> None:
        """`pools` are gateways with their prefix; options that are words are those of -o."""
        generic = {key: value for key, value in options.items() if isinstance(value, str)}
        flags = {
            f"com.docker.network.{key}": value
            for key, value in options.items()
            if not isinstance(value, str)
        }
        made = [{"AddressSpace": "x", "Pool": pool, "Gateway": pool} for pool in pools]
        self.ask(
            "CreateNetwork",
            network=network,
            Options={"com.docker.network.generic": generic or None, **flags},
            IPv4Data=[each for each in made if ":" not in each["Pool"]] or None,
            IPv6Data=[each for each in made if ":" in each["Pool"]] or None,
        )

    def start(
        self, endpoint: str = ENDPOINT, network: str = NETWORK, sandbox: str = "/s/1", **given: str
    ) -> dict[str, Any]:
        interface = {"Address": "10.5.0.2/24", "AddressIPv6": "", "MacAddress": "", **given}
        self.ask("CreateEndpoint", network=network, endpoint=endpoint, Interface=interface)
        return self.ask("Join", network=network, endpoint=endpoint, SandboxKey=sandbox)


_NAMES = {"network": "NetworkID", "endpoint": "EndpointID"}


def _verb(name: str) -> str:
    return name if "." in name else f"NetworkDriver.{name}"


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    return Docker(tmp_path / "state" / "docker.json")


# What a container gets ---------------------------------------------------------------------------


def test_it_is_a_network_driver_of_this_machine(docker: Docker) -> None:
    assert docker.ask("Plugin.Activate") == {"Implements": ["NetworkDriver"]}
    assert docker.ask("GetCapabilities")["Scope"] == "local"


def test_a_container_is_a_port_while_it_is_joined(docker: Docker) -> None:
    docker.create(vlan="10")
    joined = docker.start()
    assert joined["InterfaceName"] == {"SrcName": "dc-c2cf6d8ef4f6", "DstPrefix": "eth"}
    assert joined["DisableGatewayService"] is True
    assert docker.wires.there == {"dk-c2cf6d8ef4f6": 10}
    assert docker.ask("EndpointOperInfo", network=NETWORK, endpoint=ENDPOINT) == {
        "Value": {"switch": "sw0", "port": "dk-c2cf6d8ef4f6", "vlan": 10}
    }
    docker.ask("Leave", network=NETWORK, endpoint=ENDPOINT)
    assert docker.wires.there == {}
    docker.ask("DeleteEndpoint", network=NETWORK, endpoint=ENDPOINT)
    assert docker.ask("EndpointOperInfo", network=NETWORK, endpoint=ENDPOINT) == {"Value": {}}


def test_an_endpoint_joins_the_network_that_it_was_made_for(docker: Docker) -> None:
    """In another it would have that one's VLAN."""
    docker.create(vlan="10")
    docker.create(OTHER, vlan="20")
    docker.ask("CreateEndpoint", network=NETWORK, endpoint=ENDPOINT, Interface={})
    with pytest.raises(Refused, match="never created"):
        docker.ask("Join", network=OTHER, endpoint=ENDPOINT, SandboxKey="/s/1")
    assert docker.wires.there == {}


def test_a_container_that_cannot_join_leaves_no_port(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The switch goes, or the disk is full, when the pair is there already."""
    docker.create()

    def full(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(docker.wires, "addresses", full)
    with pytest.raises(OSError, match="no room"):
        docker.start()
    assert docker.wires.there == {}


def test_what_is_kept_is_for_the_driver_alone(docker: Docker) -> None:
    docker.create()
    assert docker.file.stat().st_mode & 0o777 == 0o600


def test_a_container_has_one_multicast_route_whatever_its_networks(docker: Docker) -> None:
    """The kernel refuses a second one, and Docker the container."""
    docker.create()
    docker.create(OTHER)
    route = [{"Destination": "224.0.0.0/4", "RouteType": 1, "NextHop": ""}]
    assert docker.start()["StaticRoutes"] == route
    assert docker.start(SECOND, OTHER)["StaticRoutes"] == []
    third = "7" * 64
    assert docker.start(third, OTHER, sandbox="/s/2")["StaticRoutes"] == route
    docker.ask("Leave", network=NETWORK, endpoint=ENDPOINT)
    docker.ask("Leave", network=OTHER, endpoint=SECOND)
    docker.restart()
    assert docker.start(SECOND, OTHER)["StaticRoutes"] == route


def test_the_mac_is_what_docker_says_or_of_the_address(docker: Docker) -> None:
    docker.create()

    def mac(**interface: str) -> dict[str, Any]:
        asked = docker.ask(
            "CreateEndpoint", network=NETWORK, endpoint=ENDPOINT, Interface=interface
        )
        return dict(asked["Interface"])

    assert mac(Address="10.5.0.2/24") == {"MacAddress": "02:42:0a:05:00:02"}
    assert mac(Address="10.5.0.2/24", MacAddress="02:00:00:00:00:09") == {}
    alone = mac(AddressIPv6="fd00::2/64")["MacAddress"]
    assert alone.startswith("02:42:")
    assert alone != mac()["MacAddress"] or alone == mac(AddressIPv6="fd00::2/64")["MacAddress"]


# The gateway -------------------------------------------------------------------------------------


def gateway(docker: Docker, *pools: str, **options: Any) -> tuple[str, str]:
    docker.create(pools=pools, **options)
    joined = docker.start()
    docker.ask("Leave", network=NETWORK, endpoint=ENDPOINT)
    return joined["Gateway"], joined["GatewayIPv6"]


def test_a_gateway_that_nobody_may_have_asked_for_is_no_default_route(docker: Docker) -> None:
    """Docker before 28 names the first address of the subnet or range, asked for or not."""
    assert gateway(docker, "10.5.0.1/24", "fd00::1/64") == ("", "")
    assert gateway(docker, "10.5.0.1/24", "fd00::1/64", gateway="on") == ("10.5.0.1", "fd00::1")
    assert gateway(docker, "10.5.0.128/24") == ("", "")  # --ip-range 10.5.0.128/25
    assert gateway(docker, "10.5.0.254/24") == ("10.5.0.254", "")
    assert gateway(docker, "10.5.0.254/24", gateway="off") == ("", "")
    assert gateway(docker, "10.5.0.254/24", internal=True) == ("", "")
    docker.wires.hosts = ["10.5.0.1", "fe80::1"]
    assert gateway(docker, "10.5.0.1/24", "fd00::1/64") == ("10.5.0.1", "")


def test_docker_28_names_a_gateway_only_where_one_was_asked_for(docker: Docker) -> None:
    assert docker.ask("GetCapabilities")["GwAllocChecker"] is True
    assert docker.ask("GwAllocCheck", Options={}) == {"SkipIPv4": True, "SkipIPv6": True}
    assert gateway(docker, "10.5.0.1/24", "fd00::1/64") == ("10.5.0.1", "fd00::1")


# What is refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"swich": "sw0"}, 'no option "swich"; there are switch, vlan, mtu, gateway'),
        ({"vlan": "5000"}, 'vlan = "5000": must be 1 to 4094'),
        ({"vlan": "0"}, 'vlan = "0": must be 1 to 4094'),
        ({"vlan": "ten"}, 'vlan = "ten": must be 1 to 4094'),
        ({"vlan": "١٠"}, 'vlan = "١٠": must be 1 to 4094'),
        ({"mtu": "67"}, 'mtu = "67": must be 68 to 65535'),
        ({"mtu": "9" * 5000}, "must be 68 to 65535"),
        ({"gateway": "yes"}, 'gateway = "yes": must be auto, on or off'),
        ({"switch": "../sw0"}, 'switch = "../sw0" is no name of a switch'),
        ({"switch": ""}, 'switch = "" is no name of a switch'),
    ],
)
def test_options_that_are_none_are_refused(docker: Docker, options: Any, said: str) -> None:
    with pytest.raises(Refused) as refused:
        docker.create(**options)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 200
    assert Store(docker.file).counts() == (0, 0)


def test_the_mtu_of_ipv6_and_of_compose_files(docker: Docker) -> None:
    with pytest.raises(Refused, match="1280 to 65535"):
        docker.create(pools=["fd00::1/64"], mtu="1000")
    docker.ask(
        "CreateNetwork",
        network=NETWORK,
        Options={"com.docker.network.generic": {"com.docker.network.driver.mtu": "9000"}},
    )
    kept = Store(docker.file).network(NETWORK)
    assert kept is not None
    assert kept.mtu == 9000


def test_what_the_switch_refuses_is_not_remembered(docker: Docker) -> None:
    docker.wires.refuses = "it does not run"
    with pytest.raises(Refused, match="it does not run"):
        docker.create()
    assert Store(docker.file).counts() == (0, 0)


ID = f'{{"NetworkID": "{NETWORK}", "EndpointID": '.encode()
BAD = [b"", b"[]", b"null", b"{", b"\xff", b'"x"', b"[" * 100000, b'{"NetworkID": 7}',
       b'{"NetworkID": "../../etc/x"}', b'{"NetworkID": "a b c d e f g h"}']  # fmt: skip
BAD_ENDPOINTS = [ID + each + b"}" for each in (b"null", b'"short"', b"[]", b'"../../etc/passwd"')]


ABOUT_NETWORKS = ["CreateNetwork", "DeleteNetwork"]
ABOUT_ENDPOINTS = ["CreateEndpoint", "EndpointOperInfo", "Join", "Leave", "DeleteEndpoint"]


@pytest.mark.parametrize("verb", [*ABOUT_NETWORKS, *ABOUT_ENDPOINTS])
def test_bodies_that_are_none_are_refused_with_a_line(docker: Docker, verb: str) -> None:
    for body in BAD + BAD_ENDPOINTS * (verb in ABOUT_ENDPOINTS):
        with pytest.raises(Malformed) as refused:
            docker.driver.answer(f"NetworkDriver.{verb}", body)
        assert "\n" not in str(refused.value)
    assert Store(docker.file).counts() == (0, 0)


def test_what_has_no_meaning_here_is_answered(docker: Docker) -> None:
    """Of swarms, of published ports, of other machines."""
    said = {verb.partition(".")[2] for verb in VERBS} - {*ABOUT_NETWORKS, *ABOUT_ENDPOINTS}
    said -= {"Activate", "GetCapabilities", "GwAllocCheck"}
    for verb in said:
        answer = docker.ask(verb, network=NETWORK, endpoint=ENDPOINT, DiscoveryType=1)
        assert answer in ({}, {"Options": {}})


def test_a_network_or_endpoint_that_is_not_known(docker: Docker) -> None:
    """Nothing begins; but whatever ends has ended."""
    with pytest.raises(Refused, match="`docker network rm` it and create it again"):
        docker.start()
    docker.create()
    with pytest.raises(Refused, match="never created"):
        docker.ask("Join", network=NETWORK, endpoint=ENDPOINT, SandboxKey="/s/1")
    for verb in ("Leave", "DeleteEndpoint"):
        assert docker.ask(verb, network=OTHER, endpoint=ENDPOINT) == {}
    assert docker.ask("DeleteNetwork", network=OTHER) == {}


# What outlives the driver ------------------------------------------------------------------------


def test_networks_and_endpoints_are_known_again(docker: Docker) -> None:
    docker.create(vlan="10", mtu="1400")
    docker.ask("CreateEndpoint", network=NETWORK, endpoint=ENDPOINT, Interface=None)
    docker.restart()
    docker.ask("Join", network=NETWORK, endpoint=ENDPOINT, SandboxKey="/s/1")
    docker.restart()
    docker.ask("DeleteEndpoint", network=NETWORK, endpoint=ENDPOINT)  # and no Leave: a crash
    assert docker.wires.there == {}
    docker.restart()
    docker.ask("DeleteNetwork", network=NETWORK)
    assert Store(docker.file).counts() == (0, 0)


def test_deleting_a_network_takes_its_endpoints_along(docker: Docker) -> None:
    docker.create()
    docker.create(OTHER)
    docker.start()
    docker.start(SECOND, OTHER)
    docker.ask("DeleteNetwork", network=NETWORK)
    assert docker.wires.there == {"dk-527e11dc868d": None}
    assert Store(docker.file).counts() == (1, 1)


def test_a_state_file_that_is_torn_is_refused_with_a_line(docker: Docker) -> None:
    docker.create(vlan="10", pools=["10.5.0.1/24"])
    docker.start()
    whole = docker.file.read_bytes()
    for cut in range(0, len(whole) - 1, 13):
        docker.file.write_bytes(whole[:cut])
        with pytest.raises(StoreError, match="move it away") as refused:
            Store(docker.file)
        assert "\n" not in str(refused.value)
    docker.file.write_bytes(whole.replace(b'"version": 1', b'"version": 2'))
    with pytest.raises(StoreError, match="version 2"):
        Store(docker.file)
    docker.file.write_bytes(whole)
    assert Store(docker.file).counts() == (1, 1)


def test_what_cannot_be_written_down_does_not_happen(docker: Docker) -> None:
    docker.create()
    docker.file.parent.rename(docker.file.parent.with_name("away"))
    docker.file.parent.write_text("in the way")
    with pytest.raises(FileExistsError):
        docker.create(OTHER)
    with pytest.raises(FileExistsError):
        docker.start()
    assert docker.wires.there == {}
