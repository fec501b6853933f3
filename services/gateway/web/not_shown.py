"""Days that the cooperative does not show to the member yet: the page says so, and when it will."""

from __future__ import annotations

from datetime import date, timedelta

from flask_babel import gettext as _

from services.gateway.compose.spans import Span, month_span
from services.gateway.web.consumption_words import span_name
from services.gateway.web.curve_calls import Published
from services.gateway.web.frame import SupplyPage, today
from services.gateway.web.words import day


def answer(page: SupplyPage, span: Span, published: Published) -> tuple[str, int]:
    """The page of days none of which is shown: to who asks for them they are not there. Raises NotFound as render does."""
    newest = month_span(published.last_day) if published.last_day else None
    shown = page.render(
        "pages/consumption_not_shown.html",
        name=span_name(span),
        sentences=sentences(span, published, today()),
        newest=newest,
    )
    return shown, 404


def sentences(span: Span, published: Published, now: date) -> list[str]:
    """Why none of the days is shown, and from when on they are, by what the cooperative publishes."""
    if published.first_day and span.last < published.first_day:
        first = day(published.first_day)
        return [_("They lie before the first hours that can be seen, those of %(day)s.", day=first)]
    why = _("These hours are still to come.") if span.first > now else _("These hours are not shown yet.")
    if not published.from_day:
        return [why, _("You can see them as soon as the invoice that holds them is issued.")]
    opens = shown_from(span.first, published.from_day)
    if opens <= now:
        return [why, _("No reading of them has arrived. You can see them as soon as one does.")]
    if shown_from(span.last, published.from_day) == opens:
        return [why, _("You can see them from %(day)s on, or before if they are billed first.", day=day(opens))]
    return [
        why,
        _("You can see the first of them from %(day)s on, or before if they are billed first.", day=day(opens)),
    ]


def shown_from(measured: date, from_day: int) -> date:
    """The day from which the month of a measured day is shown: day `from_day` of the month after it."""
    return month_span(measured).days.end + timedelta(days=from_day - 1)
