"""Consumption: the billed periods, and a day, a week, a month, a billed period or any dates hour by hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from services.chassis.errors import NotFound
from services.gateway import session
from services.gateway.compose.comparison import Comparison, compare
from services.gateway.compose.curves import BilledPeriodView, CurveView
from services.gateway.compose.fanout import Part
from services.gateway.compose.spans import BILLED, MONTH, RANGE, WEEK, Span, day_span, month_span, week_span, within
from services.gateway.web import comparison_pictures, meter_readings, not_shown, pictures
from services.gateway.web.consumption_words import span_name, span_url
from services.gateway.web.curve_calls import AskedCurve, Published, ask_periods, ask_published
from services.gateway.web.frame import SupplyPage
from services.gateway.web.range_form import RangeForm
from services.gateway.web.words import locale

blueprint = Blueprint("consumption", __name__)

DAYS_AS_BARS = 62
"""Days that a chart still shows one by one; longer ranges are drawn, and listed, by month."""


@blueprint.get("/s/<supply_id>/consumption")
@session.members_only
def index(supply_id: str) -> ResponseReturnValue:
    page = SupplyPage(supply_id, "consumption")
    asked_periods, asked_published = ask_periods(page.fanout, supply_id), ask_published(page.fanout, supply_id)
    periods, published = asked_periods.part(), asked_published.part()
    newest = published.value.last_day if published.value else None
    meters = meter_readings.of_services(page, meter_readings.FEW)
    return page.render(
        "pages/consumption.html",
        part=periods,
        picture=pictures.months(periods.value) if periods.value else None,
        published=published.value,
        meters=[one for one in meters if one.part.value and one.part.value.readings],
        views=_switcher(supply_id, day_span(newest), published.get(), BILLED) if newest else [],
    )


@blueprint.get("/s/<supply_id>/consumption/<day:start>")
@session.members_only
def period(supply_id: str, start: date) -> ResponseReturnValue:
    """The billed period that starts on that day."""
    page = SupplyPage(supply_id, "consumption")
    asked_periods, asked_published = ask_periods(page.fanout, supply_id), ask_published(page.fanout, supply_id)
    billed, newer, older = place(asked_periods.get(), start)
    return _view(
        page,
        Span(BILLED, billed.period),
        asked_published.get(),
        billed=billed,
        before=(Span(BILLED, older.period), older.month) if older else None,
        after=(Span(BILLED, newer.period), newer.month) if newer else None,
    )


@blueprint.get("/s/<supply_id>/consumption/week/<day:day>")
@session.members_only
def week(supply_id: str, day: date) -> ResponseReturnValue:
    """The week that holds that day, from the reader's first weekday on."""
    page = SupplyPage(supply_id, "consumption")
    return _view(page, week_span(day, locale().first_week_day), ask_published(page.fanout, supply_id).get())


@blueprint.get("/s/<supply_id>/consumption/month/<month:month>")
@session.members_only
def month(supply_id: str, month: date) -> ResponseReturnValue:
    page = SupplyPage(supply_id, "consumption")
    return _view(page, month_span(month), ask_published(page.fanout, supply_id).get())


@blueprint.get("/s/<supply_id>/consumption/range")
@session.members_only
def dates(supply_id: str) -> ResponseReturnValue:
    """The days between two dates that the member writes."""
    page = SupplyPage(supply_id, "consumption")
    published = ask_published(page.fanout, supply_id).get()
    form = RangeForm(request.args)
    asked = bool(request.args)
    if asked and form.validate_for(published):
        return _view(page, Span(RANGE, form.days), published, form=form)
    shown = page.render(
        "pages/consumption_range.html",
        form=form,
        published=published,
        views=_switcher(supply_id, day_span(published.last_day), published, RANGE) if published.last_day else [],
    )
    return (shown, 422) if asked else shown


