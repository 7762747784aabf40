"""`snoop explain`: what would happen to such a frame, and why, port by port."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from snoop.cli import options
from snoop.cli.options import ANY_GROUP, SOURCE, VLAN
from snoop.cli.session import Session
from snoop.control.client import Refused

if TYPE_CHECKING:
    from snoop.control import documents

NAMED_MAX = 3
# What people call an IP protocol; any other has a number.
PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "ospf": 89, "pim": 103}


def _number(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    known = PROTOCOLS.get(value.lower())
    number = int(value) if known is None and value.isdecimal() and len(value) <= 3 else known
    if number is None or number > 255:
        names = ", ".join(PROTOCOLS)
        raise click.BadParameter(f'"{value}" is no IP protocol: {names} or 0 to 255', ctx, param)
    return number


def _digits(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from snoop.cli import hexdump

    if value == "-":
        value = sys.stdin.buffer.read(hexdump.TEXT_MAX).decode(errors="replace")
    try:
        return hexdump.digits(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command()
@options.option("--port", type=options.PORT, metavar="IN", help="The port it comes in at.")
@options.option("--group", type=ANY_GROUP, metavar="G", help="The group it goes to.")
@options.option("--source", type=SOURCE, metavar="S", help="Its sender.  [default: some address]")
@options.option(
    "--vlan",
    type=VLAN,
    metavar="V",
    help="The VLAN it arrives in, as the port has it; 0: untagged.",
)
@options.option(
    "--stream", is_flag=True, help="Take what is left out from the busiest live stream."
)
@options.option("--to", metavar="ADDR|MAC", help="Any address it goes to, in place of --group.")
@options.option("--from-mac", metavar="MAC", help="The MAC address it comes from.")
@options.option(
    "--protocol", callback=_number, metavar="P", help="IP protocol: a number, or udp, igmp, …"
)
@options.option("--ttl", type=click.IntRange(0, 255), metavar="N", help="Its time to live.")
@options.option(
    "--size", type=click.IntRange(60, 65535), metavar="BYTES", help="How large it is, headers too."
)
@options.option(
    "--tagged", type=click.IntRange(0, 4095), metavar="VID", help="It has such a VLAN tag."
)
@options.option("--untagged", is_flag=True, help="It has no VLAN tag.")
@options.option(
    "--frame", callback=_digits, metavar="HEX",
    help="The whole frame, as `tcpdump -xx` prints it; -: read it from standard input.",
)  # fmt: skip
@options.as_json
@click.pass_context
def explain(
    ctx: click.Context,
    port: str | None,
    group: str | None,
    source: str | None,
    vlan: int | None,
    stream: bool,
    to: str | None,
    from_mac: str | None,
    protocol: int | None,
    ttl: int | None,
    size: int | None,
    tagged: int | None,
    untagged: bool,
    frame: str | None,
    as_json: bool,
) -> None:
    """What happens to a frame that comes in at --port, and why.

    One to --group, or --to any address; or byte for byte, with --frame. Nothing is sent.
    """
    if sum((vlan is not None, tagged is not None, untagged)) > 1:
        raise click.UsageError("one of --vlan, --tagged and --untagged says it")
    if sum((group is not None, to is not None, frame is not None)) != 1:
        raise click.UsageError("one of --group, --to and --frame says which frame")
    if untagged:
        vlan = 0
    session = options.session(ctx)
    asked: dict[str, object] = {
        "group": group, "to": to, "frame": frame, "from_mac": from_mac, "protocol": protocol,
        "ttl": ttl, "size": size, "tagged": tagged,
    }  # fmt: skip
    if stream:
        if group is None:
            raise click.UsageError("--stream needs --group")
        live = _busiest(session, group, port, source, vlan if tagged is None else tagged)
        port, source, vlan = live.port, live.source, live.vlan
        asked["frame_bytes"] = live.bytes // live.frames if live.frames else None
        asked["ttl"] = live.ttl if ttl is None else ttl
    if port is None:
        raise click.UsageError("--port IN is needed, or --stream to take it from a live stream")
    asked |= {"port": port, "source": source, "vlan": vlan or None}
    if as_json:
        options.print_json(session.call("explain", **asked))
        return
    from snoop.control.documents import Explained

    _print(
        session.ask(Explained, "explain", **asked), port, f"{source or 'some source'} -> {group}"
    )


def _busiest(
    session: Session, group: str, port: str | None, source: str | None, vlan: int | None
) -> documents.Stream:
    from snoop.control.documents import Streams

    streams = session.show(Streams, group=group, port=port, vlan=vlan).streams
    matching = [one for one in streams if source in (None, one.source)]
    if matching:
        return max(matching, key=lambda one: (one.bits_per_s, one.frames))
    others = session.show(Streams).streams
    raise Refused(_unseen(group, source, others), 1)


def _unseen(group: str, source: str | None, streams: list[documents.Stream]) -> str:
    """What to say of a stream that there is not: what comes in its place, what to type."""
    from snoop.cli import human

    asked = (
        f"no such stream of {group}" if source is None else f"no stream of {group} from {source}"
    )
    step = f"on the sender, `ip route get {group}` says by which interface it goes"
    alike = [one for one in streams if one.group == group]
    same = [one for one in streams if one.source == source]
    if alike:
        last = min(alike, key=lambda one: one.idle)
        where = f", in VLAN {last.vlan}" if last.vlan else ", untagged"
        return f"{asked} has been seen there: it comes from {last.source} at {last.port}{where}"
    if same:
        last = min(same, key=lambda one: one.idle)
        ago = human.age(last.idle)
        sent = f"what it sent last is {last.group}, at {last.port}, {ago} ago"
        return f"{asked} has been seen; {sent}; {step}"
    if source is not None:
        return f"{asked} has been seen, and no other of it; {step}"
    return f"no stream of {group} has been seen; {step}"


def _print(answer: documents.Explained, port: str, asked: str) -> None:
    from snoop.cli import human, layout

    to = human.ports(answer.ports) or "no port"
    what = asked if answer.frame is None else _named(answer.frame)
    came_in = _ports([why for why in answer.why if why.port == port]) or port
    click.echo(f"{human.called(what, human.named(answer))}, in at {came_in}{_vlan(answer.frame)}")
    click.echo(f"{answer.action} ({', '.join(answer.counters or [answer.reason])}) to {to}")
    click.echo(f"{answer.path_because}\n" if answer.path_because else "")
    lines = [
        (
            _ports(rows),
            _gets(rows[0]),
            _because(rows),
        )
        for rows in grouped(answer.why)
    ]
    layout.show(
        layout.table(("Port", "Gets it", "Because"), lines, fold=("Port", "Because")),
        *(f"note: {note}" for note in answer.notes),
    )


def _vlan(frame: documents.Headers | None) -> str:
    """Which VLAN it is put in, and why; "" where the switch does not filter."""
    from snoop.cli import human

    if frame is None or frame.vlan_because is None:
        return ""
    vlan = human.called(f"VLAN {frame.vlan}", frame.vlan_name) if frame.vlan else "no VLAN"
    return f"\n{vlan}: {frame.vlan_because}"


def _gets(why: documents.Why) -> str:
    """Whether, and how it leaves there."""
    if not why.forwarded:
        return "no"
    return {None: "yes", True: "yes, tagged", False: "yes, untagged"}[why.tagged]


def _ports(rows: list[documents.Why]) -> str:
    """Their names; of one, what people call it as well."""
    from snoop.cli import human

    if len(rows) == 1:
        return human.called(rows[0].port, rows[0].description)
    return human.ports(why.port for why in rows)


def grouped(why: list[documents.Why]) -> list[list[documents.Why]]:
    """The ports with one reason together; those of one cause too, if they have many reasons."""
    reasons: dict[tuple[str, str], set[str]] = {}
    for one in why:
        reasons.setdefault((_gets(one), one.cause), set()).add(one.because)
    same: dict[tuple[str, str], list[documents.Why]] = {}
    for one in why:
        many = one.cause and len(reasons[_gets(one), one.cause]) > NAMED_MAX
        same.setdefault((_gets(one), one.cause if many else one.because), []).append(one)
    return list(same.values())


def _because(rows: list[documents.Why]) -> str:
    """What is said of some ports: the reason of the first, and whom it is about at the others."""
    because, do = rows[0].because, rows[0].do
    if len({why.because for why in rows}) > 1:
        others = [f"{why.host or why.mac or 'a host'} ({why.port})" for why in rows[1:]]
        more = f" and {len(others) - NAMED_MAX} more" if len(others) > NAMED_MAX else ""
        because += f"; likewise {', '.join(others[:NAMED_MAX])}{more}"
    heard = [
        f"{why.host or why.mac} ({why.port})"
        for why in rows
        if why.cause == "not_joined" and why.mac is not None
    ]
    if 0 < len(heard) <= NAMED_MAX:
        because += f"; heard there: {', '.join(heard)}"
    return f"{because} -> {do}" if do else because


def _named(frame: documents.Headers) -> str:
    """Whose frame to whom: IP addresses where it has any."""
    if frame.destination is None:
        return f"{frame.source_mac} -> {frame.destination_mac}"
    return f"{frame.source or 'some source'} -> {frame.destination}"
