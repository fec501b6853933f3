"""Form fields of the portal: dates in three parts, texts without stray blanks, and errors that came from a service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import Field, StringField
from wtforms.validators import ValidationError

from services.chassis.errors import CoopError
from services.gateway import kept
from services.gateway.web.frame import today
from services.gateway.web.sentences import sentence

_PARTS = ("day", "month", "year")


class TextField(StringField):
    """Text without blanks at its ends: what people paste often carries some."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data: str = valuelist[0].strip() if valuelist else ""


class CivilDateField(Field):
    """A date asked as day, month and year, each in a box of its own; `data` is a `date` or None."""

    def __init__(self, label: Any = None, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, **kwargs)
        self.texts = dict.fromkeys(_PARTS, "")

    @property
    def first_id(self) -> str:
        """The box an error points at."""
        return f"{self.id}-day"

    def parts(self) -> Iterator[tuple[str, str, str, str]]:
        """(name, label, text as typed, autocomplete) of each box."""
        labels = {"day": _("Day"), "month": _("Month"), "year": _("Year")}
        for part in _PARTS:
            yield part, labels[part], self.texts[part], f"bday-{part}"

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        self.process_errors: list[str] = []
        self.data: date | None = None
        if formdata is not None:
            self.texts = {part: formdata.get(f"{self.name}-{part}", "").strip() for part in _PARTS}

    def pre_validate(self, form: Any) -> None:
        self.data = self.read(_("Write the birth date: day, month and year."))
        if not date(1900, 1, 1) <= self.data <= today():
            raise ValidationError(_("The birth date %(date)s is not between 1900 and today.", date=self.written))

    @property
    def written(self) -> str:
        """The three boxes as they were filled in."""
        return "/".join(self.texts[part] or "…" for part in _PARTS)

    def read(self, missing: str) -> date:
        """The date of the three boxes. Raises ValidationError, with the sentence `missing` when all of them are empty."""
        if not any(self.texts.values()):
            raise ValidationError(missing)
        try:
            day, month, year = (int(self.texts[part]) for part in _PARTS)
            found = date(year, month, day)
        except (ValueError, OverflowError):
            raise ValidationError(
                _("%(date)s is not a date of the calendar: write it in numbers, such as 27 3 1979.", date=self.written)
            ) from None
        if year < 1000:
            raise ValidationError(_("Write the year of %(date)s with its four digits.", date=self.written))
        return found


class Form(FlaskForm):
    """A form whose fields may also be found wrong by the service behind it, and that comes back as it was filled in when
    it could not be taken."""

    class Meta(FlaskForm.Meta):
        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            found = super().wrap_formdata(form, formdata)
            return kept.given_back() if found is None and request.method in ("GET", "HEAD") else found

    def take(self, error: CoopError, names: dict[str, str] | None = None) -> None:
        """Show a service's refusal where it belongs: beside the field it names (`names` maps theirs to ours), or above."""
        placed = False
        for violation in error.violations:
            field = self._fields.get((names or {}).get(violation.field, violation.field))
            if field is not None:
                field.errors = [*field.errors, sentence(error, violation)]
                placed = True
        if not placed:
            self.form_errors.append(sentence(error))
