"""`coopctl bill explain`: why an invoice is what it is, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any

import typer
from coop.billing.v1 import billing_service_pb2 as billing

from services.staff.desk import signed_in
from services.staff.invoice_bundle import bundle_in, facts_of
from services.staff.invoice_explained import explained, short
from services.staff.invoice_hours import rows_of
from services.staff.show import JsonOption, facts, print_json, table

METHODS = {
    "1": "1 measured",
    "2": "2 estimated",
    "3": "3 estimated",
    "4": "4 estimated",
    "5": "5 estimated",
    "6": "6 estimated",
    "7": "7 estimated by another",
    "9": "9 measured, doubtful",
}
CAUSES = {
    "consumption": "Consumption",
    "price": "Prices",
    "days": "Days billed",
    "power": "Contracted power",
    "taxes": "Taxes",
    "other": "Other items",
}
UNITS = {"kwh": "kWh", "m3": "m³"}
CURVE_COLUMNS = (
    "Of line", "Service", "Tariff", "First hour", "Last hour", "Hours", "R", "E", "Missing", "Wh", "Methods", "Curve version",
)  # fmt: skip
READING_COLUMNS = (
    "Of line", "Meter", "Register", "Days (end excluded)", "First", "Last", "Used", "Unit", "Origin", "Reading ids",
)  # fmt: skip


HOUR_COLUMNS = ("Of line", "Hour", "Period", "Wh taken", "Wh given", "Method", "Market EUR/kWh", "Paid EUR/kWh")


def explain(
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="Printed number or id.")],
    hours: Annotated[
        bool, typer.Option("--hours", help="With every hour of the load curve, its tariff period and its lines.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Each line down to quantity and price, the rows of law, the hours or readings behind it, and what changed since last."""
    with signed_in() as office:
        with office.calling("billing"):
            found = office.billing.GetInvoice(billing.GetInvoiceRequest(invoice_id=invoice)).invoice
        kept = facts_of(office, found.id)
        document = explained(found, kept, bundle_in(office, kept), by_hour=hours)
    if as_json:
        print_json(document)
    else:
        _tell(document)


def _tell(document: Mapping[str, Any]) -> None:
    invoice = document["invoice"]
    facts(
        f"Invoice {invoice['number']}",
        (
            ("Account", invoice["account_number"]),
            ("For", invoice["charged_for"]),
            ("Days", f"{invoice['from']} to {invoice['to']} (excluded)"),
            ("Issued", invoice["issue_date"]),
            ("Taxes of", invoice["accrual_date"]),
            ("Total", f"{invoice['total']} {invoice['currency']}"),
            *(_rectified(invoice["rectifies"], invoice["currency"]) if invoice["rectifies"] else ()),
        ),
    )
    _lines(document)
    _rows(document)
    _measured(document)
    _known_otherwise(document["known_otherwise"])
    _difference(document["difference"])


def _rectified(said: Mapping[str, Any], currency: str) -> Iterator[tuple[str, str]]:
    documents = ", ".join(f"{each['number']} of {each['issue_date']}" for each in said["documents"])
    yield "Corrects", f"{documents}, by {said['method']}"
    yield "Because of", f"{said['cause']}: {said['reason']}" if said["reason"] else said["cause"]
    if Decimal(said["interest"]):
        yield "Interest", f"{said['interest']} {currency}, on what was paid too much"
    if said["instalments"]:
        parts = ", ".join(f"{each['amount']} by {each['due_date']}" for each in said["instalments"])
        yield "In parts", parts


def _lines(document: Mapping[str, Any]) -> None:
    codes = [tax["code"] for tax in document["taxes"]]
    rows: list[tuple[object, ...]] = [
        (
            at,
            _name(line),
            _how(line),
            " ".join(code for code in codes if code in line["taxed_by"]),
            line["amount"],
        )
        for at, line in enumerate(document["lines"], start=1)
    ]
    for tax in document["taxes"]:
        how = f"{tax['base']} x {short(tax['rate'])}" + (", raised to the minimum" if tax["minimum_applied"] else "")
        above = " ".join(code for code in codes if code in tax["taxed_by"])
        rows.append(("", f"{tax['description']} ({tax['code']})", how, above, tax["amount"]))
    rows.append(("", "Total", "", "", document["invoice"]["total"]))
    columns = ("No.", "Line", "Calculation", "In the base of", "Amount")
    table("Lines", columns, rows, numbers=("No.", "Amount"))


def _how(line: Mapping[str, Any]) -> str:
    """ "6.4 kW x 31 days x ... (26.4 kW read, 20 kW contracted)"."""
    if line["calculation"] and line["behind"]:
        return f"{line['calculation']} ({line['behind']})"
    return line["calculation"] or line["behind"] or "-"


