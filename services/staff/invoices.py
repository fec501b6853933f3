"""`coopctl invoices`: what was billed to a supply."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from coop.billing.v1 import billing_pb2
from coop.billing.v1 import billing_service_pb2 as pb

from services.staff import disputes
from services.staff.desk import signed_in
from services.staff.documents import save
from services.staff.listing import listed
from services.staff.office import Office
from services.staff.plain import enum_prefix, plain
from services.staff.show import JsonOption, facts, money, print_json, table
from services.staff.supplies import SupplyArgument, find

app = typer.Typer(no_args_is_help=True, help="Invoices.")
app.add_typer(disputes.app, name="dispute")

UNITS = {"kwh": "kWh", "kw": "kW", "m3": "m³", "kvarh": "kVArh"}


@app.command("list")
def list_command(supply: SupplyArgument, as_json: JsonOption = False) -> None:
    """Every invoice of a supply, the newest first."""
    with signed_in() as office:
        found = invoices_of(office, find(office, supply).id)
    if as_json:
        print_json({"invoices": [plain(invoice) for invoice in found]})
        return
    rows = [
        (
            invoice.number,
            invoice.charged_for or f"{invoice.period.start} to {invoice.period.end}",
            invoice.issue_date,
            invoice.due_date,
            money(invoice.total),
            money(invoice.outstanding),
            billing_pb2.InvoiceState.Name(invoice.state).removeprefix(enum_prefix("InvoiceState")).lower(),
            _rectification(invoice),
        )
        for invoice in found
    ]
    columns = (
        "Number",
        "Period (end excluded) or what",
        "Issued",
        "Due",
        "Total",
        "Outstanding",
        "State",
        "Correction",
    )
    table(f"Invoices of {supply}", columns, rows, numbers=("Total", "Outstanding"))


@app.command("show")
def show(
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="Printed number or id.")],
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Also save the printed invoice here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """One invoice with its lines, as it was issued."""
    with signed_in() as office:
        with office.calling("billing"):
            found = office.billing.GetInvoice(pb.GetInvoiceRequest(invoice_id=invoice)).invoice
        if pdf:
            with office.calling("billing"):
                save(
                    pdf,
                    office.billing.GetInvoiceDocument(pb.GetInvoiceDocumentRequest(invoice_id=found.id), timeout=60),
                )
    if as_json:
        print_json({"invoice": plain(found)})
        return
    facts(
        f"Invoice {found.number}",
        (
            ("Account", found.account_number),
            ("For", found.charged_for),
            ("Period", f"{found.period.start} to {found.period.end} (excluded)"),
            ("Issued", found.issue_date),
            ("Due", found.due_date),
            ("Outstanding", money(found.outstanding)),
            ("Rectifies", found.rectifies),
            ("Because", found.rectification_reason),
            ("Rectified by", ", ".join(found.rectified_by)),
        ),
    )
    lines = [
        (
            line.description or line.concept,
            line.period,
            line.quantity,
            UNITS.get(line.unit, line.unit),
            line.unit_price,
            money(line.amount),
        )
        for line in found.lines
    ]
    lines += [(tax.description or tax.tax, "", money(tax.base), "", tax.rate, money(tax.amount)) for tax in found.taxes]
    lines.append(("Total", "", "", "", "", money(found.total)))
    table(
        "Lines",
        ("Concept", "Period", "Quantity", "Unit", "Price", "Amount"),
        lines,
        numbers=("Quantity", "Price", "Amount"),
    )


def _rectification(invoice: billing_pb2.Invoice) -> str:
    """Which invoice it corrects, or which correct it."""
    if invoice.rectifies:
        return f"corrects {invoice.rectifies}"
    return f"corrected by {', '.join(invoice.rectified_by)}" if invoice.rectified_by else ""


def invoices_of(office: Office, supply_id: str) -> list[billing_pb2.Invoice]:
    """All invoices of a supply, the newest first."""
    with office.calling("billing"):
        return list(listed(office.billing.ListInvoices, pb.ListInvoicesRequest(supply_id=supply_id), "invoices"))
