"""`coopctl backup`: an installation on one machine, kept and brought back. Needs no service and nobody signed in."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from services.chassis.clock import SystemClock
from services.chassis.environment import load
from services.staff.backup import events_commands
from services.staff.backup.check import check
from services.staff.backup.create import create
from services.staff.backup.restore import restore
from services.staff.settings import StaffSettings
from services.staff.show import JsonOption, facts, print_json, say

app = typer.Typer(
    no_args_is_help=True, help="Backups of an installation on one machine: databases, events, documents and keys."
)

app.add_typer(events_commands.app, name="events")

DataDirOption = Annotated[
    Path | None, typer.Option("--data-dir", help="The data folder; COOP_DATA_DIR, or var, when left out.")
]
FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="As 'backup create' wrote it.", exists=True, dir_okay=False)
]


@app.command("create")
def create_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the backup goes; better another disk.")],
    data_dir: DataDirOption = None,
    keep: Annotated[
        int, typer.Option("--keep", min=0, help="Remove older ones but the newest so many; 0 keeps all.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Take a backup while everything runs. It holds the signing keys and personal data: keep it as you keep those."""
    began = time.monotonic()
    taken = create(_data_dir(data_dir), folder, SystemClock(), keep=keep)
    seconds = time.monotonic() - began
    if as_json:
        print_json(
            {
                "file": str(taken.file),
                "instant": taken.manifest.instant,
                "bytes": taken.bytes,
                "files": len(taken.manifest.members),
                "pause_ms": round(taken.pause_s * 1000),
                "seconds": round(seconds, 1),
            }
        )
        return
    facts(
        str(taken.file),
        (
            ("As of", taken.manifest.instant),
            ("Files", len(taken.manifest.members)),
            ("Size", f"{taken.bytes / 1e6:.1f} MB"),
            ("Took", f"{seconds:.1f} s, in which writers waited {taken.pause_s * 1000:.0f} ms"),
        ),
    )
    say("It holds keys and personal data. Try it now and then: coopctl backup verify FILE.")


@app.command("verify")
def verify_command(file: FileArgument, as_json: JsonOption = False) -> None:
    """Read a backup from end to end and look into its databases: would it bring everything back?"""
    found = check(file)
    said: dict[str, Any] = {
        "file": str(file),
        "instant": found.manifest.instant,
        "profile": found.manifest.profile,
        "version": found.manifest.version,
        **found.counts,
        "problems": found.problems,
    }
    if as_json:
        print_json(said)
    else:
        facts(
            str(file), ((name.capitalize(), value) for name, value in said.items() if name not in ("file", "problems"))
        )
        for problem in found.problems:
            say(problem)
        say("This backup has problems: take another." if found.problems else "This backup is whole and sound.")
    if found.problems:
        raise typer.Exit(1)


@app.command("restore")
def restore_command(
    file: FileArgument,
    data_dir: DataDirOption = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put data that are there aside, beside the folder; nothing is deleted.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the data folder what it was. Stop Acometida first; start it afterwards as always."""
    folder = _data_dir(data_dir)
    began = time.monotonic()
    done = restore(file, folder, SystemClock(), replace=replace)
    seconds = time.monotonic() - began
    if as_json:
        print_json(
            {
                "data_dir": str(folder.resolve()),
                "instant": done.manifest.instant,
                "aside": str(done.aside or ""),
                "seconds": round(seconds, 1),
            }
        )
        return
    facts(
        f"{folder.resolve()} is as it was at {done.manifest.instant}.",
        (("Took", f"{seconds:.1f} s"), ("Put aside", done.aside or "")),
    )
    say("What happened after that instant is not in it: 'docs/backup.md' says what to look for.")


def _data_dir(given: Path | None) -> Path:
    return given or load(StaffSettings).data_dir
