"""Options that the offline tools share: tariff, zone and a half-open range of local dates.

What is wrong with them is wrong use of the command: one sentence, exit code 2.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from services.chassis.periods import parse_date, zone

if TYPE_CHECKING:  # numpy is loaded when a command runs, not for the help
    from services.metering.domain.calendar import TariffCalendar

TariffOption = Annotated[str, typer.Option("--tariff", help="Access tariff: 2.0TD, 3.0TD, 6.1TD ... or flat.")]
ZoneOption = Annotated[
    str,
    typer.Option(
        "--zone",
        help="Tariff zone: peninsula, baleares, canarias, ceuta or melilla; outside Spain, with the tariff flat,"
        " an IANA time zone such as America/Argentina/Buenos_Aires.",
    ),
]


def day(text: str) -> str:
    """A date as written on the command line, `2026-10-24`; empty stays empty."""
    try:
        return parse_date(text).isoformat() if text else ""
    except ValueError as wrong:
        raise typer.BadParameter(f"{wrong}.") from None


def day_range(start: str, end: str) -> tuple[date, date]:
    """The range of `--from` and `--to`, the second excluded; an empty text leaves that side open."""
    from services.metering.domain.hours import END_DAY, FIRST_DAY

    first = date.fromisoformat(start) if start else FIRST_DAY
    last = date.fromisoformat(end) if end else END_DAY
    for option, found in (("--from", first), ("--to", last)):
        if not FIRST_DAY <= found <= END_DAY:
            raise typer.BadParameter(
                f"{option} {found} is outside the calendar: give dates from {FIRST_DAY} to {END_DAY}."
            )
    if last <= first:
        raise typer.BadParameter(
            f"From {first} to {last} there is no day: --to is excluded, so give one after {first} for --to."
        )
    return first, last


def tariff_calendar(tariff: str, zone_name: str) -> TariffCalendar:
    """The calendar of `--tariff` and `--zone`."""
    from services.metering.domain.calendar import calendar

    time_zone(zone_name)
    try:
        return calendar(tariff, zone_name)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from None


def time_zone(zone_name: str) -> str:
    """The IANA name of the clock of a tariff zone; an IANA name stands for itself."""
    from services.metering.domain.calendar import ZONE_TIME
    from services.metering.domain.hours import local_days

    if zone_name in ZONE_TIME:
        return ZONE_TIME[zone_name]
    try:
        name = zone(zone_name).key
    except (ValueError, OSError):
        raise typer.BadParameter(
            f"Zone {zone_name!r} is unknown; known are {', '.join(ZONE_TIME)} and IANA names such as"
            " America/Argentina/Buenos_Aires."
        ) from None
    try:
        local_days(name)
    except ValueError as wrong:
        raise typer.BadParameter(f"Zone {zone_name!r} cannot be used: {wrong}") from None
    return name
