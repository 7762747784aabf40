"""What a request names, checked: ports, groups, sources, filters. Nothing below sees a bad one."""

from __future__ import annotations

from snoop.control.matching import Groups, Host
from snoop.control.requests import Filter, Named, RequestError, Show
from snoop.control.rows import Wanted, family_of
from snoop.control.tally import COUNTED
from snoop.runtime.ports import NoSuchPort, Port, Ports
from snoop.wire import address
from snoop.wire.address import Address


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
