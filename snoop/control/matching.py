"""What filters ask for: groups by their address or a prefix, a host by its address or its MAC."""

from __future__ import annotations

from typing import NamedTuple

from snoop.wire import address
from snoop.wire.address import Address, mac_text


class Groups(NamedTuple):
    """The groups from `low` to `high`, both included: addresses sort as numbers."""

    low: Address
    high: Address

    @classmethod
    def parse(cls, text: str) -> Groups:
        """A group, or a prefix of groups, or one by its MAC address; ValueError if it is none."""
        if "/" not in text:
            group = address.parse_group(text)
            return cls(group, group)
        base, length = address.parse_prefix(text)
        rest = (1 << 128 - length) - 1
        found = cls(base, (int.from_bytes(base, "big") | rest).to_bytes(16, "big"))
        if not (address.is_multicast(found.low) and address.is_multicast(found.high)):
            raise ValueError(f"{text!r} is not multicast")
        return found

    @property
    def only(self) -> Address | None:
        """The group, if it is one."""
        return self.low if self.low == self.high else None

    def has(self, group: Address) -> bool:
        return self.low <= group <= self.high


class Host(NamedTuple):
    """A host by what is known of it: one of both is None."""

    address: Address | None
    mac: bytes | None

    @classmethod
    def parse(cls, text: str) -> Host:
        """An address of any family, or a MAC; ValueError if it is neither, or no host's."""
        try:
            mac = address.parse_mac(text)
        except ValueError:
            found = address.parse(text)
            if address.is_multicast(found):
                raise ValueError(f"{text!r} is a group") from None
            return cls(found, None)
        if mac[0] & 1:
            raise ValueError(f"{text!r} is a group")
        return cls(None, mac)

    @property
    def text(self) -> str:
        """As documents and events have it."""
        return address.text(self.address) if self.address is not None else mac_text(self.mac or b"")

    def is_at(self, addr: Address | None, mac: bytes) -> bool:
        """Does a row with this address and MAC speak of it?"""
        return self.mac == mac if self.address is None else self.address == addr
