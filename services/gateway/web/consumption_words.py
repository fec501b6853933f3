"""How spans of consumption are called, where they are, and why hours of them are estimated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from flask import Flask, url_for
from flask_babel import gettext as _

from services.gateway.compose.curves import HourView
from services.gateway.compose.spans import BILLED, DAY, MONTH, RANGE, WEEK, Span
from services.gateway.web.phrases import days_between
from services.gateway.web.words import day, month_of, sentence_case

DOUBTFUL, BY_ANOTHER = 9, 7
"""Ways of obtaining a value that speak for themselves where nobody gave a reason (metering's proto, Hour.method)."""


@dataclass(frozen=True)
class Why:
    """Why some hours are not plainly measured, and how many they are."""

    sentence: str
    hours: int


def reasons(hours: list[HourView]) -> list[Why]:
    """The reasons of estimated hours, in the order in which they first appear."""
    counted = Counter(why for hour in hours if (why := reason(hour)))
    return [Why(sentence, count) for sentence, count in counted.items()]


def reason(hour: HourView) -> str:
    """Why an hour is estimated; empty for a measured one, and where nobody knows."""
    if hour.wh is None or not hour.estimated:
        return ""
    if hour.reason:
        return hour.reason
    if hour.method == DOUBTFUL:
        return _("The meter measured this value and marked it as doubtful.")
    return _("The distributor estimated this value.") if hour.method == BY_ANOTHER else ""


def span_name(span: Span) -> str:
    """What a span is called in a heading: "Miércoles 14 de octubre", "Semana del 5–11 de octubre", "Octubre"."""
    if span.kind == DAY:
        return sentence_case(day(span.first, "full"))
    if span.kind == MONTH:
        return sentence_case(month_of(span.first))
    days = days_between(span.first, span.last).replace("–", "–\u2060")  # a heading breaks elsewhere
    return _("Week of %(days)s", days=days) if span.kind == WEEK else days


def span_link(span: Span, known_by: date) -> str:
    """The same for a link to a neighbour, short. `known_by` is a day of the month that a billed period is known by."""
    if span.kind == DAY:
        return sentence_case(day(span.first, "weekday"))
    if span.kind in (MONTH, BILLED):
        return sentence_case(month_of(known_by))
    return days_between(span.first, span.last, "short")


def span_url(supply_id: str, span: Span) -> str:
    """Where a span is shown."""
    if span.kind == DAY:
        return url_for("consumption.day", supply_id=supply_id, day=span.first)
    if span.kind == WEEK:
        return url_for("consumption.week", supply_id=supply_id, day=span.first)
    if span.kind == MONTH:
        return url_for("consumption.month", supply_id=supply_id, month=span.first)
    if span.kind == RANGE:
        ends = {"first": span.first, "last": span.last}
        boxes = {f"{name}-{part}": getattr(of, part) for name, of in ends.items() for part in ("day", "month", "year")}
        return url_for("consumption.dates", supply_id=supply_id, **boxes)
    return url_for("consumption.period", supply_id=supply_id, start=span.first)


def register(app: Flask) -> None:
    """Give the templates these words."""
    app.jinja_env.globals.update(reasons=reasons, hour_reason=reason, span_link=span_link, span_url=span_url)
