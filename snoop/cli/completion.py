"""`snoop completion`: the shell's script, and the other end of it."""

from __future__ import annotations

import os

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

_BREAKS = ":="


@add_completion_class
class _Bash(BashComplete):
    """Bash cuts words at colons and equals signs, as in a MAC address, and completes the last part.

    So the line itself is read, and what bash has of the word already is not said again.
    """

    source_template = BashComplete.source_template.replace(
        "COMP_CWORD=$COMP_CWORD ", 'COMP_CWORD=$COMP_CWORD COMP_LINE="${COMP_LINE:0:COMP_POINT}" '
    ).replace(  # what ends in an equals sign goes on
        "COMPREPLY+=($value)",
        "COMPREPLY+=($value)\n            [[ $value == *= ]] && compopt -o nospace 2>/dev/null",
    )

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE", "")
        if not line:
            return super().get_completion_args()
        words = split_arg_string(line)
        incomplete = "" if line[-1].isspace() or len(words) < 2 else words.pop()
        return words[1:], incomplete

    def complete(self) -> str:
        args, incomplete = self.get_completion_args()
        had = ""
        if os.environ.get("COMP_LINE"):
            had = incomplete[: max(map(incomplete.rfind, _BREAKS)) + 1]
        items = self.get_completions(args, incomplete)
        for item in items:
            item.value = str(item.value).removeprefix(had)
        return "\n".join(map(self.format_completion, items))


class _Whole(ShellComplete):
    """Zsh and fish put what is offered in the place of the whole word, `--port=p` as well."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        items = super().get_completions(args, incomplete)
        option, given, _ = incomplete.partition("=")
        if given and option.startswith("--"):
            for item in items:
                item.value = f"{option}={item.value}"
        return items


@add_completion_class
class _Zsh(_Whole, ZshComplete):
    """Click's, otherwise."""


@add_completion_class
class _Fish(_Whole, FishComplete):
    """Click's script splits an answer at every comma, also at those of a description (SAY-14)."""

    source_template = FishComplete.source_template.replace(
        'string split ","', 'string split --max 1 ","'
    )


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL: eval "$(snoop completion bash)"."""
    from snoop.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "snoop", "_SNOOP_COMPLETE").source())
