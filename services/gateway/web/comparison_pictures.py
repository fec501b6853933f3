"""Pictures of long ranges by month, and of any span beside the year before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flask_babel import gettext as _
from markupsafe import Markup

from services.gateway.compose.comparison import Beside, Comparison
from services.gateway.compose.curves import NO_HOURS, Coverage, CurveView, DayView
from services.gateway.compose.spans import DAY, WEEK, Span
from services.gateway.formatting import month_letter, weekday_name
from services.gateway.web.charts import Bar, Chart, Group, Part, draw
from services.gateway.web.phrases import days_between
from services.gateway.web.pictures import Picture, legend, period_sentence, tariff_legend
from services.gateway.web.words import day as day_words
from services.gateway.web.words import energy, locale, month_of, percent, sentence_case

_LONG = 62
"""Days beyond which bars are months."""
_LABELLED = 16
"""Bars that can all be labelled."""
_PHONE_HOURS = 3
"""Hours that a phone draws as one bar."""


@dataclass(frozen=True)
class MonthRow:
    """The days of a range that lie in one month."""

    first: date
    wh: int
    export_wh: int
    coverage: Coverage
    by_period: dict[str, int]
    shown: bool


@dataclass(frozen=True)
class Compared:
    """A comparison as a picture, and its rows as a table: (label, Wh, Wh of the year before). `now` names this year's."""

    now: str
    picture: Picture
    rows: list[tuple[str, int, int]]


def month_rows(curve: CurveView) -> list[MonthRow]:
    """The months of a range, in order."""
    months: dict[tuple[int, int], list[DayView]] = {}
    for day in curve.days:
        months.setdefault((day.day.year, day.day.month), []).append(day)
    return [
        MonthRow(
            first=date(year, month, 1),
            wh=sum(day.wh for day in days),
            export_wh=sum(day.export_wh for day in days),
            coverage=sum((day.coverage for day in days), NO_HOURS),
            by_period=_together(days),
            shown=any(day.shown for day in days),
        )
        for (year, month), days in months.items()
    ]


def months_of(curve: CurveView) -> Picture:
    """A long range by month, each stacked by tariff period."""
    sentence = period_sentence(curve)
    label = Markup(sentence).striptags()
    groups = [Group(month_letter(row.first, locale()), (_month_bar(row),)) for row in month_rows(curve)]
    return Picture(
        sentence,
        draw(Chart("range-phone", label, groups), locale()),
        draw(Chart("range", label, groups), locale()),
        legend(
            tariff_legend(curve.by_period, curve.tariff),
            _("E: some hours are estimated") if curve.coverage.estimated else "",
            "range-key",
        ),
    )


def compared(span: Span, comparison: Comparison) -> Compared:
    """The span beside the year before: by hour, day or month, and on a phone in fewer bars."""
    sentence = _sentence(span, comparison)
    label = Markup(sentence).striptags()
    wide = _besides(span, comparison)
    phone = wide
    if span.kind == DAY:
        phone = [_sum(wide[i : i + _PHONE_HOURS]) for i in range(0, len(wide), _PHONE_HOURS)]
    elif span.kind != WEEK and span.days.days <= _LONG:
        phone = comparison.by_week(span.first)
    now = _("This day") if span.kind == DAY else _("These days")
    picture = Picture(
        sentence,
        draw(Chart("compared-phone", label, _groups(span, phone, phone=True)), locale()),
        draw(Chart("compared", label, _groups(span, wide)), locale()),
        legend([("", now), ("previous", _("A year before"))], "", "compared-key"),
    )
    return Compared(now, picture, [(_row_label(span, one), one.wh, one.before_wh) for one in wide])


def _sentence(span: Span, comparison: Comparison) -> Markup:
    period = comparison.days_before
    last = Span(span.kind, period).last
    before = day_words(period.start, "full") if span.kind == DAY else days_between(period.start, last)
    change = comparison.change
    figures = {"energy": energy(comparison.wh), "before": energy(comparison.before_wh), "days": before}
    if change is None or abs(change) * 200 < 1:
        text = _("As much as a year before (%(days)s): %(energy)s, then %(before)s.")
    elif change > 0:
        text = _("%(share)s more than a year before (%(days)s): %(energy)s, then %(before)s.")
    else:
        text = _("%(share)s less than a year before (%(days)s): %(energy)s, then %(before)s.")
    said = Markup(text) % {**figures, "share": Markup("<strong>{}</strong>").format(percent(abs(change or Decimal(0))))}
    if len(comparison.pairs) < comparison.asked:
        said += " " + _(
            "Of %(asked)d days, the %(count)d that have all their hours in both years are compared.",
            asked=comparison.asked,
            count=len(comparison.pairs),
        )
    return said


def _besides(span: Span, comparison: Comparison) -> list[Beside]:
    if span.kind == DAY:
        return comparison.by_hour()
    return comparison.by_month() if span.days.days > _LONG else comparison.by_day()


def _groups(span: Span, besides: list[Beside], *, phone: bool = False) -> list[Group]:
    """A pair of bars each; of many, every other one is labelled."""
    every = 1 if phone or len(besides) <= _LABELLED else 2
    return [
        Group(
            _axis_label(span, one) if index % every == 0 else "",
            (
                Bar((Part(one.before_wh, "previous"),), f"{_('A year before')}: {energy(one.before_wh)}"),
                Bar((Part(one.wh),), f"{_row_label(span, one)}: {energy(one.wh)}"),
            ),
        )
        for index, one in enumerate(besides)
    ]


def _axis_label(span: Span, beside: Beside) -> str:
    if beside.clock is not None:
        return str(beside.clock)
    if span.kind == WEEK:
        return weekday_name(beside.day, locale())
    return month_letter(beside.day, locale()) if span.days.days > _LONG else str(beside.day.day)


def _row_label(span: Span, beside: Beside) -> str:
    if beside.clock is not None:
        return f"{beside.clock}–{beside.clock + 1}"
    if span.days.days > _LONG:
        return sentence_case(month_of(beside.day))
    return sentence_case(day_words(beside.day, "weekday"))


def _sum(some: list[Beside]) -> Beside:
    first = some[0]
    wh, before_wh = sum(one.wh for one in some), sum(one.before_wh for one in some)
    return Beside(first.day, first.before, wh, before_wh, first.clock)


def _month_bar(row: MonthRow) -> Bar:
    name = month_of(row.first)
    if row.coverage.measured + row.coverage.estimated == 0:
        return Bar((Part(0),), ": ".join((name, _("no readings"))))
    parts = tuple(Part(wh, period.lower()) for period, wh in reversed(row.by_period.items())) or (Part(row.wh),)
    return Bar(parts, f"{name}: {energy(row.wh)}", estimated=row.coverage.estimated > 0)


def _together(days: list[DayView]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for day in days:
        totals.update(day.by_period)
    return {name: totals[name] for name in sorted(totals)}
