"""What a key takes and what was written, in the words of an error text and of the manual."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable
from enum import Enum
from functools import cache
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import structs

from snoop.config.addresses import (
    Group,
    GroupPrefix,
    HostAddress,
    LinkLocal,
    Sender,
    Source,
    StaticGroup,
)

ADDRESSES = {
    Group: "a multicast group such as 239.1.1.1 or ff0e::1",
    StaticGroup: "a multicast group such as 239.1.1.1 or ff0e::1, or the MAC address of a group "
    "that is not of IP such as 01:00:00:01:02:03",
    GroupPrefix: "a prefix of multicast groups such as 239.255.0.0/16 or ff3e::/32",
    Source: "a unicast address such as 10.0.0.9 or 2001:db8::9",
    Sender: "a unicast IPv4 address such as 10.0.0.254, or 0.0.0.0",
    HostAddress: "a unicast address with the length of its network, such as 10.0.0.254/24 or "
    "2001:db8::fe/64",
    LinkLocal: "a link-local IPv6 address such as fe80::254",
}


# What others call it.
_OTHERS = {
    "name": ("interface",),
    "address": ("addresses",),
    "vlan": ("access", "vid"),
    "vid": ("vlan", "access"),
    "pvid": ("access",),
    "untagged": ("access",),
    "vlans": ("trunk",),
    "tagged": ("trunk",),
    "allowed_vlans": ("trunk",),
    "native_vlan": ("native",),
    "vlan_aware": ("vlan_filtering",),
}


@cache
def keys(kind: type[msgspec.Struct]) -> tuple[dict[str, Any], list[str]]:
    """The type of each key, a table's own first, and the keys that must be given; found once, as it
    takes long.
    """
    hidden = getattr(kind, "HIDDEN", ())
    known = [field for field in structs.fields(kind) if field.name not in hidden]
    known.sort(key=lambda field: field.name not in kind.__annotations__)
    hints = typing.get_type_hints(kind, include_extras=True)
    required = [field.name for field in known if field.required]
    return {field.name: hints[field.name] for field in known}, required


def own(kind: type[msgspec.Struct]) -> list[str]:
    """The keys of a table that are not those of another as well."""
    return [name for name in keys(kind)[0] if name in kind.__annotations__]


def allowed(hint: Any) -> str:
    """What a field of this type takes, in words."""
    if get_origin(hint) is Annotated:
        base, *notes = get_args(hint)
        metas = [note for note in notes if isinstance(note, msgspec.Meta)]
        for meta in metas:
            if meta.extra and "allowed" in meta.extra:
                return str(meta.extra["allowed"])
        bounds = next((meta for meta in metas if meta.ge is not None), None)
        if bounds is None:
            return allowed(base)
        number = "a whole number" if base is int else "a number"
        return f"{number} from {bounds.ge:g} to {bounds.le:.10g}"
    if get_origin(hint) in (types.UnionType, typing.Union):
        return " or ".join(allowed(arm) for arm in get_args(hint) if arm is not type(None))
    if get_origin(hint) is typing.Literal:
        return " or ".join(shown(word) for word in get_args(hint))
    if get_origin(hint) is list:
        return f"a list, each {allowed(get_args(hint)[0])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(f'"{word.value}"' for word in hint)
    if hint in ADDRESSES:
        return ADDRESSES[hint]
    return {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[hint]


def hinted(hint: Any, value: object) -> str:
    """What seems to be meant by a value that a key does not take; empty: nobody knows."""
    if get_origin(hint) in (types.UnionType, typing.Union):
        return next((said for arm in get_args(hint) if (said := hinted(arm, value))), "")
    for note in get_args(hint)[1:] if get_origin(hint) is Annotated else ():
        if isinstance(note, msgspec.Meta) and note.extra and "meant" in note.extra:
            found = note.extra["meant"](value)
            return f" (did you mean {found}?)" if found else ""
    return hinted(get_args(hint)[0], value) if get_origin(hint) is Annotated else ""


def element(hint: Any) -> Any:
    """The type of each element where a key takes a list, else None."""
    if get_origin(hint) is Annotated:
        return element(get_args(hint)[0])
    if get_origin(hint) in (types.UnionType, typing.Union):
        return next((each for arm in get_args(hint) if (each := element(arm)) is not None), None)
    return get_args(hint)[0] if get_origin(hint) is list else None


def nearest(word: object, known: Iterable[str]) -> str | None:
    names = list(known)
    for other in _OTHERS.get(str(word), ()):
        if other in names:
            return other
    near = difflib.get_close_matches(str(word), names, n=1)
    return near[0] if near else None


def meant(word: object, known: Iterable[str]) -> str:
    names = list(known)
    near = nearest(word, names)
    if near:
        return f' (did you mean "{near}"?)'
    return f" (known: {', '.join(sorted(names))})" if names else ""


def shown(value: object) -> str:
    try:
        text = f'"{value}"' if isinstance(value, str) else str(value)
    except (ValueError, RecursionError):  # Python prints no number of more than 4300 digits
        text = "what has more digits than can be shown"
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= 60 else f"{text[:57]}…"
