"""What a request names, checked: ports, groups, sources, filters. Nothing below sees a bad one."""

from __future__ import annotations

from snoop.config import resolve
from snoop.control import vlans
from snoop.control.matching import Groups, Host
from snoop.control.requests import Filter, Named, RequestError, Show
from snoop.control.rows import Wanted, family_of
from snoop.control.tally import COUNTED
from snoop.proto.vlans import ranges
from snoop.runtime.plane import Plane
from snoop.runtime.port import NoSuchPort, Port
from snoop.runtime.ports import Ports
from snoop.wire import address
from snoop.wire.address import Address

_SAID = 20


def port(ports: Ports, name: str) -> Port:
    """Find the port of that name; RequestError if this switch has none."""
    try:
        return ports.named(name)
    except NoSuchPort as error:
        raise RequestError(str(error), code=2) from None


def names(given: Named | None) -> dict[str, None]:
    """Give the names, each once; none for None."""
    return dict.fromkeys((given,) if isinstance(given, str) else given or ())


def all_ports(ports: Ports, given: Named) -> list[Port]:
    """Find those ports, all of them or none: nothing is begun with a name that is wrong."""
    return [port(ports, name) for name in names(given)]


def ports_in(plane: Plane, given: Named, vlan: int | None, *, new: bool) -> list[tuple[Port, int]]:
    """Find those ports, each with the VLAN that is meant there: left out, that of frames without a
    tag. What is to be `new` needs a VLAN that a port has, it need not be one of these.
    """
    found = all_ports(plane.ports, given)
    if not plane.config.switch.vlan_filtering:
        return [(one, vlan or 0) for one in found]
    if vlan is not None:
        if new and not inhabited(plane) >> vlan & 1:
            raise RequestError(f"no port is in VLAN {vlan}; {_there(plane)}", code=2)
        return [(one, vlan) for one in found]
    pairs = [(one, resolve.pvid(one.table)) for one in found]
    for one, vid in pairs:
        if not vid:
            its = vlans.of(plane, one)
            there = "" if its is None else _listed(its.all)
            raise RequestError(
                f"--vlan says which: {one.name} is a trunk without native, of VLAN {there}", code=2
            )
    return pairs


def only_vlan(plane: Plane, vlan: int | None) -> int:
    """Find the VLAN that is meant of the switch: left out, the only one that a port has."""
    if not plane.config.switch.vlan_filtering:
        return vlan or 0
    there = inhabited(plane)
    if vlan is None and there.bit_count() == 1:
        return there.bit_length() - 1
    if vlan is None:
        raise RequestError(f"--vlan says which; {_there(plane)}", code=2)
    if not there >> vlan & 1:
        raise RequestError(f"no port is in VLAN {vlan}; {_there(plane)}", code=2)
    return vlan


def inhabited(plane: Plane) -> int:
    """Give the VLANs that a port has, a bit each."""
    every = 0
    for one in plane.ports:
        its = vlans.of(plane, one)
        every |= 0 if its is None else its.all
    return every


def _there(plane: Plane) -> str:
    return f"there are {_listed(inhabited(plane))}"


def _listed(mask: int) -> str:
    named = ranges(mask)
    more = len(named) - _SAID
    return ", ".join(named[:_SAID]) + (f" and {more} more" if more > 0 else "")


def port_ids(ports: Ports, given: Named | None) -> list[int | None]:
    """Give the ids of those ports; [None], which is any, for None."""
    return [None] if given is None else [one.id for one in all_ports(ports, given)]


def wanted(ports: Ports, filters: Filter) -> Wanted:
    """Give what a filter lets through."""
    asked = filters if isinstance(filters, Show) else None
    if asked is not None and asked.what not in COUNTED:
        for option in ("host", "source", "count"):
            if getattr(asked, option) and (option, asked.what) != ("host", "witnesses"):
                raise RequestError(f"show {asked.what} takes no --{option}", code=2)
    return Wanted(
        vid=filters.vlan,
        groups=None if filters.group is None else groups(filters.group),
        ports=None
        if filters.port is None
        else sum(1 << one.id for one in all_ports(ports, filters.port)),
        family=family_of(filters.family),
        host=None if asked is None or asked.host is None else host(asked.host),
        source=None if asked is None else source(asked.source),
    )


def group(text: str) -> Address:
    """Read the address of a multicast group; RequestError if it is none."""
    try:
        found = address.parse(text)
    except ValueError:
        found = address.ANY
    if not address.is_multicast(found):
        raise RequestError(
            f'"{text}" is not a multicast group, such as 239.1.1.1 or ff0e::1', code=2
        )
    return found


def static_group(text: str) -> Address:
    """Read what a static entry is about: a group, or one by its MAC address; RequestError."""
    try:
        return address.of_mac(address.parse_mac(text))
    except ValueError:
        return group(text)


def groups(text: str) -> Groups:
    """Read a multicast group or a prefix of groups; RequestError if it is neither."""
    try:
        return Groups.parse(text)
    except ValueError:
        raise RequestError(
            f'"{text}" is neither a multicast group nor a prefix of some, such as 239.1.0.0/16',
            code=2,
        ) from None


def host(text: str) -> Host:
    """Read a host's address or its MAC; RequestError if it is neither."""
    try:
        return Host.parse(text)
    except ValueError:
        raise RequestError(
            f'"{text}" is neither the address of a host nor a MAC address, such as 10.0.0.7', code=2
        ) from None


def source(text: str | None) -> Address | None:
    """Read the address of a source, None for None; RequestError if no host can have it."""
    if text is None:
        return None
    try:
        found = address.parse(text)
    except ValueError:
        found = address.UNSPECIFIED
    if not address.is_host(found):
        raise RequestError(
            f'"{text}" is not the address of a source, such as 10.0.0.9 or 2001:db8::9', code=2
        )
    return found
