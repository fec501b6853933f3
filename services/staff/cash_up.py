"""`coopctl payments cash-up`: what came in and went back on a day, and closing the till."""

from __future__ import annotations

from typing import Annotated

import typer
from coop.billing.v1 import payments_service_pb2 as pb
from coop.common.v1.types_pb2 import Money

from services.chassis.ids import new_id
from services.staff.amounts import amount_or_zero
from services.staff.bills import day
from services.staff.desk import signed_in
from services.staff.names import put_names
from services.staff.payment_lists import stub
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, instant, money, print_json, table


def _counted(text: str) -> str:
    return amount_or_zero(text) if text else ""


def cash_up(
    of_day: Annotated[str, typer.Option("--day", callback=day, help="As 2026-11-21; today when left out.")] = "",
    counted: Annotated[
        str, typer.Option("--counted", callback=_counted, help="Closes the till: the cash that is in it, as 245.50.")
    ] = "",
    why: Annotated[str, typer.Option("--why", help="Why it is not what the ledger says; kept with it.")] = "",
    request_id: Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Payments and refunds of a day by method and person, and the till. With --counted the till is closed for that day."""
    with signed_in() as office, office.calling("billing"):
        found = stub(office).GetCashUp(pb.GetCashUpRequest(day=of_day)).cash_up
        if counted:
            request = pb.CloseTillRequest(
                day=found.day,
                counted=Money(amount=counted, currency_code=found.till_closing.currency_code),
                why=why,
                request_id=request_id or new_id(),
            )
            found = stub(office).CloseTill(request).cash_up
        if not as_json:
            put_names(office, found.rows, "person")
            if found.HasField("count"):
                put_names(office, [found.count], "closed_by")
    if as_json:
        print_json({"cash_up": plain(found)})
        return
    rows = [
        (
            row.method,
            row.person,
            row.received_count or "",
            money(row.received) if row.received_count else "",
            row.refunded_count or "",
            money(row.refunded) if row.refunded_count else "",
            row.returned_count or "",
            money(row.returned) if row.returned_count else "",
        )
        for row in found.rows
    ]
    columns = ("Method", "Person", "Payments", "Received", "Refunds", "Refunded", "Returns", "Returned")
    table(f"Cash-up of {found.day}", columns, rows, numbers=columns[2:])
    count = found.count
    closed = found.HasField("count")
    facts(
        "Till",
        (
            ("At the start of the day", money(found.till_opening)),
            ("At the end of the day", money(found.till_closing)),
            ("Counted", money(count.counted) if closed else "not yet"),
            ("Difference", money(count.difference) if closed else ""),
            ("Why", count.why),
            ("Closed", f"{instant(count.closed_at)} by {count.closed_by}" if closed else ""),
        ),
    )
