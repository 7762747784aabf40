"""The man page snoop.8, made from what the program itself says: the commands and options that
`--help` prints, the keys of `config example`, the counters of `show counters --explain`.

Only what none of them knows (files, signals, exit status) is written here. `snoop/share/snoop.8` is
this module's output; a test compares the two.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

import click

from snoop import __version__

DATE = "2026-11-21"  # Of the version; a page that changed daily could not be compared.
_WIDTH = 78

_DESCRIPTION = """\
`snoop run` joins network interfaces to a switch that forwards multicast only to the ports whose
hosts have joined the group, as they say by IGMP and MLD (RFC 4541, RFC 9776, RFC 9777). Unicast and
broadcast go where a switch sends them, and so does what IPv6 neighbour discovery needs. Frames
travel between packet rings in C, or inside the kernel where that is better; memberships, queriers
and router ports are learned beside them and never hold a frame up.

Every other command talks to a running switch over its control socket."""
_STATUS = (
    ("0", "Done; for `check`: nothing is wrong."),
    ("1", "Failed; for `check`: there is a problem."),
    ("2", "Usage or configuration error; also a port or an address that is none."),
    ("3", "No switch answers at that socket."),
)
_SIGNALS = (
    ("SIGTERM, SIGINT", "`snoop run` ends with status 0; the ports are left as they were."),
    ("SIGHUP", "It reads its configuration again, as `snoop reload` does. A file with a mistake "
               "changes nothing."),
)  # fmt: skip
_ENVIRONMENT = (
    ("SNOOP_SOCKET", "The control socket, if neither --socket nor --name is given."),
    ("NOTIFY_SOCKET, WATCHDOG_USEC", "Of systemd: where to tell that it is ready, "
                                     "reloading and alive."),
)  # fmt: skip
_FILES = (
    ("/run/snoop/NAME.sock", "Control socket of the switch NAME, mode 0660, of the group that "
                             "socket_group names. One JSON object a line each way."),
    ("$XDG_RUNTIME_DIR/snoop/NAME.sock", "The same for who may not write to /run/snoop: any user "
                                         "but root, and root of a user namespace. Without the "
                                         "variable it is /run/user/UID/snoop, or /tmp/snoop-UID."),
    ("/etc/snoop/snoop.toml", "Configuration that snoop.service reads."),
    ("/etc/snoop/NAME.toml", "Configuration that snoop@NAME.service reads."),
    ("/run/docker/plugins/snoop.sock", "Where Docker asks `snoop docker`."),
    ("/var/lib/snoop/docker.json", "Docker's networks of that driver; nothing else reads it."),
)  # fmt: skip
_EXAMPLES = (
    ("snoop run --port eth1 --port eth2 --querier --querier-address 10.0.0.254",
     "A switch of two ports that asks the hosts itself."),
    ("snoop port set p1 access=20", "Another VLAN for a port, until the switch ends."),
    ("docker network create -d snoop -o switch=sw0 -o vlan=10 av", "A network whose containers "
     "are ports of the switch, while `snoop docker` runs."),
    ("snoop check && snoop show", "Is anything wrong, and what is going on?"),
    ("snoop explain --stream --group 239.1.1.1", "Who gets this stream, and why do the others "
                                                 "not?"),
)  # fmt: skip


@click.command()
def manual() -> None:
    """Print the man page: snoop manual | man -l -."""
    click.echo(page(), nl=False)


def page() -> str:
    """The page as roff with man(7) macros."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    from snoop.cli.main import cli
    from snoop.control.kinds import KINDS

    yield f'.TH SNOOP 8 "{DATE}" "snoop {__version__}" "System Administration"'
    yield ".SH NAME"
    yield r"snoop \- IGMP and MLD snooping switch"
    yield ".SH SYNOPSIS"
    yield r".B snoop"
    yield r"[\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGUMENTS\fR]"
    yield ".SH DESCRIPTION"
    yield from _text(_DESCRIPTION)
    yield ".SH OPTIONS"
    context = click.Context(cli, info_name="snoop", **cli.context_settings)
    yield from _options(context)
    yield ".SH COMMANDS"
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        yield from _command(click.Context(command, info_name=name, parent=context))
    yield ".SH CONFIGURATION"
    yield from _configuration()
    yield ".SH COUNTERS"
    yield from _counters()
    yield from _section("EVENTS", tuple(KINDS.items()))
    yield from _section("EXIT STATUS", _STATUS)
    yield from _section("SIGNALS", _SIGNALS)
    yield from _section("ENVIRONMENT", _ENVIRONMENT)
    yield from _section("FILES", _FILES)
    yield from _section("EXAMPLES", _EXAMPLES)
    yield ".SH SEE ALSO"
    yield ".BR bridge (8),"
    yield ".BR systemd.service (5),"
    yield ".BR packet (7)"
    yield ".PP"
    yield from _text("RFC 4541, RFC 9776 (IGMPv3), RFC 2236 (IGMPv2), RFC 4286 (MRD), RFC 9166.")


