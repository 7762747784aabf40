"""The Docker network driver, verb by verb: `NetworkDriver.*` of the remote driver protocol.

An endpoint is a container's place in a network. It gets a pair of interfaces when the container
joins: Docker takes one end into the container and gives it its addresses, the other is a port of
the switch, named after the endpoint, so that any later verb finds it without being told. Both go
when it leaves, whatever else is gone by then: leaving and deleting never fail for what is missing.

Docker may ask anything twice, and after a crash leaves out what it would have asked.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from snoop.containers import docker_networks, docker_words
from snoop.containers.docker_networks import Network, Refused
from snoop.containers.docker_store import Endpoint, Store
from snoop.containers.docker_words import Joining, NewEndpoint, NewNetwork, OfEndpoint, OfNetwork
from snoop.printable import printable

_log = logging.getLogger("snoop.docker")

Answer = dict[str, Any]
MULTICAST = "224.0.0.0/4"
_CONNECTED = 1  # a route's type: out of the interface, without a next hop
_PORT_MAPPINGS = "com.docker.network.portmap"


class Pair(NamedTuple):
    """The two interfaces of an endpoint: the switch's port, and what goes into the container."""

    port: str
    inner: str

    @classmethod
    def of(cls, endpoint: str) -> Pair:
        return cls(f"dk-{endpoint[:12]}", f"dc-{endpoint[:12]}")


class Wires(Protocol):
    """What the driver does to interfaces and switches; `at`: the network namespace Docker is in."""

    def check(self, network: Network) -> None:
        """Refused unless the network's switch runs, and has its VLAN."""

    def addresses(self, network: Network) -> Sequence[str]:
        """Those of the host's own place on the switch, in the VLAN of the network."""

    def attach(
        self, network: Network, pair: Pair, *, mac: str, description: str, at: int | None
    ) -> None:
        """Make the pair, and its outer end a port; Refused leaves nothing behind."""

    def detach(self, network: Network | None, pair: Pair, *, at: int | None) -> None:
        """Neither port nor pair are there afterwards; whatever was gone before is no error."""


class Driver:
    """Answers verbs; any thread may ask, one thing at a time about one endpoint."""

    def __init__(self, store: Store, wires: Wires) -> None:
        self._store = store
        self._wires = wires
        self._told = False  # Docker names a gateway only where one was asked for

    def answer(self, verb: str, body: bytes, *, at: int | None = None) -> Answer:
        """One request; Refused and Malformed are for its `Err`."""
        kind, act = _VERBS[verb]
        return act(self, docker_words.read(kind, body), at)

    # Networks ------------------------------------------------------------------------------------

    def activate(self, asked: Struct, at: int | None) -> Answer:
        return {"Implements": ["NetworkDriver"]}

    def capabilities(self, asked: Struct, at: int | None) -> Answer:
        return {"Scope": "local", "ConnectivityScope": "local", "GwAllocChecker": True}

    def skip_gateways(self, asked: Struct, at: int | None) -> Answer:
        """Reserve no address for a gateway that nobody asked for (Docker 28 asks)."""
        self._told = True
        return {"SkipIPv4": True, "SkipIPv6": True}

    def create_network(self, asked: NewNetwork, at: int | None) -> Answer:
        network = docker_networks.network(asked, told=self._told)
        self._wires.check(network)
        self._store.put_network(asked.network, network)
        vlan = "" if network.vlan is None else f", VLAN {network.vlan}"
        _log.info("network %s: switch %s%s", asked.network[:12], network.switch, vlan)
        for each in network.gateways:
            if network.gateway == "auto" and not each.meant and not network.internal:
                _log.info(
                    "network %s: %s is no default route unless it is the host's own address or "
                    "the network has -o gateway=on",
                    asked.network[:12], each.address,
                )  # fmt: skip
        return {}

    def delete_network(self, asked: OfNetwork, at: int | None) -> Answer:
        network = self._store.network(asked.network)
        for endpoint in self._store.endpoints(asked.network):
            self._wires.detach(network, Pair.of(endpoint), at=at)
            self._store.put_endpoint(endpoint, None)
        if network is not None:
            self._store.put_network(asked.network, None)
            _log.info("network %s deleted", asked.network[:12])
        return {}

    # Endpoints -----------------------------------------------------------------------------------

    def create_endpoint(self, asked: NewEndpoint, at: int | None) -> Answer:
        self._network(asked.network)
        given = asked.interface or docker_words.Interface()
        mac = given.mac or _mac(given.address, asked.endpoint)
        self._store.put_endpoint(asked.endpoint, Endpoint(network=asked.network, mac=mac))
        # Docker takes only what it left to us.
        return {"Interface": {} if given.mac else {"MacAddress": mac}}

    def endpoint_info(self, asked: OfEndpoint, at: int | None) -> Answer:
        network = self._store.network(asked.network)
        if network is None or self._store.endpoint(asked.endpoint) is None:
            return {"Value": {}}
        vlan = {} if network.vlan is None else {"vlan": network.vlan}
        return {"Value": {"switch": network.switch, "port": Pair.of(asked.endpoint).port, **vlan}}

    def join(self, asked: Joining, at: int | None) -> Answer:
        network = self._network(asked.network)
        endpoint = self._store.endpoint(asked.endpoint)
        if endpoint is None or endpoint.network != asked.network:
            raise Refused("this endpoint was never created; start the container again")
        pair = Pair.of(asked.endpoint)
        self._wires.attach(
            network, pair, mac=endpoint.mac, description=f"docker {asked.endpoint[:12]}", at=at
        )
        try:
            routers = network.routers(self._wires.addresses(network))
            endpoint = self._store.join(asked.endpoint, endpoint, asked.sandbox)
        except BaseException:
            self._wires.detach(network, pair, at=at)
            raise
        # Without a route a program that names no interface can neither join nor send to a group.
        route = {"Destination": MULTICAST, "RouteType": _CONNECTED, "NextHop": ""}
        return {
            "InterfaceName": {"SrcName": pair.inner, "DstPrefix": "eth"},
            "Gateway": routers.get(4, ""),
            "GatewayIPv6": routers.get(6, ""),
            "StaticRoutes": [route] if endpoint.multicast else [],
            # Or Docker makes a bridge of its own for the way out.
            "DisableGatewayService": True,
        }

    def leave(self, asked: OfEndpoint, at: int | None) -> Answer:
        self._wires.detach(self._store.network(asked.network), Pair.of(asked.endpoint), at=at)
        endpoint = self._store.endpoint(asked.endpoint)
        if endpoint is not None and endpoint.sandbox:
            left = Endpoint(network=endpoint.network, mac=endpoint.mac)
            self._store.put_endpoint(asked.endpoint, left)
        return {}

    def delete_endpoint(self, asked: OfEndpoint, at: int | None) -> Answer:
        """Not only the last word: after a crash Docker says it without a Leave."""
        self._wires.detach(self._store.network(asked.network), Pair.of(asked.endpoint), at=at)
        if self._store.endpoint(asked.endpoint) is not None:
            self._store.put_endpoint(asked.endpoint, None)
        return {}

    def connectivity(self, asked: OfEndpoint, at: int | None) -> Answer:
        if (asked.options or {}).get(_PORT_MAPPINGS):
            _log.info(
                "endpoint %s: nothing is published: the container is reached by its own address",
                asked.endpoint[:12],
            )
        return {}

    def nothing(self, asked: Struct, at: int | None) -> Answer:
        return {}

    def allocate(self, asked: Struct, at: int | None) -> Answer:
        return {"Options": {}}

    def _network(self, name: str) -> Network:
        network = self._store.network(name)
        if network is None:
            raise Refused(
                f"network {name[:12]} is not in {printable(str(self._store.path))}; "
                "`docker network rm` it and create it again"
            )
        return network


