"""`coopctl version`: which Acometida this command line belongs to."""

from __future__ import annotations

import typer

from services.chassis.buildinfo import build
from services.staff.show import JsonOption, print_json


def version_command(as_json: JsonOption = False) -> None:
    """Says version, commit and Python of this coopctl; asks no service."""
    here = build()
    if as_json:
        print_json(here.document())
        return
    made = f"{here.commit}, {here.time}" if here.time else here.commit
    typer.echo(f"acometida {here.version} ({made}), Python {here.python}")
