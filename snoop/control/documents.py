"""What a switch answers: one struct a document of INTERFACE.md 3, for both ends of the socket.

The daemon writes these and the command line reads them; fields stand in the order of the JSON. A
newer switch may have more fields, which are passed over, and more words for an origin, a role or a
reason, which are `str` therefore. A field that is added gets a default, so that an older switch can
be asked as well; every other one must be there.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from snoop.control.carried import Counts as Counts
from snoop.control.carried import Health as Health
from snoop.control.carried import Port as Port
from snoop.control.carried import Station as Station
from snoop.control.carried import Stream as Stream
from snoop.control.configured import IgmpConfig, MldConfig, PortConfig, SwitchConfig, VlanConfig
from snoop.control.tagged import Vid, Vlan
from snoop.control.witnessed import Asked, Gone, Refused, Shunned, Witness


class Document(Struct, frozen=True, kw_only=True):
    """What `show` answers when asked for `what`.

    `descriptions`: what the file calls ports, `vlan_names` VLANs; each left out if it calls none
    anything, and where the rows have it.
    """

    what: ClassVar[str]
    descriptions: dict[str, str] | UnsetType = UNSET
    vlan_names: dict[int, str] | UnsetType = UNSET


# Memberships -------------------------------------------------------------------------------------


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A source of an `Entry`. `timer` None: blocked, or only `static` (left out if it is not)."""

    address: str
    timer: float | None
    forwarding: bool
    static: bool = False


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """One port of one group; `compatibility` None: it is one by its MAC address."""

    vlan: Vid
    family: str
    group: str
    port: str
    filter_mode: str
    sources: list[Source]
    group_timer: float | None
    origin: str
    compatibility: str | None
    uptime: float
    last_reporter: str | None
    name: str | None = None
    announced: str | None = None


class Mdb(Document, frozen=True, kw_only=True):
    """`show mdb`."""

    what = "mdb"
    switch: str
    mdb: list[Entry]


class Host(Struct, frozen=True, kw_only=True, gc=False):
    """What one host of a port wants of a group; `heard` fields None: forgotten, or not known."""

    vlan: Vid
    family: str
    group: str
    port: str
    address: str
    mac: str
    filter_mode: str
    sources: list[str]
    timer: float
    first_heard: float | None = None
    last_heard: float | None = None
    unanswered: int | None = None
    name: str | None = None
    announced: str | None = None


class Hosts(Document, frozen=True, kw_only=True):
    """`show hosts`; of one host also what it sends, None: not known, and what it was refused."""

    what = "hosts"
    hosts: list[Host]
    sends: list[Stream] | UnsetType | None = UNSET
    refused: list[Refused] | UnsetType = UNSET


class Witnesses(Document, frozen=True, kw_only=True):
    """`show witnesses`: what was seen of hosts, and of routers that are not believed."""

    what = "witnesses"
    refused: list[Refused]
    hosts: list[Witness] = []
    gone: list[Gone] = []
    asked: list[Asked] = []
    routers: list[Shunned] = []


# Queriers and routers ----------------------------------------------------------------------------


class Mrouter(Struct, frozen=True, kw_only=True, gc=False):
    """One reason for one router port."""

    vlan: Vid
    family: str
    port: str
    origin: str
    address: str | None
    timer: float | None
    uptime: float


class Mrouters(Document, frozen=True, kw_only=True):
    """`show mrouters`."""

    what = "mrouters"
    mrouters: list[Mrouter]


class Querier(Struct, frozen=True, kw_only=True, gc=False):
    """Who asks in a VLAN, and the values in force."""

    vlan: Vid
    family: str
    role: str
    address: str | None
    port: str | None
    version: int
    timer: float | None
    query_interval: float
    query_response_interval: float
    robustness: int
    uptime: float | None
    last_member_query_interval: float
    group_membership_interval: float
    pruning: bool = False


class Queriers(Document, frozen=True, kw_only=True):
    """`show querier`."""

    what = "querier"
    queriers: list[Querier]


# Ports and traffic -------------------------------------------------------------------------------


class Ports(Document, frozen=True, kw_only=True):
    """`show ports`."""

    what = "ports"
    ports: list[Port]
    refused: dict[str, str] = {}


class Counters(Document, frozen=True, kw_only=True):
    """`show counters`: of the switch, and of each port."""

    what = "counters"
    counters: Counts
    ports: dict[str, Counts]


class Vlans(Document, frozen=True, kw_only=True):
    """`show vlans`; `filtering` False: every port is in every VLAN, and these have been seen."""

    what = "vlans"
    vlans: list[Vlan]
    filtering: bool = True


class Fdb(Document, frozen=True, kw_only=True):
    """`show fdb`."""

    what = "fdb"
    fdb: list[Station]


class Streams(Document, frozen=True, kw_only=True):
    """`show streams`."""

    what = "streams"
    streams: list[Stream]


# The switch --------------------------------------------------------------------------------------


class Balance(Struct, frozen=True, kw_only=True):
    """Conservation at a port: frames that came in, and those of them without a verdict."""

    rx_frames: int
    unbalanced: int


