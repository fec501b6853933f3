"""`coopctl readings estimate`: filling the gaps of curves."""

from __future__ import annotations

from typing import Annotated

import typer
from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod
from services.staff.bills import month
from services.staff.desk import signed_in
from services.staff.plain import plain
from services.staff.show import JsonOption, print_json, say, table
from services.staff.supplies import find

DEADLINE_S = 900.0
COLUMNS = ("Account", "Hours", "Measured Wh", "With estimates Wh")


def estimate(
    period: Annotated[str, typer.Option("--month", callback=month, help="The month, as 2026-10.")],
    supplies: Annotated[
        list[str] | None,
        typer.Option("--supply", help="Only this one: account number, CUPS or id. May be given several times."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be estimated, and store nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Estimate what is missing of a month, by the P.O. 10.5 procedure. Done again, it changes nothing."""
    days = DatePeriod.month(period)
    request = pb.EstimateCurvesRequest(
        request_id=new_id(),
        period=DatePeriodMessage(start=days.start.isoformat(), end=days.end.isoformat()),
        dry_run=dry_run,
    )
    with signed_in() as office:
        request.supply_ids.extend(find(office, supply).id for supply in supplies or ())
        with office.calling("metering"):
            found = list(office.metering.EstimateCurves(request, timeout=DEADLINE_S))
    made = [one for one in found if one.hours_estimated or not one.problem]
    if as_json:
        print_json({"month": period, "dry_run": dry_run, "supplies": [plain(one) for one in found]})
    else:
        _print(f"{'Would be estimated' if dry_run else 'Estimated'} in {period}", made)
        for one in found:
            if one.problem:
                say(f"{one.account_number}: {one.problem}")
    if found and not made:
        raise typer.Exit(1)


def _print(title: str, made: list[pb.EstimateCurvesResponse]) -> None:
    rows = [
        (one.account_number, f"{one.hours_estimated:,}", f"{one.import_wh_measured:,}", f"{one.import_wh_after:,}")
        for one in made
    ]
    table(title, COLUMNS, rows, numbers=COLUMNS[1:])
    reasons = [
        (one.account_number, reason.tariff_period, f"{reason.days.start} to {reason.days.end}", reason.sentence)
        for one in made
        for reason in one.reasons
    ]
    if reasons:
        table("Why", ("Account", "Period", "Days", "Reason"), reasons)
