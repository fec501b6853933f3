"""`coopctl readings`: what became of readings after they came in, one module a theme."""

from __future__ import annotations

import typer

from services.staff import accepting, doubtful, estimates, profiles, quarantine, self_readings, sharing

app = typer.Typer(
    no_args_is_help=True,
    help="Readings: members' own, rows that were not taken, doubtful ones, estimates of what is missing, and what is shared.",
)
app.add_typer(self_readings.app, name="self")
app.command("estimate")(estimates.estimate)
app.command("doubtful")(doubtful.doubtful)
app.command("accept")(accepting.accept)
app.add_typer(profiles.app, name="profile")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(sharing.app, name="sharing")
