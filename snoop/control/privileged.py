"""What the process of a switch may still do: `show privileges`, which `check --verbose` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from snoop.control.documents import Document

if TYPE_CHECKING:
    from snoop.runtime.privileges import Found


class Kept(Struct, frozen=True, kw_only=True):
    """A capability, and what it is kept for; `why` null: nothing of ours, and it could not be
    given up.
    """

    name: str
    why: str | None


class Privileges(Document, frozen=True, kw_only=True):
    """What all its threads have together. `bounding`: what else a program that it started could
    be given, were it not for `no_new_privs`.
    """

    what = "privileges"
    uid: int
    user_namespace: bool
    no_new_privs: bool
    seccomp: bool
    capabilities: list[Kept]
    bounding: list[str]


def shown(found: Found, why: Mapping[str, str]) -> Privileges:
    """The document of what the kernel says, with our reasons."""
    kept = found.effective | found.permitted
    return Privileges(
        uid=found.uid,
        user_namespace=found.user_namespace,
        no_new_privs=found.no_new_privs,
        seccomp=found.seccomp,
        capabilities=[Kept(name=name, why=why.get(name)) for name in sorted(kept)],
        bounding=sorted(found.bounding - kept),
    )
