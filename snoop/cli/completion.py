"""`snoop completion`: the shell's script."""

from __future__ import annotations

import click
from click.shell_completion import FishComplete, get_completion_class


class _Fish(FishComplete):
    """Click's script splits an answer at every comma, also at those of a description (SAY-14)."""

    source_template = FishComplete.source_template.replace(
        'string split ","', 'string split --max 1 ","'
    )


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL: eval "$(snoop completion bash)"."""
    from snoop.cli.main import cli

    kind = _Fish if shell == "fish" else get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "snoop", "_SNOOP_COMPLETE").source())
