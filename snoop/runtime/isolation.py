"""What stands against keeping the host's stack off a port: somebody else uses its interface too."""

from __future__ import annotations

from collections.abc import Collection

from snoop.links.interfaces import Link


def obstacle(link: Link, guests: Collection[str]) -> str | None:
    """What it is, and what to do; None if there is none. `guests`: interfaces that sit on it."""
    if link.master:
        return (
            "has a master, so its host stack also sees every frame; "
            f"`ip link set {link.name} nomaster` takes it out of there"
        )
    if any(not text.startswith("fe80:") for text in link.addresses):
        return (
            "carries an address, so the host's stack is not kept off it; "
            f"`ip address flush dev {link.name}` removes it, or set isolate = false"
        )
    if guests:
        return (
            f"other interfaces sit on it ({', '.join(sorted(guests))}), so the host's stack is "
            "not kept off it; take them away or set isolate = false"
        )
    return None
