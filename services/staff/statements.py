"""`coopctl statement`: what members owe and how it came to that, and the year for the Spanish tax office."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from coop.billing.v1 import billing_pb2
from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1 import payments_service_pb2 as pb
from coop.common.v1.types_pb2 import DatePeriod
from typer.core import TyperGroup

from services.staff.bills import day, today
from services.staff.desk import signed_in
from services.staff.documents import save
from services.staff.payment_lists import PATIENCE_S, invoices, stub
from services.staff.payment_plans import next_part
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, money, print_json, say, table
from services.staff.supplies import SupplyArgument, find


class _ShownByDefault(TyperGroup):
    """`coopctl statement 5555/1` is the statement of that account: no other command is named like one."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        named = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if named else ["show", *args])


app = typer.Typer(cls=_ShownByDefault, no_args_is_help=True, help="Statements of account: 'statement SUPPLY'.")


@app.command("show")
def show(
    supply: SupplyArgument,
    first: Annotated[str, typer.Option("--from", callback=day, help="First day; a year ago when left out.")] = "",
    last: Annotated[str, typer.Option("--to", callback=day, help="Last day, included; today when left out.")] = "",
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Also save the printed statement here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Opening balance, invoices, payments with what they paid, what went back, credit used, closing balance, and the debt."""
    if first and last and last < first:
        raise typer.BadParameter(f"The last day {last} is before the first, {first}.")
    end = str(date.fromisoformat(last) + timedelta(days=1)) if last else ""
    period = DatePeriod(start=first, end=end)
    with signed_in() as office:
        found = find(office, supply)
        with office.calling("billing"):
            request = billing.GetStatementRequest(supply_id=found.id, period=period)
            statement = office.billing.GetStatement(request).statement
            debt = office.billing.GetDebtState(billing.GetDebtStateRequest(supply_id=found.id)).debt
            if pdf:
                printed = billing.GetStatementDocumentRequest(supply_id=found.id, period=period)
                save(pdf, office.billing.GetStatementDocument(printed, timeout=60))
    if as_json:
        print_json({"statement": plain(statement), "debt": plain(debt)})
        return
    rows = [
        (each.date, each.kind, each.document, each.method, _what(each), _sum(each), money(each.balance))
        for each in statement.entries
    ]
    opening = (statement.period.start, "opening balance", "", "", "", "", money(statement.opening_balance))
    columns = ("Day", "Movement", "Document", "Method", "What it did", "Amount", "Balance")
    table(f"Account {found.account_number}", columns, [opening, *rows], numbers=("Amount", "Balance"))
    facts(
        "Debt now",
        (
            ("Due and unpaid", money(debt.overdue)),
            ("Not yet due", money(debt.not_yet_due)),
            ("Credit", money(debt.credit)),
            ("Closing balance", money(statement.closing_balance)),
            *(("Payment plan", f"{each.state}, next {next_part(each) or 'none'}: {each.id}") for each in debt.plans),
        ),
    )


@app.command("form-347")
def form_347(
    year: Annotated[int, typer.Argument(help="Calendar year.")],
    as_json: JsonOption = False,
) -> None:
    """Holders with more than 3,005.06 EUR of invoices in a year, by quarters, corrections taken away (Spain)."""
    with signed_in() as office, office.calling("billing"):
        found = stub(office).GetForm347(pb.GetForm347Request(year=year), timeout=PATIENCE_S)
    if as_json:
        print_json(plain(found))
        return
    rows = [
        (each.tax_number, each.name, *(money(q) for q in each.quarters), money(each.total)) for each in found.persons
    ]
    columns = ("Tax number", "Name", "Quarter 1", "Quarter 2", "Quarter 3", "Quarter 4", "Year")
    table(f"Form 347 of {found.year}", columns, rows, numbers=columns[2:])
    if year >= int(today()[:4]):
        say(f"{year} is not over: this is what it comes to so far.")


def _sum(entry: billing_pb2.StatementEntry) -> str:
    if entry.kind == "credit_applied":
        return ""
    return money(entry.debit) if _not_zero(entry.debit.amount) else f"-{money(entry.credit)}"


def _not_zero(amount: str) -> bool:
    """Whether decimal text is another amount than zero."""
    return amount.strip("0.") != ""


def _what(entry: billing_pb2.StatementEntry) -> str:
    parts = [invoices(list(entry.settled))] if entry.settled else []
    if _not_zero(entry.credited.amount):
        parts.append(f"credit {money(entry.credited)}")
    return "; ".join(parts)
