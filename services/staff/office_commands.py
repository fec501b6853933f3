"""The commands of coopctl that ask the services."""

from __future__ import annotations

import typer

from services.staff import (
    accounts,
    admin,
    bills,
    certificates,
    dead_letters,
    document_checks,
    fiscal,
    imports,
    invitations,
    invoice_bundle,
    invoices,
    mandates,
    members,
    messages,
    payments,
    readings_commands,
    reminders,
    remittances,
    routines,
    statements,
    status,
    supplies,
)


def add_to(app: typer.Typer) -> None:
    """Adds them, in the order in which the help lists them."""
    app.command("login")(accounts.login)
    app.command("logout")(accounts.logout)
    app.command("status")(status.status)
    app.add_typer(members.app, name="members")
    app.add_typer(supplies.app, name="supplies")
    app.add_typer(invitations.app, name="invitations")
    app.add_typer(imports.import_app, name="import")
    app.add_typer(imports.imports_app, name="imports")
    app.add_typer(readings_commands.app, name="readings")
    app.add_typer(bills.app, name="bill")
    app.add_typer(invoices.app, name="invoices")
    app.add_typer(invoice_bundle.app, name="invoice")
    app.add_typer(fiscal.app, name="fiscal")
    app.add_typer(payments.app, name="payments")
    app.add_typer(mandates.app, name="mandate")
    app.add_typer(remittances.app, name="remittance")
    app.add_typer(statements.app, name="statement")
    app.add_typer(reminders.app, name="reminders")
    app.add_typer(certificates.app, name="certificate")
    app.add_typer(document_checks.app, name="document")
    app.add_typer(messages.app, name="messages")
    app.add_typer(dead_letters.app, name="dead-letters")
    app.add_typer(accounts.staff_app, name="staff")
    app.add_typer(admin.app, name="admin")
    app.add_typer(routines.app, name="routine")
