"""What a client may ask of a running switch: one struct a request, checked on decoding.

One JSON object a line goes each way. An answer is `{"ok": true, "result": …}` or
`{"ok": false, "error": one line, "code": exit status}`; a stream (monitor, capture) answers with
one object a line until either side closes. Nothing a client sends can raise past `decode`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from snoop.config.bounds import Vlan

LINE_BYTES_MAX = 1 << 16
EVENTS_MAX = 100_000
Family = Literal["ipv4", "ipv6"]
Word = Annotated[str, Meta(max_length=64)]
Byte = Annotated[int, Meta(ge=0, le=255)]
Named = Word | Annotated[tuple[Word, ...], Meta(min_length=1, max_length=256)]
"""A port, or several."""
Shown = Literal[
    "mdb",
    "mrouters",
    "querier",
    "ports",
    "counters",
    "fdb",
    "hosts",
    "streams",
    "config",
    "status",
    "witnesses",
    "vlans",
    "privileges",
]


class RequestError(Exception):
    """A request that cannot be met: `code` is the exit status it should become."""

    def __init__(self, text: str, *, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


class HandedOver(RequestError):
    """Another process is the switch, and listens at the same socket: nothing was done here."""

    def __init__(self) -> None:
        super().__init__("another process is the switch by now: connect again and ask that")


class Asked(Struct, frozen=True, forbid_unknown_fields=True, tag_field="request"):
    """What is common to all requests: the tag says which it is."""


class Filter(Asked, frozen=True, kw_only=True):
    """Which rows; None: any."""

    vlan: Vlan | None = None
    group: Word | None = None
    port: Named | None = None
    family: Family | None = None


class Show(Filter, frozen=True, kw_only=True, tag="show"):
    """State, as INTERFACE.md 3 words it; with `count` its numbers only."""

    what: Shown
    host: Word | None = None
    source: Word | None = None
    count: bool = False


class Static(Asked, frozen=True, kw_only=True, tag="static"):
    """Add or delete a static entry; left out, `vlan` is that of the ports' frames without a tag."""

    add: bool
    group: Word
    port: Named
    source: Word | None = None
    vlan: Vlan | None = None


class Mrouter(Asked, frozen=True, kw_only=True, tag="mrouter"):
    """Add or delete a static router port; `vlan` as there."""

    add: bool
    port: Named
    vlan: Vlan | None = None
    family: Family = "ipv4"


class Clear(Filter, frozen=True, kw_only=True, tag="clear"):
    """Forget dynamic state."""

    what: Literal["mdb", "fdb", "counters"]


class Query(Asked, frozen=True, kw_only=True, tag="query"):
    """Send a query now; left out, `family` is that of the group or IPv4, `vlan` the only one."""

    vlan: Vlan | None = None
    group: Word | None = None
    port: Named | None = None
    family: Family | None = None


class Explain(Asked, frozen=True, kw_only=True, tag="explain"):
    """The verdict on a frame that arrives at `port`, and why, port by port.

    One of `group`, `to` (an address, or a MAC address) and `frame` (all of it, in hex) says which;
    what is left out is a plain UDP datagram's. `tagged`: with that tag, also where it is 0.
    `frame_bytes`: how large the frames of a stream are, if that is known.
    """

    port: Word
    group: Word | None = None
    source: Word | None = None
    vlan: Vlan = 0
    frame_bytes: int | None = None
    to: Word | None = None
    from_mac: Word | None = None
    protocol: Byte | None = None
    ttl: Byte | None = None
    size: Annotated[int, Meta(ge=60, le=65535)] | None = None
    tagged: Annotated[int, Meta(ge=0, le=4095)] | None = None
    frame: Annotated[str, Meta(max_length=8192)] | None = None


class Reload(Asked, frozen=True, kw_only=True, tag="reload"):
    """Read the configuration again."""


class Restart(Asked, frozen=True, kw_only=True, tag="restart"):
    """Hand over to a new process; `timeout`: seconds that it may take to begin."""

    timeout: Annotated[float, Meta(gt=0, le=600)] = 30.0


class Told(Filter, frozen=True, kw_only=True):
    """Which events; no types: any."""

    types: tuple[Word, ...] = ()
    host: Word | None = None
    last: Annotated[int, Meta(ge=1, le=EVENTS_MAX)] | None = None


class PortSet(Asked, frozen=True, kw_only=True, tag="port_set"):
    """Set options of a port, each as OPTION=VALUE, or put them back."""

    port: Word
    options: Annotated[
        tuple[Annotated[str, Meta(max_length=32768)], ...], Meta(min_length=1, max_length=64)
    ]


class PortAdd(Asked, frozen=True, kw_only=True, tag="port_add"):
    """Make an interface a port: IF[,OPTION=VALUE…]; with `wait` also one that is not there. With
    `keep` the interface itself says so from then on, also to a switch that starts again.
    """

    port: Annotated[str, Meta(max_length=32768)]
    wait: bool = False
    keep: bool = False


class PortDel(Asked, frozen=True, kw_only=True, tag="port_del"):
    """Take such a port back."""

    port: Word


class Events(Told, frozen=True, kw_only=True, tag="events"):
    """The last events that are kept, None: all of them; `count`: their numbers."""

    count: bool = False


class Monitor(Told, frozen=True, kw_only=True, tag="monitor"):
    """The last events, None: none, and those from now on; a stream."""


class Scrape(Asked, frozen=True, kw_only=True, tag="sample"):
    """What one scrape of the metrics is made of: totals that never run backwards."""


class Capture(Asked, frozen=True, kw_only=True, tag="capture"):
    """The control frames of the switch, with what was decided; a stream."""

    port: Word | None = None


Request = (
    Show
    | Static
    | Mrouter
    | Clear
    | Query
    | Explain
    | Reload
    | Restart
    | PortAdd
    | PortDel
    | PortSet
    | Events
    | Monitor
    | Scrape
    | Capture
)

CHANGES: Final = (Reload, PortAdd, PortSet)
"""They take time: who asked waits for ports that are opened."""

_decoder: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_encoder = msgspec.json.Encoder()


def decode(line: bytes) -> Request:
    """The request of one line; RequestError for anything that is not one."""
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"not a request this switch knows: {error}", code=2) from error


def encode(answer: object) -> bytes:
    """One line."""
    return _encoder.encode(answer) + b"\n"


def rows(made: list[Any]) -> bytes:
    """Rows of a table as they stand between its brackets."""
    return _encoder.encode(made)[1:-1]


def listed(written: list[bytes]) -> Any:
    """A list of what is written already, for a document: as objects it would be ten times as large,
    and take long to be freed.
    """
    return msgspec.Raw(b"[" + b",".join(written) + b"]")


def done(result: object) -> bytes:
    """The line that grants a request."""
    return encode({"ok": True, "result": result})


def refused(error: RequestError) -> bytes:
    """The line that refuses one."""
    told = {"ok": False, "error": str(error), "code": error.code}
    return encode({"again": True, **told} if isinstance(error, HandedOver) else told)
