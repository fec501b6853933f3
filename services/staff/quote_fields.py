"""Reading a JSON document strictly: exact numbers, civil dates, known fields, each error naming field and value."""

from __future__ import annotations

import codecs
import difflib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from services.chassis.errors import Invalid
from services.chassis.money import round_half_up

MOST_DIGITS = 15
"""More significant digits than these are what a binary fraction leaves behind when it is printed (0.30000000000000004)."""
LIMIT = Decimal(10) ** 9
MOST_BYTES = 10_000_000
"""A quote with a market price for each hour of a year has some 200 kB: what is larger is another file."""
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SHOWN = 60
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_document(name: str, content: bytes) -> Fields:
    """The object of a JSON document. Numbers keep the digits they are written with. Invalid when it is not an object."""
    if not content.strip():
        raise Invalid(f'{name} is empty; a quote is one object, {{"jurisdiction": "es", ...}}.')
    if content.startswith(UTF_16) or b"\0" in content[:2]:
        raise Invalid(f"{name} is not text in UTF-8 but looks like UTF-16; save it again as UTF-8.")
    try:
        found = json.loads(
            content.decode("utf-8-sig"),
            parse_float=_exact,
            parse_int=_exact,
            parse_constant=_no_number,
            object_pairs_hook=_no_repetition,
        )
    except UnicodeDecodeError as wrong:
        raise Invalid(
            f"{name} is not text in UTF-8: byte {wrong.start} cannot be read; save it again as UTF-8."
        ) from None
    except json.JSONDecodeError as wrong:
        raise Invalid(f"{name} is not JSON: {wrong.msg} at line {wrong.lineno}, column {wrong.colno}.") from None
    except RecursionError:
        raise Invalid(f"{name} is not the JSON of a quote: it is nested too deeply.") from None
    if not isinstance(found, dict):
        raise Invalid(f'{name} holds {_shown(found)}; a quote is one object, {{"jurisdiction": "es", ...}}.')
    return Fields(name, "", found)


def read_bytes(path: Path) -> bytes:
    """Invalid with a sentence when the file cannot be read."""
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise _unreadable(path, wrong) from None


def read_file(path: Path) -> bytes:
    """What a quote file has. Invalid with a sentence when it cannot be read, or is larger than a quote can be."""
    try:
        with path.open("rb") as opened:
            return read_stream(str(path), opened)
    except OSError as wrong:
        raise _unreadable(path, wrong) from None


def read_stream(name: str, stream: BinaryIO) -> bytes:
    """The same of what is open already; of what never ends no more is read than a quote can have."""
    content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Invalid(f"{name} is larger than {MOST_BYTES:,} bytes, and a quote has some thousands; give another file.")
    return content