def _command(context: click.Context) -> Iterator[str]:
    """One command, then the commands below it."""
    command = context.command
    path = context.command_path.removeprefix("snoop ")
    usage = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    if isinstance(command, click.Group):
        usage = ["COMMAND"]
    yield f".SS {_escaped(' '.join([path, *usage]))}"
    yield from _text(command.help or "")
    yield from _options(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _command(click.Context(below, info_name=name, parent=context))


def _options(context: click.Context) -> Iterator[str]:
    for option in context.command.get_params(context):
        record = option.get_help_record(context)
        # Arguments are in the heading; --help is every command's, and told once.
        if isinstance(option, click.Argument) or ("--help" in option.opts and context.parent):
            continue
        if record is not None:
            yield from _item(*record)


def _configuration() -> Iterator[str]:
    from snoop.cli import example

    yield from _text(
        "TOML. Every key may be left out; times are seconds and take fractions. The file is "
        "checked whole before anything opens: `snoop config check FILE` does only that, and "
        "`snoop config example` prints a complete one."
    )
    for heading, keys in example.reference():
        yield f".SS {_escaped(heading)}"
        rest = example.REST.get(heading.strip("[]"))
        if rest is not None:
            yield from _text(f"Those below, {rest}.")
        for key in keys:
            yield from _item(
                key.name,
                f"{_sentence(key.meaning)} Allowed: {key.allowed}. {key.default}"
                + (" Takes effect at the next start." if key.restart else ""),
            )


def _counters() -> Iterator[str]:
    from snoop.control.counters import everything

    yield from _text(
        "As in `snoop show counters`, of a port unless they say otherwise. Every received frame "
        "moves rx_frames and exactly one verdict."
    )
    for name, line in everything().items():
        yield from _item(name, _sentence(line))


def _section(title: str, items: tuple[tuple[str, str], ...]) -> Iterator[str]:
    yield f".SH {title}"
    for tag, text in items:
        yield from _item(tag, _sentence(text))


def _item(tag: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield rf"\fB{_escaped(tag)}\fR"
    yield from _text(text)


def _text(text: str) -> Iterator[str]:
    """Paragraphs, one sentence a line as roff likes it; `words` in backquotes become bold."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ".PP"
        for sentence in re.split(r"(?<=[.;]) (?=[A-Z`])", " ".join(paragraph.split())):
            line = re.sub(r"`([^`]+)`", lambda bold: rf"\fB{bold[1]}\fR", _escaped(sentence))
            for part in textwrap.wrap(line, _WIDTH, break_long_words=False, break_on_hyphens=False):
                yield rf"\&{part}" if part.startswith(".") else part


def _sentence(text: str) -> str:
    first = text[:1].upper() + text[1:] if text.split(" ")[0].islower() else text
    return first if first.endswith((".", "?")) else f"{first}."


def _escaped(text: str) -> str:
    """Literal text: hyphens that can be copied, quotes and letters roff would take for its own."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    text = text.replace('"', r"\(dq").replace("…", "...")
    return "".join(sign if sign.isascii() else rf"\[u{ord(sign):04X}]" for sign in text)
