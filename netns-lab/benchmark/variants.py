"""Who can be measured, by name: this switch and its variants, and the others."""

from __future__ import annotations

from dataclasses import dataclass, field

from snoop.config.schema import SwitchTable

FAN_MAX = 15
SPIN_US = 1000  # longer than the gap between two frames at 2 000 frames/s
VLAN = 10


@dataclass(frozen=True, slots=True)
class Variant:
    """This switch otherwise: `switch` holds the keys of `[switch]` in which it differs, `port`
    those of every port. With `trunk` the source is behind a trunk, and what it sends is tagged;
    with `media` it sends RTP.
    """

    switch: dict[str, object] = field(default_factory=dict)
    port: dict[str, object] = field(default_factory=dict)
    trunk: bool = False
    media: bool = False
    receivers: int = 3

    def unknown(self) -> list[str]:
        """Keys of `[switch]` that the switch as built does not have."""
        return sorted(self.switch.keys() - set(SwitchTable.__struct_fields__))


SNOOP = "snoop"
BRIDGE = "bridge"
VARIANTS: dict[str, Variant] = {
    SNOOP: Variant(receivers=FAN_MAX),
    "snoop-rings": Variant({"kernel": "off"}, receivers=FAN_MAX),
    "snoop-uncoalesced": Variant({"coalesce": "off"}),
    "snoop-spin": Variant({"spin_us": SPIN_US}),
    "snoop-access": Variant({"vlan_filtering": True}, {"access": VLAN}, receivers=FAN_MAX),
    "snoop-trunk": Variant(
        {"vlan_filtering": True}, {"access": VLAN}, trunk=True, receivers=FAN_MAX
    ),
    "snoop-media": Variant(media=True),
    "snoop-unwatched": Variant({"health": "off", "announced_names": False}, media=True),
}
PEERS = (BRIDGE, "ovs-system", "ovs-afxdp")
EVERYONE = (*VARIANTS, *PEERS)