def _rows(document: Mapping[str, Any]) -> None:
    """Rows of one figure in several lines are told once."""
    found: dict[tuple[str, ...], list[str]] = {}
    for at, line in enumerate(document["lines"], start=1):
        for row in line["rows"]:
            found.setdefault(_row(row), []).append(str(at))
    for tax in document["taxes"]:
        for row in tax["rows"]:
            found.setdefault(_row(row), []).append(tax["code"])
    rows = [(", ".join(of), *row) for row, of in found.items()]
    columns = ("Of line", "Table", "For", "From", "To (excluded)", "Figure", "Source")
    table("Rows of law and agreement", columns, rows, numbers=("Figure",))


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["table"], row["name"], row["start"], row["end"] or "open", row["value"], row["source"])


def _measured(document: Mapping[str, Any]) -> None:
    curves: list[tuple[object, ...]] = []
    readings: list[tuple[object, ...]] = []
    for at, span in enumerate(document["measured"]):
        of = ", ".join(str(line) for line, each in enumerate(document["lines"], start=1) if at in each["measured_in"])
        curve = span["curve"]
        if curve:
            methods = ", ".join(f"{METHODS.get(method, method)}: {count}" for method, count in curve["methods"].items())
            curves.append(
                (
                    of,
                    span["service"],
                    span["tariff"],
                    curve["first"] or "-",
                    curve["last"] or "-",
                    curve["hours"],
                    curve["measured"],
                    curve["estimated"],
                    curve["missing"],
                    curve["import_wh"],
                    methods,
                    curve["curve_version"],
                )
            )
        readings += [(of, *_reading(close)) for close in span["readings"]]
    if curves:
        table("Hours", CURVE_COLUMNS, curves, numbers=("Hours", "R", "E", "Missing", "Wh", "Curve version"))
    hours = list(rows_of(document))
    if hours:
        priced = any(row[-1] for row in hours)  # the last two columns are of what is priced by the hour
        width = len(HOUR_COLUMNS) if priced else len(HOUR_COLUMNS) - 2
        numbers = ("Wh taken", "Wh given", *HOUR_COLUMNS[6:width])
        table("Every hour", HOUR_COLUMNS[:width], [row[:width] for row in hours], numbers=numbers)
    if readings:
        table("Readings", READING_COLUMNS, readings, numbers=("First", "Last", "Used"))


def _reading(close: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        close["meter"],
        close["register"],
        f"{close['from']} to {close['to']}",
        close["initial"],
        close["final"],
        close["used"],
        close["unit"],
        close["origin"],
        ", ".join(close["reading_ids"]),
    )


def _known_otherwise(found: Mapping[str, Any] | None) -> None:
    """Of an invoice that corrects another: what was billed then and is known otherwise now."""
    if found is None:
        return
    if found["hours"]:
        facts(
            "Known otherwise now",
            (
                ("Hours", f"{found['hours']:,}, {found['first']} to {found['last']}"),
                ("Taken", f"{found['import_wh']:+,} Wh"),
                *((("Given", f"{found['export_wh']:+,} Wh"),) if found["export_wh"] else ()),
            ),
        )
    if found.get("by_hour"):
        columns = ("Hour", "Wh taken then", "Now", "Wh given then", "Now", "Method then", "Now")
        names = ("import_wh", "export_wh", "method")
        rows = [
            (
                hour["start"],
                *(
                    "-" if (value := hour[f"{name}_{at}"]) is None else value
                    for name in names
                    for at in ("then", "now")
                ),
            )
            for hour in found["by_hour"]
        ]
        table("Hours known otherwise now", columns, rows, numbers=columns[1:5])
    if found["readings_then"]:
        rows = [("then", *_reading(close)) for close in found["readings_then"]]
        table("Readings billed then", READING_COLUMNS, rows, numbers=("First", "Last", "Used"))


def _difference(difference: Mapping[str, Any] | None) -> None:
    if difference is None:
        return
    rows = [
        (
            CAUSES.get(effect["cause"], effect["cause"]),
            effect["service"],
            _change(effect),
            effect["amount"],
        )
        for effect in difference["effects"]
    ]
    rows.append(("Difference", "", "", difference["amount"]))
    title = f"Against the invoice before, of {difference['previous_total']}"
    table(title, ("Cause", "Service", "Change", "Amount"), rows, numbers=("Change", "Amount"))


def _change(effect: Mapping[str, Any]) -> str:
    """ "14.384 kWh", "1 day"; empty where nothing was counted."""
    if not effect["more"]:
        return ""
    if effect["unit"] == "day":
        return f"{effect['more']} {'day' if abs(Decimal(effect['more'])) == 1 else 'days'}"
    return f"{effect['more']} {UNITS.get(effect['unit'], effect['unit'])}"


def _name(line: Mapping[str, Any]) -> str:
    return " ".join(part for part in (line["description"], line["period"]) if part)
