"""`coopctl curve explain`: why the hours of a supply's day are as they are (or were at an instant), version by version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from services.staff.offline_options import day
from services.staff.show import JsonOption, out, print_json, table

if TYPE_CHECKING:  # the group is offline for its other commands: what talks to services is loaded when this one runs
    from coop.metering.v1 import metering_service_pb2 as pb

    from services.staff.names import Names

METHODS = {
    0: "missing",
    1: "1 measured",
    2: "2 close, by profile",
    3: "3 scaled to close",
    4: "4 self-reading",
    5: "5 by history",
    6: "6 contracted power",
    7: "7 estimated elsewhere",
    9: "9 doubtful",
}
COLUMNS = ("Hour", "Period", "Import Wh", "Export Wh", "Method", "Usual Wh", "Known since", "From", "")
QUARTERS = ("Hour", ":00", ":15", ":30", ":45", "Highest W")
NUMBERS = ("Import Wh", "Export Wh", "Usual Wh")


def _checked(text: str) -> str:
    _instant(text)
    return text


def _instant(text: str) -> datetime | None:
    """An instant as `curve explain` prints them. It prints whole seconds: one without a fraction is meant to its end."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text[:60]!r} is no instant: write it as 2026-11-05T10:30:00, on your own clock, or with +01:00 or Z."
        ) from None
    if "T" not in text.upper() and " " not in text:
        raise typer.BadParameter(f"{text[:60]!r} is a day, not an instant: write 2026-11-05T10:30:00.")
    aware = found.astimezone(UTC)
    return aware if aware.microsecond else aware + timedelta(microseconds=999_999)


def explain(
    supply: Annotated[str, typer.Argument(metavar="SUPPLY", help="Account number (5555/1), CUPS or id.")],
    date: Annotated[str, typer.Argument(metavar="DATE", callback=day, help="Local day, as 2026-10-25.")],
    language: Annotated[str, typer.Option(help="Of the reasons: es, en; the cooperative's when left out.")] = "",
    known_at: Annotated[
        str,
        typer.Option(
            metavar="INSTANT",
            callback=_checked,
            help="Only what was known then, as 2026-11-05T10:30:00 or with +01:00.",
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Every hour of a day with all its versions: when each became known, by which file, and why it was estimated.

    Usual is what similar hours before make of it (mean, and what lies within two standard deviations); a measured hour
    beyond has a !. Hours that came by quarters have them below, with the power of the highest.
    """
    from coop.metering.v1 import metering_service_pb2 as pb

    from services.staff.desk import signed_in
    from services.staff.names import Names
    from services.staff.plain import plain
    from services.staff.supplies import find

    with signed_in() as office:
        found = find(office, supply)
        request = pb.GetCurveExplanationRequest(supply_id=found.id, day=date, language=language)
        asked = _instant(known_at)
        if asked is not None:
            request.known_at.FromDatetime(asked)
        with office.calling("metering"):
            answer = office.metering.GetCurveExplanation(request, timeout=30)
        _name(Names(office), answer)
    if as_json:
        print_json(plain(answer))
    else:
        _print(answer, known_at)


def _name(names: Names, answer: pb.GetCurveExplanationResponse) -> None:
    """Says who asked by name: sources name the account's id, which `actor` keeps."""
    versions = [version for hour in answer.hours for version in hour.versions]
    versions += [hour.now for hour in answer.hours if hour.HasField("now")]
    names.learn(version.actor for version in versions)
    for version in versions:
        version.source = names.within(version.source, version.actor)


def _print(answer: pb.GetCurveExplanationResponse, known_at: str) -> None:
    from zoneinfo import ZoneInfo

    from services.staff.show import instant

    zone = ZoneInfo(answer.time_zone)
    rows = []
    for hour in answer.hours:
        start = f"{hour.start.ToDatetime(tzinfo=UTC).astimezone(zone):%H:%M %Z}"
        if not hour.versions:
            rows.append((start, hour.tariff_period, "", "", METHODS[0], _usual(hour), "", "", ""))
        for number, version in enumerate(hour.versions, 1):
            last = number == len(hour.versions)
            rows.append(
                (
                    start if number == 1 else "",
                    hour.tariff_period if number == 1 else "",
                    "" if version.missing else f"{version.import_wh:,}",
                    "" if version.missing else f"{version.export_wh:,}",
                    METHODS.get(version.method, str(version.method)),
                    _usual(hour) if last else "",
                    instant(version.known_at),
                    version.source,
                    ("then" if known_at else "now") if last else "",
                )
            )
    table(
        f"Supply {answer.account_number}, {answer.day}{f', as known at {known_at}' if known_at else ''}",
        COLUMNS,
        rows,
        numbers=NUMBERS,
    )
    shared = [(hour, hour.shared) for hour in answer.hours if hour.HasField("shared")]
    if shared:
        settled = [
            (
                f"{hour.start.ToDatetime(tzinfo=UTC).astimezone(zone):%H:%M %Z}",
                *(("missing", "") if made.missing else (f"{made.grid_wh:,}", f"{made.fed_in_wh:,}")),
            )
            for hour, made in shared
        ]
        columns = ("Hour", "From the grid Wh", "Fed in Wh")
        table(f"What sharing {shared[0][1].cau} made of it, as it is billed", columns, settled, numbers=columns[1:])
    quartered = [hour for hour in answer.hours if hour.quarters_wh]
    if quartered:
        parts = [
            (
                f"{hour.start.ToDatetime(tzinfo=UTC).astimezone(zone):%H:%M %Z}",
                *(f"{wh:,}" for wh in hour.quarters_wh),
                f"{len(hour.quarters_wh) * max(hour.quarters_wh):,}",
            )
            for hour in quartered
        ]
        table("Hours that came by quarters: import Wh of each", QUARTERS, parts, numbers=QUARTERS[1:])
    for reason in answer.reasons:
        out.print(
            f"{reason.tariff_period}, {reason.days.start} to {reason.days.end} (case {reason.case}): {reason.sentence}",
            markup=False,
        )


def _usual(hour: pb.ExplainedHour) -> str:
    if not hour.HasField("usual"):
        return ""
    return f"{'! ' if hour.unusual else ''}{hour.usual.mean_wh:,} ({hour.usual.low_wh:,}-{hour.usual.high_wh:,})"
