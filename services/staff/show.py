"""What coopctl prints: tables for people on stdout, one JSON document with `--json`, everything else on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:  # the offline tools print without loading what talks to services
    from coop.common.v1.types_pb2 import Money
    from google.protobuf.timestamp_pb2 import Timestamp

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document for programs instead of a table.")]

PIPED_WIDTH = 250
"""Columns of a table that goes to a file or a program: wide enough that no number is cut."""


def _console(*, stderr: bool = False) -> Console:
    made = Console(stderr=stderr, soft_wrap=True, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = PIPED_WIDTH
    return made


out = _console()
err = _console(stderr=True)


def print_json(document: Any) -> None:
    """The one document of a command with `--json`."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()) -> None:
    """A table for people; columns named in `numbers` are set to the right. An empty table says so."""
    made = Table(header_style="bold", box=None, pad_edge=False)
    for column in columns:
        right = column in numbers
        made.add_column(column, justify="right" if right else "left", no_wrap=right, overflow="fold")
    for row in rows:
        made.add_row(*(Text(_harmless(str(cell))) for cell in row))
    if made.row_count == 0:
        out.print(f"{title}: none.", markup=False)
        return
    # As a line of its own: a title of the table would be folded to the table's width.
    out.print(title, style="bold", markup=False)
    out.print(made, soft_wrap=False)


def facts(title: str, pairs: Iterable[tuple[str, object]]) -> None:
    """Names and values, one pair a line; an empty value is left out."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim")
    made.add_column()
    for name, value in pairs:
        if str(value):
            made.add_row(name, Text(_harmless(str(value))))
    out.print(title, style="bold", markup=False)
    out.print(made, soft_wrap=False)


def say(sentence: str) -> None:
    """A sentence for whoever is watching; on stderr, so that it never mixes with the result."""
    err.print(_harmless(sentence), markup=False)


def _harmless(text: str) -> str:
    """What a file or a service says, without the control characters that would command the reader's terminal."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text)


def money(amount: Money) -> str:
    """`55.44 EUR`; empty when the field is not set."""
    return f"{Decimal(amount.amount):,.2f} {amount.currency_code}" if amount.amount else ""


def instant(at: Timestamp) -> str:
    """A moment in the reader's own time zone; empty when the field is not set."""
    if at.seconds == 0:
        return ""
    return f"{at.ToDatetime(tzinfo=UTC).astimezone():%Y-%m-%d %H:%M:%S}"