_Act = Callable[[Driver, Any, int | None], Answer]
_VERBS: Mapping[str, tuple[type[Struct], _Act]] = {
    "Plugin.Activate": (docker_words.Nothing, Driver.activate),
    "NetworkDriver.GetCapabilities": (docker_words.Nothing, Driver.capabilities),
    "NetworkDriver.GwAllocCheck": (docker_words.Nothing, Driver.skip_gateways),
    "NetworkDriver.AllocateNetwork": (docker_words.Nothing, Driver.allocate),
    "NetworkDriver.FreeNetwork": (docker_words.Nothing, Driver.nothing),
    "NetworkDriver.CreateNetwork": (NewNetwork, Driver.create_network),
    "NetworkDriver.DeleteNetwork": (OfNetwork, Driver.delete_network),
    "NetworkDriver.CreateEndpoint": (NewEndpoint, Driver.create_endpoint),
    "NetworkDriver.EndpointOperInfo": (OfEndpoint, Driver.endpoint_info),
    "NetworkDriver.Join": (Joining, Driver.join),
    "NetworkDriver.Leave": (OfEndpoint, Driver.leave),
    "NetworkDriver.DeleteEndpoint": (OfEndpoint, Driver.delete_endpoint),
    "NetworkDriver.ProgramExternalConnectivity": (OfEndpoint, Driver.connectivity),
    "NetworkDriver.RevokeExternalConnectivity": (docker_words.Nothing, Driver.nothing),
    "NetworkDriver.DiscoverNew": (docker_words.Nothing, Driver.nothing),
    "NetworkDriver.DiscoverDelete": (docker_words.Nothing, Driver.nothing),
}
VERBS = frozenset(_VERBS)


def _mac(address: str, endpoint: str) -> str:
    """As Docker's own bridge does it: of the IPv4 address, so that who has it next is found at
    once by those who know it; else of the endpoint.
    """
    try:
        ip = ipaddress.ip_interface(address).ip
    except ValueError:
        ip = None
    if ip is not None and ip.version == 4:
        tail = ip.packed
    else:
        tail = hashlib.sha256(endpoint.encode()).digest()[:4]
    return "02:42:" + tail.hex(":")
