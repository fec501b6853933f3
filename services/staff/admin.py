"""`coopctl admin`: what an operator does to an installation."""

from __future__ import annotations

import typer

from services.staff import admin_announce, admin_audit, admin_databases, admin_retention, admin_secrets, admin_topics

app = typer.Typer(no_args_is_help=True, help="What an operator does to an installation.")
app.command("secrets")(admin_secrets.secrets_command)
app.add_typer(admin_topics.app, name="topics")
app.add_typer(admin_databases.app, name="databases")
app.add_typer(admin_audit.app, name="audit")
app.add_typer(admin_retention.app, name="retention")
app.command("announce")(admin_announce.announce)
