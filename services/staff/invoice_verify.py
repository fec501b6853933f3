"""`coopctl invoice verify`: an invoice calculated a second time from its bundle; no service is asked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from services.chassis.errors import Invalid
from services.staff.show import JsonOption, print_json, say
from services.staff.verify.check import Verdict, verify
from services.staff.verify.document import read
from services.staff.verify.numbers import Unverifiable

BundleArgument = Annotated[
    str, typer.Argument(metavar="BUNDLE", help="A file of 'coopctl invoice bundle'; - reads it here.")
]


def verify_command(bundle: BundleArgument, as_json: JsonOption = False) -> None:
    """Calculate an invoice a second time from its bundle and say everything that differs; needs no service."""
    try:
        verdict = verify(_read(bundle))
    except Unverifiable as problem:
        raise Invalid(f"{bundle}: {problem}", "UNVERIFIABLE") from problem
    if as_json:
        print_json(_plain(verdict))
    else:
        _tell(verdict)
    if not verdict.holds:
        raise typer.Exit(1)


def _read(path: str) -> Any:
    try:
        return read(sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8"))
    except OSError as wrong:
        raise Invalid(f"{path} cannot be read: {wrong.strerror or wrong}.", "UNREADABLE") from wrong
    except UnicodeDecodeError as wrong:
        raise Invalid(f"{path} is not a bundle: it is not text in UTF-8 ({wrong}).", "UNREADABLE") from wrong


def _tell(verdict: Verdict) -> None:
    for difference in verdict.differences:
        say(difference)
    if verdict.holds:
        hours = f" and {verdict.hours:,} hours" if verdict.hours else ""
        typer.echo(f"{verdict.number} holds: {verdict.lines} lines{hours} give {verdict.calculated_total} again.")
    else:
        typer.echo(
            f"{verdict.number} does not hold: {verdict.printed_total} printed, {verdict.calculated_total} calculated again."
        )


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {
        "invoice": verdict.number,
        "holds": verdict.holds,
        "printed_total": str(verdict.printed_total),
        "calculated_total": str(verdict.calculated_total),
        "lines": verdict.lines,
        "hours": verdict.hours,
        "differences": list(verdict.differences),
    }
