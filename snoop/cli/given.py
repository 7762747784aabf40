"""What a command line says of a configuration, the same for `run` and `config check` (SAY-10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from snoop.cli import options

if TYPE_CHECKING:
    from snoop.config.loader import Loaded

_config = options.option(
    "--config", "file", type=options.FILE, metavar="FILE", help="Configuration (TOML)."
)
_ports = options.option(
    "--port",
    "ports",
    type=options.INTERFACE,
    multiple=True,
    metavar="IF[,OPTION=VALUE…]",
    help="A port, with options as in [[port]]. May be repeated.",
)
_querier = options.option(
    "--querier/--no-querier", default=None, help='[igmp] querier = "on" or "off".'
)
_mld = options.option(
    "--mld-querier/--no-mld-querier", default=None, help='[mld] querier = "on" or "off".'
)
_filtering = options.option(
    "--vlan-filtering/--no-vlan-filtering",
    default=None,
    help="[switch] vlan_filtering: a port is in the VLANs of its access or trunk alone.",
)
_address = options.option(
    "--querier-address", metavar="A", help="Source address of our own queries."
)


def configuration(command: options.Command) -> options.Command:
    """--config, --port, --querier, --querier-address, --mld-querier, --vlan-filtering."""
    return _config(_ports(_querier(_address(_mld(_filtering(command))))))


class Given(NamedTuple):
    """The values of those options, and `--name`."""

    file: str | None
    ports: tuple[str, ...]
    querier: bool | None = None
    querier_address: str | None = None
    mld_querier: bool | None = None
    vlan_filtering: bool | None = None
    name: str | None = None

    def load(self) -> Loaded:
        """The whole of it, checked; ConfigError with all that is wrong."""
        from snoop.config import loader

        return loader.load(self.file, overrides=self._overrides(), ports=self.ports)

    def _overrides(self) -> Mapping[str, Mapping[str, Any]]:
        """As tables of the configuration."""
        tables: dict[str, dict[str, Any]] = {"switch": {}, "igmp": {}, "mld": {}}
        if self.name is not None:
            tables["switch"]["name"] = self.name
        if self.vlan_filtering is not None:
            tables["switch"]["vlan_filtering"] = self.vlan_filtering
        if self.querier is not None:
            tables["igmp"]["querier"] = "on" if self.querier else "off"
        if self.querier_address is not None:
            tables["igmp"]["querier_address"] = self.querier_address
        if self.mld_querier is not None:
            tables["mld"]["querier"] = "on" if self.mld_querier else "off"
        return tables
