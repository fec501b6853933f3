"""`coopctl curve explain`: why the hours of a supply's day are as they are, version by version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from services.staff.offline_options import day
from services.staff.show import JsonOption, out, print_json, table

if TYPE_CHECKING:  # the group is offline for its other commands: what talks to services is loaded when this one runs
    from coop.metering.v1 import metering_service_pb2 as pb

METHODS = {
    0: "missing",
    1: "1 measured",
    2: "2 close, by profile",
    3: "3 scaled to close",
    4: "4 self-reading",
    5: "5 last year",
    6: "6 contracted power",
    7: "7 estimated elsewhere",
    9: "9 doubtful",
}
COLUMNS = ("Hour", "Period", "Import Wh", "Export Wh", "Method", "Known since", "From", "")
NUMBERS = ("Import Wh", "Export Wh")


def explain(
    supply: Annotated[str, typer.Argument(metavar="SUPPLY", help="Account number (5555/1), CUPS or id.")],
    date: Annotated[str, typer.Argument(metavar="DATE", callback=day, help="Local day, as 2026-10-25.")],
    language: Annotated[str, typer.Option(help="Of the reasons: es, en; the cooperative's when left out.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Every hour of a day with all its versions: when each became known, by which file, and why it was estimated."""
    from coop.metering.v1 import metering_service_pb2 as pb

    from services.staff.desk import signed_in
    from services.staff.plain import plain
    from services.staff.supplies import find

    with signed_in() as office:
        found = find(office, supply)
        request = pb.GetCurveExplanationRequest(supply_id=found.id, day=date, language=language)
        with office.calling("metering"):
            answer = office.metering.GetCurveExplanation(request, timeout=30)
    if as_json:
        print_json(plain(answer))
    else:
        _print(answer)


def _print(answer: pb.GetCurveExplanationResponse) -> None:
    from datetime import UTC
    from zoneinfo import ZoneInfo

    from services.staff.show import instant

    zone = ZoneInfo(answer.time_zone)
    rows = []
    for hour in answer.hours:
        start = f"{hour.start.ToDatetime(tzinfo=UTC).astimezone(zone):%H:%M %Z}"
        if not hour.versions:
            rows.append((start, hour.tariff_period, "", "", METHODS[0], "", "", ""))
        for number, version in enumerate(hour.versions, 1):
            now = number == len(hour.versions)
            rows.append(
                (
                    start if number == 1 else "",
                    hour.tariff_period if number == 1 else "",
                    "" if version.missing else f"{version.import_wh:,}",
                    "" if version.missing else f"{version.export_wh:,}",
                    METHODS.get(version.method, str(version.method)),
                    instant(version.known_at),
                    version.source,
                    "now" if now else "",
                )
            )
    table(f"Supply {answer.account_number}, {answer.day}", COLUMNS, rows, numbers=NUMBERS)
    for reason in answer.reasons:
        out.print(
            f"{reason.tariff_period}, {reason.days.start} to {reason.days.end} (case {reason.case}): {reason.sentence}",
            markup=False,
        )
