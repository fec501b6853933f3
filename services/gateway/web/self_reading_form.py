"""The form of a self-reading: a box for each register of the meter, the day, and the photo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_wtf.file import FileField
from werkzeug.datastructures import FileStorage
from wtforms.validators import ValidationError

from services.chassis.errors import Invalid
from services.gateway.compose.self_readings import FormView
from services.gateway.web.fields import CivilDateField, Form, TextField
from services.gateway.web.frame import today

_PLAIN = re.compile(r"\d{1,15}")
_GROUPED = re.compile(r"\d{1,3}([ .\u00a0\u202f]\d{3}){1,4}")


class CounterField(TextField):
    """What a register shows: digits, with or without dots or blanks between the thousands. ``value``: the number, None
    when the box is empty."""

    value: int | None = None

    def pre_validate(self, form: Any) -> None:
        text = self.data or ""
        if not text:
            return
        if not _PLAIN.fullmatch(text) and not _GROUPED.fullmatch(text):
            raise ValidationError(
                _(
                    "“%(written)s” is not what a meter shows: write its whole digits, without decimals.",
                    written=text[:20],
                )
            )
        self.value = int(re.sub(r"\D", "", text))


class ReadOnField(CivilDateField):
    """The day on which the meter was read; today until somebody says else."""

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        super().process(formdata, data, extra_filters)
        if not formdata:
            now = today()
            self.texts = {"day": str(now.day), "month": str(now.month), "year": str(now.year)}

    def parts(self) -> Iterator[tuple[str, str, str, str]]:
        for part, label, text, _complete in super().parts():
            yield part, label, text, "off"

    def pre_validate(self, form: Any) -> None:
        self.data = self.read(_("Write the day on which you read the meter."))


class SelfReadingForm(Form):
    """The form; ``form_for`` adds the fields, because meters differ."""

    day: ReadOnField
    photo: FileField

    def counters(self) -> Iterator[CounterField]:
        return (field for field in self if isinstance(field, CounterField))

    def shown(self) -> dict[str, int]:
        """Register -> number, of the boxes that were filled in."""
        return {field.name: field.value for field in self.counters() if field.value is not None}

    def read_on(self) -> date:
        """The day, of a form that was found right."""
        if self.day.data is None:
            raise ValueError("The form has no day: validate it first.")
        return self.day.data

    def photo_within(self, limit: int) -> tuple[bytes, bool]:
        """The photo's bytes, and whether it is small enough; a larger one is not read."""
        file = self.photo.data
        if not isinstance(file, FileStorage):
            return b"", True
        content = file.stream.read(limit + 1)
        return (b"", False) if len(content) > limit else (content, True)

    def object_to(self, error: Invalid, instead: dict[str, str]) -> None:
        """The service's objections beside what they are about, in its words, which are in the reader's language.

        ``instead``: other words for a part about which this side knows better.
        """
        for violation in error.violations:
            field = self._fields.get(violation.field)
            sentence = instead.get(violation.field, violation.description)
            if field is not None:
                field.errors = [*field.errors, sentence]
            else:
                self.form_errors.append(sentence)


def form_for(asked: FormView, labels: dict[str, str]) -> SelfReadingForm:
    """The form of a meter; ``labels`` name its registers."""
    fields: dict[str, Any] = {one.name: CounterField(labels[one.name]) for one in asked.registers}
    fields["day"] = ReadOnField(lazy("Day on which you read it"))
    fields["photo"] = FileField(lazy("Photo of the meter"))
    made: SelfReadingForm = type("MeterForm", (SelfReadingForm,), fields)()
    return made