class Status(Document, frozen=True, kw_only=True):
    """The process; `kernel_because`: why no stream can be served inside the kernel; `nice`: the
    priority it really has; `unkept`: why the last snapshot was not written; `unloadable`: why what
    is in its file now could not be loaded.
    """

    what = "status"
    switch: str
    version: str
    pid: int
    uptime: float
    rows: int
    balance: dict[str, Balance]
    kernel: str = "off"
    kernel_streams: int = 0
    kernel_because: str | None = None
    nice: int | None = None
    unkept: str | None = None
    unloadable: str | None = None


class Config(Document, frozen=True, kw_only=True):
    """`show config`, as far as commands read it: the switch writes all of `config/schema.py`."""

    what = "config"
    switch: SwitchConfig
    igmp: IgmpConfig
    vlan: list[VlanConfig]
    port: list[PortConfig]
    mld: MldConfig | None = None
    host: list[PortConfig] = []

    def with_hosts(self) -> Config:
        """With the host's own among the ports."""
        own = [structs.replace(host, name=host.interface) for host in self.host]
        return structs.replace(self, port=self.port + own)


class Count(Struct, frozen=True, kw_only=True):
    """`show mdb`, `hosts`, `streams` or `events` with `--count`."""

    count: Counts


# Answers of other commands -----------------------------------------------------------------------


class Why(Struct, frozen=True, kw_only=True):
    """Whether a frame leaves by a port, a sentence on it, and the host it is about, if any.

    `tagged`: it leaves with a tag; None: it does not, or tags stay as they are.
    """

    port: str
    forwarded: bool
    because: str
    cause: str = ""
    host: str | None = None
    mac: str | None = None
    last_heard: float | None = None
    unanswered: int | None = None
    do: str | None = None
    description: str | None = None
    tagged: bool | None = None


class Headers(Struct, frozen=True, kw_only=True):
    """A frame as `explain` read it; None: it has no such thing, or none was asked about."""

    hex: str
    bytes: int
    vlan: Vid
    tag: int | None
    source_mac: str
    destination_mac: str
    ethertype: int
    source: str | None
    destination: str | None
    protocol: int | None
    ttl: int | None
    vlan_because: str | None = None
    vlan_name: str | None = None


class Explained(Struct, frozen=True, kw_only=True):
    """`explain`; `path` is that of the live stream that it is about, None: there is none."""

    action: str
    reason: str
    ports: list[str]
    registered: bool
    why: list[Why]
    notes: list[str]
    counters: list[str] = []
    punted: bool = False
    frame: Headers | None = None
    name: str | None = None
    path: str | None = None
    path_cause: str | None = None
    path_because: str | None = None
    announced: str | None = None


class Reloaded(Struct, frozen=True, kw_only=True):
    """`reload`: what waits for a restart, and which ports do not exist."""

    needs_restart: list[str]
    missing_ports: list[str]


class Restarted(Struct, frozen=True, kw_only=True):
    """`restart`: who serves now, in seconds for how long no frame was forwarded, and nothing else
    decided.
    """

    pid: int
    version: str
    pause: float
    rest: float


class PortSettings(Struct, frozen=True, kw_only=True):
    """`port set`: what it named or changed, as it holds now, and where that is from."""

    port: str
    options: dict[str, Any]
    origins: dict[str, str]


class Finding(Struct, frozen=True, kw_only=True):
    """Of `check`. `severity`: "problem" or "note"; `subject`: a port, group, VLAN or the switch.

    `cause` is a word of `causes.py`; `host` and `mac` are of the host it is about, if it is known;
    `name` is what people call the subject; `family` is null for what is of both, or of none.
    `about`: the groups, streams and ports, if it is of several, also those the text leaves out.
    """

    severity: str
    subject: str
    finding: str
    do: str
    cause: str = ""
    host: str | None = None
    mac: str | None = None
    name: str | None = None
    family: str | None = None
    about: list[str] = []


class Findings(Struct, frozen=True, kw_only=True):
    """`check`, which the command finds out itself."""

    findings: list[Finding]


# Streams of objects ------------------------------------------------------------------------------


class Event(Struct, frozen=True, kw_only=True):
    """The head of a line of `monitor`; an event has fields of its own besides."""

    time: float
    event: str
    vlan: Vid
    port: str | None


class Events(Struct, frozen=True, kw_only=True):
    """`show events`: objects as `monitor` prints them, oldest first."""

    events: list[dict[str, Any]]


class Frame(Struct, frozen=True, kw_only=True, tag="frame", tag_field="event"):
    """A control frame of `capture`, in hex, and what was decided."""

    time: float
    port: str | None
    direction: str
    frame: str
    comment: str


class Lost(Struct, frozen=True, kw_only=True, tag="lost", tag_field="event"):
    """In the place of what a reader was too slow for."""

    time: float
    count: int


# The line around an answer -----------------------------------------------------------------------


class Answer(Struct, frozen=True, kw_only=True):
    """`ok`: the result; else one line and an exit status."""

    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""
    code: int = 1
    again: bool = False  # of another process, which listens there by now


class Handover(Struct, frozen=True, kw_only=True, tag="handover", tag_field="event"):
    """The last line of a stream: another process is the switch, and has all that is later."""

    time: float
    pid: int
