"""The `snoop` command: global options, exit codes, and the list of commands.

A command's module is imported when the command runs, so that `snoop show mdb --json` pays only
for what it uses. Whatever goes wrong leaves as one line on stderr and one of the exit codes of
the interface: 1 failed, 2 usage or configuration error, 3 no daemon.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import os
import sys

import click

from snoop import __version__
from snoop.cli import output
from snoop.cli.options import SWITCH, Failure, option
from snoop.cli.session import Session
from snoop.control import client
from snoop.printable import printable

# command: (module below snoop.cli, one line for --help)
_COMMANDS = {
    "run": ("run", "Run the switch in the foreground."),
    "show": ("show", "Show the state of a running switch."),
    "mdb": ("change", "Add or delete static groups."),
    "mrouter": ("change", "Add or delete static router ports."),
    "port": ("port", "Add and delete ports, and set their options."),
    "clear": ("change", "Forget dynamic state."),
    "query": ("change", "Send a query now."),
    "explain": ("explain", "Why a frame goes where it goes."),
    "monitor": ("monitor", "Print events as they happen."),
    "watch": ("watch", "Live screen of groups, ports and rates."),
    "check": ("check", "Look for trouble."),
    "list": ("running", "The switches of this machine."),
    "web": ("web", "A page over all switches of this machine."),
    "metrics": ("metrics", "Print the metrics, as Prometheus reads them."),
    "config": ("config", "Check a configuration file, or print an example."),
    "reload": ("config", "Read the configuration file again."),
    "restart": ("config", "Hand over to a new process; no datagram is lost."),
    "docker": ("docker", "Be a network driver of Docker."),
    "decode": ("decode", "Print the IGMP and MLD messages of a capture."),
    "capture": ("capture", "Write the switch's control frames to a capture."),
    "completion": ("completion", "Print the shell's completion script."),
    "manual": ("manual", "Print the man page."),
}


class _Commands(click.Group):
    """Commands by name, imported on use; errors become a line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"snoop.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, _COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{name}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.command(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@option("-n", "--name", type=SWITCH, metavar="NAME", help="The switch to talk to.  [default: sw0]")
@option("--socket", "path", metavar="PATH", help="Its control socket, instead of a name.")
@click.version_option(__version__, prog_name="snoop")
@click.pass_context
def cli(ctx: click.Context, name: str | None, path: str | None) -> None:
    """An IGMP and MLD snooping software switch for Linux."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)
    if name is not None and ("/" in name or not name):
        raise click.BadParameter("a name, not a path; use --socket for a path", param_hint="--name")
    ctx.obj = Session(name=name, path=path)


def main(args: list[str] | None = None) -> None:
    """Entry point: run the command and exit with its status."""
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Run the command; returns the exit status instead of leaving."""
    output.settle()
    if "_SNOOP_COMPLETE" in os.environ:
        importlib.import_module("snoop.cli.completion")  # which knows the shells
    try:
        status = cli.main(args=args, prog_name="snoop", standalone_mode=False)
        output.finish()
    except Failure as error:
        return _fail(error.format_message(), 1)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context is not None else ""
        return _fail(f"{error.format_message().rstrip('.')}{hint}", 2)
    except click.exceptions.Abort:
        return 1
    except client.Absent as error:
        return _fail(f"{error}{importlib.import_module('snoop.cli.running').instead()}", 3)
    except client.NoDaemon as error:
        return _fail(str(error), 3)
    except client.Refused as error:
        return _fail(str(error), error.code)
    except BrokenPipeError:
        # The reader of our output is gone (`| head`): nobody is left to be told.
        output.abandon()
        return 1
    except OSError as error:  # `> /dev/full`
        output.abandon()
        return _fail(f"cannot write what was asked for: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        return 130
    return status if isinstance(status, int) else 0


def _fail(text: str, status: int) -> int:
    with contextlib.suppress(OSError):
        click.echo("snoop: " + printable(" ".join(text.split())), err=True)
    return status