class Fields:
    """An object of the document, with the path to it (`prices.`) for what is said about its fields."""

    def __init__(self, document: str, path: str, values: Mapping[str, Any]) -> None:
        self._document = document
        self.path = path
        self._values = values

    def __contains__(self, field: str) -> bool:
        return self._values.get(field) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def only(self, known: Collection[str], what: str = "field") -> None:
        """Invalid when there is a field that is not known."""
        for field in self._values:
            if field in known:
                continue
            near = [name for name in known if name.lower() == field.lower()]
            near = near or difflib.get_close_matches(field, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
            raise self.wrong(field, f"is not a known {what}; {hint}", value=False)

    def wrong(self, field: str, complaint: str, *, value: bool = True) -> Invalid:
        """The error to raise: `file: prices.power.P1 = 'x' complaint`."""
        shown = f" = {_shown(self._values[field])}" if value and field in self._values else ""
        name = _shortened(f"{self.path}{field}")
        return Invalid(f"{self._document}: {name}{shown} {complaint}", field=name)

    def text(self, field: str, known: Collection[str] = ()) -> str:
        value = self._required(field)
        if not isinstance(value, str) or not value:
            raise self.wrong(field, "must be a text.")
        if known and value not in known:
            raise self.wrong(field, f"is not known; use one of {', '.join(known)}.")
        return value

    def flag(self, field: str) -> bool:
        value = self._required(field)
        if not isinstance(value, bool):
            raise self.wrong(field, "must be true or false.")
        return value

    def day(self, field: str) -> date:
        value = self._required(field)
        if isinstance(value, str) and _DATE.fullmatch(value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                raise self.wrong(field, "is not a day of the calendar.") from None
        raise self.wrong(field, "is not a date; write it as 2026-10-31.")

    def number(self, field: str, *, negative: bool = False) -> Decimal:
        """An exact number, of zero or more unless `negative`, from text or from a JSON number."""
        value = self._required(field)
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = Decimal(value)
        if not isinstance(value, Decimal):
            hint = " with a point for the decimals" if isinstance(value, str) and "," in value else ""
            raise self.wrong(field, f'is not a number; write it as "4.6"{hint}.')
        # By its exponent and before any arithmetic, in which 1e999999999999 would overflow.
        if value and value.adjusted() >= LIMIT.adjusted():
            raise self.wrong(field, f"is absurd; give a number below {LIMIT:,}.")
        if len("".join(map(str, value.as_tuple().digits)).strip("0")) > MOST_DIGITS:
            raise self.wrong(
                field, f"has more than {MOST_DIGITS} digits, as a binary fraction leaves them; write the number meant."
            )
        if value < 0 and not negative:
            raise self.wrong(field, "is negative; give zero or more.")
        return value

    def object(self, field: str) -> Fields:
        value = self._required(field)
        if not isinstance(value, dict):
            raise self.wrong(field, "must be an object.")
        return Fields(self._document, f"{self.path}{field}.", value)

    def objects(self, field: str) -> list[Fields]:
        """The objects of a list; an absent list has none."""
        value = self._values.get(field)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.wrong(field, "must be a list of objects.")
        made = []
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise self.wrong(field, f"must be a list of objects; its item {index} is {_shown(item)}.", value=False)
            made.append(Fields(self._document, f"{self.path}{field}[{index}].", item))
        return made

    def numbers(self, field: str, *, negative: bool = False) -> list[Decimal]:
        """The numbers of a list."""
        value = self._required(field)
        if not isinstance(value, list):
            raise self.wrong(field, "must be a list of numbers.")
        items = Fields(self._document, f"{self.path}{field}.", {str(index): item for index, item in enumerate(value)})
        return [items.number(index, negative=negative) for index in items]

    def by_period(self, field: str, periods: Collection[str]) -> dict[str, Decimal]:
        """Numbers by tariff period; an absent object has none."""
        if field not in self:
            return {}
        found = self.object(field)
        found.only(periods, "period here")
        return {period: found.number(period) for period in periods if period in found}

    def _required(self, field: str) -> Any:
        if field not in self:
            raise self.wrong(field, "is missing; give it.", value=False)
        return self._values[field]


def thousandths_of(given: Fields, name: str, notes: list[str]) -> Iterator[int]:
    """The numbers of a list as whole thousandths."""
    for index, item in enumerate(given.numbers(name)):
        whole = round_half_up(item * 1000, 0)
        if whole != item * 1000:
            notes.append(f"{given.path}{name}.{index} is taken as {whole / 1000}: meters count whole thousandths.")
        yield int(whole)


def thousandth(given: Fields, name: str, notes: list[str]) -> int:
    exact = given.number(name) * 1000
    whole = round_half_up(exact, 0)
    if whole != exact:
        notes.append(f"{given.path}{name} is taken as {whole / 1000}: meters count whole thousandths.")
    return int(whole)


def _exact(text: str) -> Decimal:
    """A JSON number with the digits it is written with."""
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of more than eighteen digits
        return _no_number(_shortened(text))


def _no_number(text: str) -> NoReturn:
    raise Invalid(f"{text} is not a number that can be billed; write the number meant.")


def _no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, value in pairs:
        if field in found:
            raise Invalid(
                f"The field {_shortened(field)!r} stands twice in the same object; leave one of them.", field=field
            )
        found[field] = value
    return found


def _unreadable(path: Path, wrong: OSError) -> Invalid:
    return Invalid(f"{path} cannot be read: {wrong.strerror or wrong}.")


def _shown(value: Any) -> str:
    """A value as the document has it, cut short."""
    if isinstance(value, Decimal):
        return _shortened(str(value))
    return _shortened(json.dumps(value, ensure_ascii=False, default=str) if not isinstance(value, str) else repr(value))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
