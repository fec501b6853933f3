"""What each chart of the portal shows, with the sentence that comes before it and the legend after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from services.gateway.compose.curves import BilledPeriodView, CurveView, DayView, HourView
from services.gateway.formatting import month_letter, weekday_name
from services.gateway.web.charts import Band, Bar, Chart, Group, Part, draw, swatch
from services.gateway.web.consumption_words import reason
from services.gateway.web.words import day as day_words
from services.gateway.web.words import energy, locale, month_of, percent, tariff_period

PHONE_MONTHS, WIDE_MONTHS = 7, 13


@dataclass(frozen=True)
class Picture:
    """A chart twice (for a phone and for a wide page), its sentence and its legend."""

    sentence: Markup
    phone: Markup
    wide: Markup
    legend: Markup


def months(periods: Sequence[BilledPeriodView]) -> Picture:
    """Billed periods, newest first: the last ones from left to right, each beside the same month a year before."""
    by_month = {(period.month.year, period.month.month): period for period in reversed(periods)}
    sentence = _months_sentence(periods[0], by_month)
    label = Markup(sentence).striptags()

    def groups(count: int) -> list[Group]:
        shown = list(reversed(periods[:count]))
        any_before = any(_year_before(period, by_month) for period in shown)
        return [_month_group(period, _year_before(period, by_month), any_before) for period in shown]

    return Picture(
        sentence,
        draw(Chart("months-phone", label, groups(PHONE_MONTHS)), locale()),
        draw(Chart("months", label, groups(WIDE_MONTHS)), locale()),
        legend(
            [("", _("This year")), ("previous", _("The year before"))]
            if any(_year_before(period, by_month) for period in periods[:WIDE_MONTHS])
            else [],
            _("E: some hours are estimated") if any(period.hours.estimated for period in periods[:WIDE_MONTHS]) else "",
            "months-key",
        ),
    )


def days(curve: CurveView, *, weekdays: bool = False) -> Picture:
    """The days of a span, each stacked by tariff period; named by their weekdays when there are just a few."""
    sentence = period_sentence(curve)
    label = Markup(sentence).striptags()

    def groups(every: int) -> list[Group]:
        return [
            Group(
                weekday_name(day.day, locale()) if weekdays else str(day.day.day) if index % every == 0 else "",
                (_day_bar(day),),
            )
            for index, day in enumerate(curve.days)
        ]

    return Picture(
        sentence,
        draw(Chart("days-phone", label, groups(7)), locale()),
        draw(Chart("days", label, groups(2)), locale()),
        legend(
            tariff_legend(curve.by_period, curve.tariff),
            _("E: some hours are estimated") if curve.coverage.estimated else "",
            "days-key",
            absent=any(day.shown and not day.coverage.measured + day.coverage.estimated for day in curve.days),
        ),
    )


def hours(day: DayView) -> Picture:
    """The hours of a day in the colours of their tariff periods, with the periods named under them."""
    sentence = share_sentence(_("You used %(energy)s."), day.wh, day.by_period) + _fed_in(day.export_wh)
    covered = day.coverage
    if covered.estimated:
        sentence += " " + _estimated_sentence(day, covered.estimated)
    if covered.missing:
        sentence += " " + ngettext("%(num)d hour is missing.", "%(num)d hours are missing.", covered.missing)
    label = Markup(sentence).striptags()

    def groups(every: int) -> list[Group]:
        return [
            Group(str(hour.clock) if hour.clock % every == 0 else "", (_hour_bar(hour, day.tariff),))
            for hour in day.hours
        ]

    return Picture(
        sentence,
        draw(Chart("hours-phone", label, groups(6), _bands(day, short=True)), locale()),
        draw(Chart("hours", label, groups(2), _bands(day, short=False)), locale()),
        legend(
            tariff_legend(day.by_period, day.tariff),
            _("E: estimated") if covered.estimated else "",
            "hours-key",
            absent=covered.missing > 0,
        ),
    )


def _months_sentence(latest: BilledPeriodView, by_month: dict[tuple[int, int], BilledPeriodView]) -> Markup:
    used = Markup("<strong>{}</strong>").format(energy(latest.wh))
    month = month_of(latest.month)
    before = _year_before(latest, by_month)
    if before is None or not before.wh:
        return Markup(_("In %(month)s you used %(energy)s.")) % {"month": month, "energy": used}
    change = Decimal(latest.wh - before.wh) / before.wh
    share = percent(abs(change))
    if abs(change) < Decimal("0.005"):
        text = _("In %(month)s you used %(energy)s, the same as a year ago.")
    elif change > 0:
        text = _("In %(month)s you used %(energy)s, %(share)s more than a year ago.")
    else:
        text = _("In %(month)s you used %(energy)s, %(share)s less than a year ago.")
    return Markup(text) % {"month": month, "energy": used, "share": share}


def period_sentence(curve: CurveView) -> Markup:
    """How much was used in a span, how much of it in peak hours, and what was fed in."""
    opening = _("You used %(energy)s in these days.")
    return share_sentence(opening, curve.wh, curve.by_period) + _fed_in(curve.export_wh)


def _fed_in(wh: int) -> Markup:
    if not wh:
        return Markup("")
    return Markup(" ") + Markup(_("You fed %(energy)s of surplus into the grid.")) % {"energy": energy(wh)}


def _estimated_sentence(day: DayView, count: int) -> str:
    if any(reason(hour) for hour in day.hours):
        return ngettext("%(num)d hour is estimated.", "%(num)d hours are estimated.", count)
    return ngettext(
        "%(num)d hour is estimated: the meter did not answer.",
        "%(num)d hours are estimated: the meter did not answer.",
        count,
    )


def share_sentence(opening: str, wh: int, by_period: dict[str, int]) -> Markup:
    used = Markup(opening) % {"energy": Markup("<strong>{}</strong>").format(energy(wh))}
    if not wh or "P1" not in by_period or len(by_period) < 2:
        return used
    return used + " " + _("%(share)s of it in peak hours.", share=percent(Decimal(by_period["P1"]) / wh))


def _year_before(
    period: BilledPeriodView, by_month: dict[tuple[int, int], BilledPeriodView]
) -> BilledPeriodView | None:
    return by_month.get((period.month.year - 1, period.month.month))


def _month_group(period: BilledPeriodView, before: BilledPeriodView | None, beside: bool) -> Group:
    bars = [_month_bar(period, "")]
    if beside:
        older = _month_bar(before, "previous") if before else None
        bars.insert(0, older or Bar((Part(0),), ""))
    return Group(month_letter(period.month, locale()), tuple(bars))


def _month_bar(period: BilledPeriodView, kind: str) -> Bar:
    title = f"{month_of(period.month)}: {energy(period.wh)}"
    # Last year's bars say how much, not how it was known: one hatching per chart, for the year it is about.
    return Bar((Part(period.wh, kind),), title, estimated=period.hours.estimated > 0 and not kind)


def _day_bar(day: DayView) -> Bar:
    title, covered = f"{day_words(day.day)}: {energy(day.wh)}", day.coverage
    if not day.shown:
        return Bar((Part(0),), "")
    if covered.measured + covered.estimated == 0:
        return Bar((), ": ".join((day_words(day.day), _("no readings"))))
    parts = tuple(Part(wh, name.lower()) for name, wh in reversed(day.by_period.items())) or (Part(day.wh),)
    return Bar(parts, title, estimated=covered.estimated > 0)


def _hour_bar(hour: HourView, tariff: str) -> Bar:
    clock = f"{hour.clock}–{hour.clock + 1}"
    if hour.wh is None:
        return Bar((), ": ".join((clock, _("no reading"))))
    title = f"{clock}: {energy(hour.wh)}"
    if hour.tariff_period:
        title += f", {tariff_period(hour.tariff_period, tariff)}"
    return Bar((Part(hour.wh, hour.tariff_period.lower()),), title, estimated=hour.estimated)


def _bands(day: DayView, short: bool) -> list[Band]:
    bands, start = [], 0
    for name, run in groupby(day.hours, key=lambda hour: hour.tariff_period):
        end = start + len(list(run))
        if name:
            bands.append(Band(start, end, name.lower(), name if short else tariff_period(name, day.tariff)))
        start = end
    return bands


def tariff_legend(by_period: dict[str, int], tariff: str) -> list[tuple[str, str]]:
    if len(by_period) < 2:
        return []
    if tariff != "2.0TD":
        return [(name.lower(), name) for name in by_period]
    return [(name.lower(), f"{tariff_period(name)} ({name})") for name in by_period]


def legend(entries: list[tuple[str, str]], estimated: str, key_id: str, *, absent: bool = False) -> Markup:
    row = Markup("<li>{}{}</li>")
    pieces = [row.format(swatch(kind), text) for kind, text in entries]
    if estimated:
        pieces.append(row.format(swatch("", key_id), estimated))
    if absent:
        pieces.append(row.format(swatch("absent"), _("Dashed: no reading")))
    return Markup("").join(pieces)
