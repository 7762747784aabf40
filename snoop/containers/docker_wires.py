"""What the Docker driver does to interfaces and switches.

The pair is made with its outer end in the switch's network namespace and the other in Docker's,
which takes it from there into the container. The port does not serve before Docker has set the
container's end up: nobody waits for it here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from snoop.containers import joining, pairs, switches
from snoop.containers.docker import Pair
from snoop.containers.docker_networks import Network, Refused
from snoop.containers.joining import NotJoined
from snoop.containers.switches import NoSwitch, Switch, Unmet
from snoop.links.pairs import End
from snoop.waiting import comes

# A switch that is just being started again is worth a moment, and Docker waits some 30 s.
PATIENCE_SECONDS = 3.0


class SwitchWires:
    """Wires of switches that run on this machine."""

    def check(self, network: Network) -> None:
        with _running(network, patience=0.0) as switch:
            filtering = switch.config()["switch"]["vlan_filtering"]
        if network.vlan is not None and not filtering:
            raise Refused(
                f"vlan = {network.vlan}: {switch.called} does not tell VLANs apart; it needs "
                "vlan_filtering = true in [switch], or the network no vlan"
            )

    def addresses(self, network: Network) -> Sequence[str]:
        with _running(network) as switch:
            config = switch.config()
        hosts = [host for host in config.get("host", ()) if _untagged(host) == (network.vlan or 1)]
        return [each.partition("/")[0] for host in hosts for each in host["addresses"]]

    def attach(
        self, network: Network, pair: Pair, *, mac: str, description: str, at: int | None
    ) -> None:
        self.detach(network, pair, at=at)  # what an attempt before has left
        options = {} if network.vlan is None else {"access": network.vlan}
        inner = End(pair.inner, at, bytes.fromhex(mac.replace(":", "")))
        with _running(network) as switch:
            joining.attach(
                switch, pair.port, inner, options=options, mtu=network.mtu, description=description
            )

    def detach(self, network: Network | None, pair: Pair, *, at: int | None) -> None:
        if network is not None:
            joining.detach(network.switch, pair.port)
        # Where the switch is gone: Docker gives back what it took, and one end takes the other.
        for name in pair:
            pairs.remove(at, name)


def _untagged(host: dict[str, Any]) -> int | None:
    """The VLAN of what a `[[host]]` sends without a tag, where its addresses are."""
    if host.get("trunk"):
        native: int | None = host.get("native")
        return native
    return host.get("access") or 1


@contextlib.contextmanager
def _running(network: Network, *, patience: float = PATIENCE_SECONDS) -> Iterator[Switch]:
    """The network's switch; what it, or the way to it, refuses is said in Docker's words."""
    why: NoSwitch | None = None

    def look() -> Switch | None:
        nonlocal why
        try:
            return switches.find(network.switch)
        except NoSwitch as error:
            why = error
            return None

    try:
        switch = comes(look, within=patience)
    except ValueError as error:
        raise Refused(str(error)) from error
    if switch is None:
        raise Refused(str(why)) from why
    try:
        yield switch
    except (NoSwitch, Unmet, NotJoined) as error:
        raise Refused(str(error)) from error
    finally:
        switch.close()
