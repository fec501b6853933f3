"""`coopctl readings accept`: doubtful readings that somebody has looked at and found right."""

from __future__ import annotations

from typing import Annotated

import typer
from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.ids import new_id
from services.staff.desk import signed_in
from services.staff.offline_options import day
from services.staff.plain import plain
from services.staff.show import JsonOption, print_json, say, table
from services.staff.supplies import find

DEADLINE_S = 60.0


def accept(
    supply: Annotated[str, typer.Argument(metavar="SUPPLY", help="Account number (5555/1), CUPS or id.")],
    start: Annotated[str, typer.Option("--from", metavar="DAY", callback=day, help="First local day, as 2026-10-01.")],
    end: Annotated[str, typer.Option("--to", metavar="DAY", callback=day, help="The day after the last one.")],
    reason: Annotated[str, typer.Option("--reason", help="Why they are right; kept with your name.")],
    service: Annotated[str, typer.Option(help="Id of the service; the electricity when left out.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Count what was measured with a doubt as measured: hours that the meter doubted ('9 doubtful' in 'curve explain'), and
    register readings that validation doubted. Estimates that rest on them are made again, and billing is told.
    """
    with signed_in() as office:
        request = pb.AcceptReadingsRequest(
            request_id=new_id(),
            supply_id=find(office, supply).id,
            service_id=service,
            period=DatePeriodMessage(start=start, end=end),
            reason=reason,
        )
        with office.calling("metering"):
            accepted = office.metering.AcceptReadings(request, timeout=DEADLINE_S)
    if as_json:
        print_json(plain(accepted))
        return
    say(f"Hours accepted: {accepted.hours:,}. Register readings accepted: {len(accepted.readings):,}.")
    if accepted.readings:
        rows = [(one.meter, one.day, one.reading_id) for one in accepted.readings]
        table("Register readings accepted", ("Meter", "Read at midnight of", "Id"), rows)