@blueprint.get("/s/<supply_id>/consumption/day/<day:day>")
@session.members_only
def day(supply_id: str, day: date) -> ResponseReturnValue:
    page = SupplyPage(supply_id, "consumption")
    asked_periods, asked_published = ask_periods(page.fanout, supply_id), ask_published(page.fanout, supply_id)
    span, published = day_span(day), asked_published.get()
    looked = _look(page, span, published)
    if looked is None:
        return not_shown.answer(page, span, published)
    shown = looked.part.get().days[0]
    periods = asked_periods.part().value or []
    return page.render(
        "pages/consumption_day.html",
        day=shown,
        picture=pictures.hours(shown),
        billed=next((one for one in periods if one.period.contains(day)), None),
        **_around(supply_id, span, published),
        **looked.values(),
    )


@dataclass(frozen=True)
class _Looked:
    """A span's curve, and what it is compared with."""

    span: Span
    part: Part[CurveView]
    comparison: Comparison | None

    def values(self) -> dict[str, Any]:
        """For the page."""
        return {
            "part": self.part,
            "span": self.span,
            "comparison": self.comparison,
            "compared": comparison_pictures.compared(self.span, self.comparison) if self.comparison else None,
        }


def _look(page: SupplyPage, span: Span, published: Published) -> _Looked | None:
    """Ask for the days and for those of the year before, both at once. None when no day of them is shown."""
    asked = AskedCurve(page.fanout, page.supply_id, span.days, published)
    if not asked.any:
        return None
    asked_before = AskedCurve(page.fanout, page.supply_id, span.year_before(), published)
    part = asked.part()
    # The year before is an extra: the page does without it when it does not come.
    before = asked_before.part().value if asked_before.any else None
    return _Looked(span, part, compare(span, part.value, before) if part.value and before else None)


def _view(
    page: SupplyPage, span: Span, published: Published, *, billed: BilledPeriodView | None = None, **values: Any
) -> ResponseReturnValue:
    """The page of a week, a month, a billed period or a range."""
    looked = _look(page, span, published)
    if looked is None:
        return not_shown.answer(page, span, published)
    curve = looked.part.value
    by_month = span.days.days > DAYS_AS_BARS
    picture = None
    if curve is not None:
        picture = comparison_pictures.months_of(curve) if by_month else pictures.days(curve, weekdays=span.kind == WEEK)
    return page.render(
        "pages/consumption_view.html",
        billed=billed,
        picture=picture,
        months=comparison_pictures.month_rows(curve) if curve is not None and by_month else [],
        **{**_around(page.supply_id, span, published), **looked.values(), **values},
    )


def _around(supply_id: str, span: Span, published: Published) -> dict[str, Any]:
    """The switcher, the neighbours that are shown, and what can be downloaded."""
    before, after = span.step(-1), span.step(1)
    pieces = within(published.periods, span.days)
    return {
        "name": span_name(span),
        "views": _switcher(supply_id, span, published),
        "before": (before, before.first) if within(published.periods, before.days) else None,
        "after": (after, after.first) if within(published.periods, after.days) else None,
        "first_shown": pieces[0].start if pieces else span.first,
        "last_shown": Span(span.kind, pieces[-1]).last if pieces else span.last,
    }


def _switcher(supply_id: str, span: Span, published: Published, here: str = "") -> list[tuple[str, str, bool]]:
    """(label, address, whether it is this one) of the other ways to look at about the same days."""
    shown = within(published.periods, span.days) or list(published.periods[:1])
    last = Span(span.kind, shown[-1]).last
    week_of, month_of = week_span(last, locale().first_week_day), month_span(last)
    ranged = Span(RANGE, shown[-1] if len(shown) == 1 and span.kind != BILLED else month_of.days)
    here = here or span.kind
    return [
        (_("Day"), span_url(supply_id, day_span(last)), here == "day"),
        (_("Week"), span_url(supply_id, week_of), here == WEEK),
        (_("Month"), span_url(supply_id, month_of), here == MONTH),
        (_("Dates"), span_url(supply_id, ranged), here == RANGE),
    ]


def place(
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
