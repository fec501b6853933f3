"""Consumption: the billed periods, one of them by day, a day by hour, and the download."""

from __future__ import annotations

from datetime import date, timedelta

from coop.common.v1 import types_pb2
from coop.metering.v1 import metering_service_pb2 as metering
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from werkzeug.routing import BaseConverter, ValidationError

from services.chassis.errors import NotFound
from services.chassis.periods import DatePeriod
from services.gateway import session
from services.gateway.compose import csv_file
from services.gateway.compose.curves import BilledPeriodView, CurveView
from services.gateway.compose.fanout import Asked, Fanout
from services.gateway.web import pictures
from services.gateway.web.frame import SupplyPage

blueprint = Blueprint("consumption", __name__)

MANY = 100
"""Billed periods asked for: more than eight years of months."""


class DayConverter(BaseConverter):
    """A civil date in an address: 2026-10-14."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValidationError(f"{value} is not a date of the calendar") from None

    def to_url(self, value: date) -> str:
        return value.isoformat()


@blueprint.get("/s/<supply_id>/consumption")
@session.members_only
def index(supply_id: str) -> ResponseReturnValue:
    page = SupplyPage(supply_id, "consumption")
    periods = ask_periods(page.fanout, supply_id).part()
    picture = pictures.months(periods.value) if periods.value else None
    return page.render("pages/consumption.html", part=periods, picture=picture)


@blueprint.get("/s/<supply_id>/consumption/<day:start>")
@session.members_only
def period(supply_id: str, start: date) -> ResponseReturnValue:
    """The billed period that starts on that day."""
    page = SupplyPage(supply_id, "consumption")
    periods = ask_periods(page.fanout, supply_id).get()
    billed, newer, older = _place(periods, start)
    curve = ask_curve(page.fanout, supply_id, billed.period).part()
    return page.render(
        "pages/consumption_period.html",
        billed=billed,
        newer=newer,
        older=older,
        part=curve,
        picture=pictures.days(curve.value) if curve.value and curve.value.days else None,
    )


@blueprint.get("/s/<supply_id>/consumption/day/<day:day>")
@session.members_only
def day(supply_id: str, day: date) -> ResponseReturnValue:
    page = SupplyPage(supply_id, "consumption")
    fanout = page.fanout
    asked_periods = ask_periods(fanout, supply_id)
    asked_curve = ask_curve(fanout, supply_id, DatePeriod(day, day + timedelta(days=1)))
    curve = asked_curve.get()
    shown = next((one for one in curve.days if one.day == day), None)
    if shown is None:
        raise NotFound(f"There are no hours of {day} to show.")
    periods = asked_periods.part().value or []
    billed = next((one for one in periods if one.period.contains(day)), None)
    return page.render(
        "pages/consumption_day.html",
        day=shown,
        picture=pictures.hours(shown),
        billed=billed,
        before=_neighbour(periods, day, -1),
        after=_neighbour(periods, day, 1),
    )


@blueprint.get("/s/<supply_id>/consumption/<day:start>.csv")
@session.members_only
def csv(supply_id: str, start: date) -> ResponseReturnValue:
    """The hours of a billed period in the distributors' format."""
    page = SupplyPage(supply_id, "consumption")
    billed, _newer, _older = _place(ask_periods(page.fanout, supply_id).get(), start)
    curve = ask_curve(page.fanout, supply_id, billed.period).get()
    supply = page.supply()
    if supply is None:
        raise NotFound("There is no such supply among yours.")
    identifier = supply.cups or supply.account_number
    name = f"{identifier.replace('/', '-')}_{billed.period.start}_{billed.last_day}.csv"
    return Response(
        "".join(csv_file.rows(curve, identifier)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def ask_periods(fanout: Fanout, supply_id: str) -> Asked[list[BilledPeriodView]]:
    """Ask for the billed periods, newest first."""
    return fanout.ask(
        session.upstream().metering.ListBilledPeriods,
        metering.ListBilledPeriodsRequest(supply_id=supply_id, page_size=MANY),
        lambda answer: [BilledPeriodView.of(billed) for billed in answer.periods],
    )


def ask_curve(fanout: Fanout, supply_id: str, period: DatePeriod) -> Asked[CurveView]:
    """Ask for the hours of a range."""
    return fanout.ask(
        session.upstream().metering.GetCurve,
        metering.GetCurveRequest(
            supply_id=supply_id,
            period=types_pb2.DatePeriod(start=period.start.isoformat(), end=period.end.isoformat()),
        ),
        CurveView.of,
    )


def _place(
    periods: list[BilledPeriodView], start: date
) -> tuple[BilledPeriodView, BilledPeriodView | None, BilledPeriodView | None]:
    """The period that starts there, the next newer and the next older. Raises NotFound."""
    for index, billed in enumerate(periods):
        if billed.period.start == start:
            return (
                billed,
                periods[index - 1] if index else None,
                periods[index + 1] if index + 1 < len(periods) else None,
            )
    raise NotFound(f"No billed period starts on {start}.")


def _neighbour(periods: list[BilledPeriodView], day: date, step: int) -> date | None:
    """The day before or after, where it was billed too."""
    other = day + timedelta(days=step)
    return other if any(billed.period.contains(other) for billed in periods) else None
