"""The form for the days between two dates, asked by GET: looking changes nothing and the address can be kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_wtf import FlaskForm
from wtforms.validators import ValidationError

from services.chassis.periods import DatePeriod
from services.gateway.compose.spans import LONGEST_RANGE, RANGE, Span, within
from services.gateway.web import not_shown
from services.gateway.web.converters import YEARS
from services.gateway.web.curve_calls import Published
from services.gateway.web.fields import CivilDateField, Form
from services.gateway.web.frame import today
from services.gateway.web.words import day


class LookedAtField(CivilDateField):
    """A day that somebody wants to look at."""

    def parts(self) -> Iterator[tuple[str, str, str, str]]:
        for part, label, text, _complete in super().parts():
            yield part, label, text, "off"

    def pre_validate(self, form: Any) -> None:
        found = self.read(_("Write the date: day, month and year."))
        if found.year not in YEARS:
            raise ValidationError(_("There are no readings of the year %(year)s.", year=found.year))
        self.data = found


class RangeForm(Form):
    """Two dates, both included."""

    class Meta(FlaskForm.Meta):  # type: ignore[name-defined]
        csrf = False

    first = LookedAtField(lazy("First day"))
    last = LookedAtField(lazy("Last day"))

    @property
    def days(self) -> DatePeriod:
        """The days asked for, of a form that was found right."""
        return DatePeriod(_of(self.first), _of(self.last) + timedelta(days=1))

    def validate_for(self, published: Published) -> bool:
        """Whether the dates are dates, in order, not too many, and any of them is shown."""
        if not self.validate():
            return False
        first, last = _of(self.first), _of(self.last)
        if last < first:
            problem = _("The last day, %(last)s, is before the first one, %(first)s.", last=day(last), first=day(first))
        elif (last - first).days >= LONGEST_RANGE:
            problem = _(
                "From %(first)s to %(last)s there are %(count)d days: choose at most %(most)d.",
                first=day(first), last=day(last), count=(last - first).days + 1, most=LONGEST_RANGE,
            )  # fmt: skip
        elif not within(published.periods, self.days):
            none = _(
                "No day from %(first)s to %(last)s can be seen: choose other dates.", first=day(first), last=day(last)
            )
            problem = " ".join([none, *not_shown.sentences(Span(RANGE, self.days), published, today())])
        else:
            return True
        self.last.errors = [problem]
        return False


def _of(field: CivilDateField) -> date:
    if field.data is None:
        raise ValueError(f"The field {field.name} has no date: validate the form first.")
    return field.data
