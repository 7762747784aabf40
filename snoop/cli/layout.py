"""Tables and texts laid out for a terminal of any width from 60, or for a pipe: a row a line.

Nothing is ever broken but at a space, and no line ends in one: what stands in a cell can be taken
with the mouse or with `awk`. Only for eyes all the same: scripts take --json.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import click

WIDTH_MIN = 60


@dataclass(slots=True)
class Table:
    """Rows of text below headings, with notes below them.

    Into a file or a pipe one row is one line. A terminal that is too narrow gets the columns that
    may be folded at spaces, then what does not fit on lines of its own: a word is never broken.
    """

    headings: Sequence[str]
    lines: list[Sequence[str]]
    right: Sequence[str] = ()
    fold: Sequence[str] = ()
    notes: list[str] = field(default_factory=list)

    def insert(self, after: str, heading: str, cells: Sequence[str | None]) -> Table:
        """A column more, which may be folded, unless all of it is empty: no table is wider for who
        has nothing there.
        """
        if any(cells):
            self.fold = [*self.fold, heading]
            at = list(self.headings).index(after) + 1
            self.headings = [*self.headings[:at], heading, *self.headings[at:]]
            self.lines = [
                [*line[:at], cell or "", *line[at:]]
                for line, cell in zip(self.lines, cells, strict=True)
            ]
        return self

    def text(self, width: int | None = None) -> list[str]:
        """Its lines; `width` None: as wide as they are."""
        cells = [self.headings, *self.lines]
        columns = range(len(self.headings))
        natural_widths = [max(len(row[at]) for row in cells) for at in columns]
        widths, gap = natural_widths, 2
        if width is not None and _total(widths, gap) > width:
            gap = 1
            widths = self._narrowed(natural_widths, width)
        made = [line for row in cells for line in self._row(row, widths, gap, width)]
        return made + [line for note in self.notes for line in paragraph(note, width)]

    def _narrowed(self, widths: list[int], width: int) -> list[int]:
        widths = list(widths)
        least = {
            at: max(
                len(word)
                for row in [self.headings, *self.lines]
                for word in (row[at].split() or [""])
            )
            for at, heading in enumerate(self.headings)
            if heading in self.fold
        }
        while _total(widths, 1) > width:
            wide = [at for at, minimum in least.items() if widths[at] > minimum]
            if not wide:
                break
            widest = max(wide, key=lambda at: widths[at])
            widths[widest] -= 1
        return widths

    def _row(
        self, row: Sequence[str], widths: list[int], gap: int, width: int | None
    ) -> Iterator[str]:
        """One row: a line, or several if cells are folded or columns do not fit beside others."""
        for columns in _pages(widths, gap, width):
            cells = {at: _folded(row[at], widths[at]) for at in columns}
            for number in range(max(map(len, cells.values()))):
                parts = []
                for at in columns:
                    cell = cells[at][number] if number < len(cells[at]) else ""
                    aligned = str.rjust if self.headings[at] in self.right else str.ljust
                    parts.append(aligned(cell, widths[at]))
                indent = "" if columns[0] == 0 else "    "
                yield (indent + (" " * gap).join(parts)).rstrip()


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _pages(widths: Sequence[int], gap: int, width: int | None) -> list[list[int]]:
    """The columns of each line of a row."""
    pages: list[list[int]] = [[]]
    room = width
    for at, wide in enumerate(widths):
        taken = [widths[one] for one in pages[-1]]
        if room is not None and taken and _total([*taken, wide], gap) > room:
            pages.append([])
            room = (width or 0) - 4
        pages[-1].append(at)
    return pages


def _folded(cell: str, width: int) -> list[str]:
    if len(cell) <= width:
        return [cell]
    return textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False)


def paragraph(text: str, width: int | None, indent: str = "") -> list[str]:
    """A text as lines of that width."""
    if width is None:
        return [text]
    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is; None if it is none."""
    if not sys.stdout.isatty():
        return None
    return max(WIDTH_MIN, shutil.get_terminal_size().columns)


def table(
    headings: Sequence[str],
    lines: Iterable[Sequence[str]],
    *,
    right: Sequence[str] = (),
    fold: Sequence[str] = (),
) -> Table:
    """A table; the headings in `right` are numbers, those in `fold` lists or sentences."""
    return Table(headings, list(lines), right=right, fold=fold)


def show(*parts: str | Table) -> None:
    """Print to stdout: lines as they are, and tables as wide as the terminal lets them."""
    width = terminal_width()
    for part in parts:
        if isinstance(part, str):
            click.echo(
                "\n".join(
                    line for one in part.split("\n") for line in paragraph(one, width) or [""]
                )
            )
            continue
        head, *rest = part.text(width)
        click.echo(click.style(head, bold=True) if width is not None else head)
        for line in rest:
            click.echo(line)
