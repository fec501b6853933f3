"""From rows of text to columns of numbers, a batch at a time.

The usual row converts through whole-column operations; a row that is anything but usual is looked at by itself, so that
one bad row among thousands costs nothing to the others and gets its own reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import accumulate
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.hours import END_DAY, FIRST_DAY, day_number, day_of_number, in_summer
from services.metering.domain.readings import ABSURD_WH, CHANNELS, DOUBTFUL, REAL, ReadingBatch, RefusedRow

_ATTRIBUTES = ("AI", "AE", "R1", "R2", "R3", "R4")
_NUMBER = re.compile(r"[0-9]{1,12}([.,][0-9]{1,12})?")
_STAMP = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})[0-9]{0,3}([SW])")
_STAMP_LENGTH = 18
_INVALID_BIT = 0x80
_DOUBTFUL_BITS = 0x6E  # bits 1, 2, 3, 5 and 6
_PLAIN_DIGITS = 9
METER, MAGNITUDE = "meter", "magnitude"
"""Names under which the meter's serial and Magn are kept with a row that is to be read again."""

MAX_RAW = 4096
"""Characters; a row of more is not kept whole, since nothing in it could be read again."""

_REFUSED = 0  # as a quality: never stored
_MAGNITUDES = {"1": 1, "1000": 1000}

# Day number of the first of each month from FIRST_DAY on, with one more: the difference is the month's length.
_MONTH_STARTS = np.array(
    [day_number(date(y, m, 1)) for y in range(FIRST_DAY.year, END_DAY.year) for m in range(1, 13)]
    + [day_number(END_DAY)],
    np.int64,
)


@dataclass(frozen=True)
class RowRules:
    """What the stamps of a file are read with: winter offset from UTC in hours, the known hours (half-open), and the bounds
    of those that may be called summer time (hours.summer_hours): the instant of a clock change may be written by either clock.
    """

    standard_offset: int
    first_hour: int
    end_hour: int
    summer: NDArray[np.int64]


@dataclass
class MeterRows:
    """Consecutive rows of meters: ``marks`` says at which row each meter begins, with its serial and magnitude text.

    ``texts`` holds the names and values of all rows one after the other, ``sizes`` how many of them each row has: one list
    of plain texts is nothing to the garbage collector, a list for each row is.
    """

    texts: list[str]
    sizes: list[int]
    lines: list[int]
    marks: list[tuple[int, str, str]]


class RawRows:
    """Gathers rows of attributes as expat gives them (name, value, name, value, ...)."""

    def __init__(self) -> None:
        self._rows = MeterRows([], [], [], [])

    def __len__(self) -> int:
        return len(self._rows.lines)

    def open_meter(self, serial: str, magnitude: str) -> None:
        """The rows that follow are of this meter."""
        self._rows.marks.append((len(self), serial, magnitude))

    def add(self, attributes: list[str], line: int) -> None:
        """One row of the meter opened last."""
        rows = self._rows
        rows.texts += attributes
        rows.sizes.append(len(attributes))
        rows.lines.append(line)

    def last_stamp(self) -> str:
        """Fh of the last row of the meter opened last, if there is one that was not taken yet; else empty."""
        rows = self._rows
        if not rows.sizes or (rows.marks and rows.marks[-1][0] >= len(rows.lines)):
            return ""
        last = rows.texts[-rows.sizes[-1] :]
        return dict(zip(last[0::2], last[1::2], strict=True)).get("Fh", "")[:20]

    def take_all(self) -> MeterRows:
        """Everything gathered. Rows that follow still belong to the meter opened last."""
        return self._take(len(self))

    def take_whole_meters(self) -> MeterRows:
        """Everything before the meter opened last."""
        return self._take(self._rows.marks[-1][0] if self._rows.marks else 0)

    def _take(self, count: int) -> MeterRows:
        rows = self._rows
        texts = sum(rows.sizes[:count])
        marks = [mark for mark in rows.marks if mark[0] < count]
        taken = MeterRows(rows.texts[:texts], rows.sizes[:count], rows.lines[:count], marks)
        left = [(max(begin - count, 0), serial, magn) for begin, serial, magn in rows.marks[-1:]]
        self._rows = MeterRows(rows.texts[texts:], rows.sizes[count:], rows.lines[count:], left)
        return taken


def convert(rows: MeterRows, rules: RowRules) -> ReadingBatch:
    """Rows as a batch of readings, in the file's order; the rows that cannot be taken are in ``refused``."""
    count = len(rows.lines)
    begins = np.array([mark[0] for mark in rows.marks] + [count], np.int64)
    of_meter = np.repeat(np.arange(len(rows.marks)), np.diff(begins))
    magnitudes = np.array([_MAGNITUDES.get(mark[2], 0) for mark in rows.marks] or [0], np.int64)
    serials = [mark[1] for mark in rows.marks]
    table = _Table(rows, of_meter)

    stamps = table.column("Fh", "")
    hours = table.numbers(stamps, *_stamp_hours(stamps, rules), lambda text, _: _explain_stamp(text, rules))
    quality = _qualities(table)
    values = np.empty((count, len(CHANNELS)), np.int64)
    for channel, name in enumerate(_ATTRIBUTES):
        values[:, channel] = _energies(table, name, magnitudes[of_meter] if count else magnitudes[:0])
    table.check_meters(magnitudes)

    batch = ReadingBatch(serials, of_meter, hours, values, quality, np.array(rows.lines, np.int64))
    if table.reasons:
        kept = np.ones(count, bool)
        kept[list(table.reasons)] = False
        batch = batch.take(kept)
        batch.refused = table.refusals()
    return batch


class _Table:
    """The rows of a batch by attribute, and the reasons of those refused (the first reason of a row stands)."""

    def __init__(self, rows: MeterRows, of_meter: NDArray[np.int64]) -> None:
        self._rows, self._of_meter = rows, of_meter
        self.reasons: dict[int, tuple[str, str]] = {}
        self._columns = _columns(rows.texts, rows.sizes)

    def column(self, name: str, default: str) -> list[str]:
        found = self._columns.get(name)
        if found is None:
            return [default] * len(self._rows.lines)
        return [default if text is None else text for text in found] if None in found else found  # type: ignore[return-value]

    def refuse(self, row: int, value: str, reason: str) -> None:
        self.reasons.setdefault(row, (value[:120], reason))

    def numbers(
        self,
        texts: list[str],
        values: NDArray[np.int64],
        usual: NDArray[np.bool_],
        explain: Callable[[str, int], int | str],
    ) -> NDArray[np.int64]:
        """``values`` where ``usual``; the other rows get what ``explain`` finds: a number, or the reason to refuse."""
        for row in np.flatnonzero(~usual).tolist():
            found = explain(texts[row], row)
            if isinstance(found, str):
                self.refuse(row, texts[row], found)
            else:
                values[row] = found
        return values

    def check_meters(self, magnitudes: NDArray[np.int64]) -> None:
        """Rows of meters without a serial or with an unknown unit: their energy cannot be told, never guessed."""
        for meter, (_, serial, magnitude) in enumerate(self._rows.marks):
            if serial and magnitudes[meter]:
                continue
            reason = (
                "The meter (Cnt) has no Id."
                if not serial
                else f'The meter has no known unit: Magn is "{magnitude[:20]}", must be 1 (Wh) or 1000 (kWh).'
            )
            for row in np.flatnonzero(self._of_meter == meter).tolist():
                self.reasons[row] = (f'Magn="{magnitude[:20]}"', reason)

    def refusals(self) -> list[RefusedRow]:
        found = []
        for row in sorted(self.reasons):
            _, serial, magnitude = self._rows.marks[self._of_meter[row]]
            texts = {name: text for name, column in self._columns.items() if (text := column[row]) is not None}
            raw = element("S02", texts) if sum(map(len, texts.values())) <= MAX_RAW else ""
            around = {METER: serial, MAGNITUDE: magnitude}
            found.append(RefusedRow(self._rows.lines[row], serial, *self.reasons[row], raw=raw, around=around))
        return found


def element(name: str, attributes: Mapping[str, str]) -> str:
    """An element without content as XML."""
    return f"<{name}{''.join(f' {key}={quoteattr(text)}' for key, text in attributes.items())}/>"


def _columns(texts: list[str], sizes: list[int]) -> dict[str, list[str | None]]:
    """Attribute name -> its text in every row (None where a row lacks it)."""
    if not sizes:
        return {}
    count, width = len(sizes), sizes[0]
    names = texts[0:width:2]
    if sizes.count(width) == count and all(texts[2 * i :: width].count(name) == count for i, name in enumerate(names)):
        return {name: texts[2 * i + 1 :: width] for i, name in enumerate(names)}  # type: ignore[misc]
    ends = list(accumulate(sizes))
    rows = [
        dict(zip(texts[end - size : end : 2], texts[end - size + 1 : end : 2], strict=True))
        for size, end in zip(sizes, ends, strict=True)
    ]
    return {name: [row.get(name) for row in rows] for name in ("Fh", "Bc", *_ATTRIBUTES)}


def _stamp_hours(texts: list[str], rules: RowRules) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Hour starts of the stamps that are written as usual, and which those are."""
    count = len(texts)
    hours = np.zeros(count, np.int64)
    joined = "".join(texts)
    if not joined.isascii() or len(joined) != count * _STAMP_LENGTH or set(map(len, texts)) != {_STAMP_LENGTH}:
        texts = [text if len(text) == _STAMP_LENGTH and text.isascii() else "x" * _STAMP_LENGTH for text in texts]
        joined = "".join(texts)
    signs = np.frombuffer(joined.encode("ascii"), np.uint8).reshape(count, _STAMP_LENGTH)
    digits = signs[:, :17].astype(np.int64) - ord("0")
    summer = signs[:, 17] == ord("S")
    usual = ((digits >= 0) & (digits <= 9)).all(axis=1) & (summer | (signs[:, 17] == ord("W")))
    year = digits[:, :4] @ np.array([1000, 100, 10, 1])
    month, day, hour = (digits[:, i] * 10 + digits[:, i + 1] for i in (4, 6, 8))
    usual &= (year >= FIRST_DAY.year) & (year < END_DAY.year) & (month >= 1) & (month <= 12) & (hour <= 23)
    usual &= (digits[:, 10:14] == 0).all(axis=1)
    index = np.where(usual, (year - FIRST_DAY.year) * 12 + month - 1, 0)
    usual &= (day >= 1) & (day <= (_MONTH_STARTS[index + 1] - _MONTH_STARTS[index]))
    hours[:] = (_MONTH_STARTS[index] + day - 1) * 24 + hour - rules.standard_offset - summer - 1
    usual &= (hours >= rules.first_hour) & (hours < rules.end_hour)
    usual &= in_summer(hours, rules.summer) | ~summer
    return hours, usual


def _explain_stamp(text: str, rules: RowRules) -> int | str:
    """The hour start of an unusual stamp, or why it is none."""
    match = _STAMP.fullmatch(text)
    if match is None:
        return (
            "The stamp Fh is not fourteen digits (YYYYMMDDhhmmss) and a season letter S or W."
            if text
            else "Fh is missing."
        )
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    if not FIRST_DAY.year <= year < END_DAY.year:
        return f"The year {year} is not between {FIRST_DAY.year} and {END_DAY.year - 1}: the meter's clock is wrong."
    try:
        days = day_number(date(year, month, day))
    except ValueError:
        return f"There is no day {year:04}-{month:02}-{day:02}."
    if minute or second or hour > 24:
        return f"{hour:02}:{minute:02}:{second:02} is not the end of a whole hour."
    start = days * 24 + hour - rules.standard_offset - (match[7] == "S") - 1
    if start < rules.first_hour:
        return f"The hour lies before {FIRST_DAY}."
    if start >= rules.end_hour:
        return f"The hour lies in the future (known up to {day_of_number(rules.end_hour // 24)}): the meter's clock is wrong."
    if match[7] == "S" and not in_summer(np.array([start]), rules.summer)[0]:
        return (
            f"The stamp Fh {text} says S, summer time, which {year:04}-{month:02}-{day:02} {hour:02}:00 is not: "
            "which hour it means is not known."
        )
    return start


def _qualities(table: _Table) -> NDArray[np.uint8]:
    texts = table.column("Bc", "")
    known = {text: _quality(text) for text in set(texts)}
    quality = np.array([known[text] for text in texts], np.uint8)
    for row in np.flatnonzero(quality == _REFUSED).tolist():
        invalid = re.fullmatch(r"[0-9A-Fa-f]{2}", texts[row])
        table.refuse(
            row,
            f'Bc="{texts[row]}"',
            "The meter itself marks the reading as invalid (Bc bit 7)."
            if invalid
            else "Bc is not two hexadecimal digits.",
        )
    return quality


def _quality(text: str) -> int:
    if not text:
        return DOUBTFUL  # nothing vouches for the reading
    if not re.fullmatch(r"[0-9A-Fa-f]{2}", text):
        return _REFUSED
    bits = int(text, 16)
    if bits & _INVALID_BIT:
        return _REFUSED
    return DOUBTFUL if bits & _DOUBTFUL_BITS else REAL


def _energies(table: _Table, name: str, magnitude: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole Wh (varh) of one attribute. Import must be there; the others count as zero when the report has none."""
    texts = table.column(name, "" if name == "AI" else "0")
    values, usual = _whole_numbers(texts)
    values *= magnitude
    usual &= values <= ABSURD_WH

    def explain(text: str, row: int) -> int | str:
        return _explain_energy(name, text, int(magnitude[row]))

    return table.numbers(texts, values, usual, explain)


def _whole_numbers(texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Plain digits of every text, and which texts are such."""
    if texts.count("0") == len(texts):  # most meters measure no export and two quadrants of reactive energy at most
        return np.zeros(len(texts), np.int64), np.ones(len(texts), bool)
    spaced = " ".join(texts)
    # The digits of all texts with one blank between two of them: then every text is digits and none is empty.
    if (
        spaced.isascii()
        and spaced.replace(" ", "").isdigit()
        and spaced.count(" ") == len(texts) - 1
        and "" not in texts
        and len(max(texts, key=len)) <= _PLAIN_DIGITS
    ):
        return np.fromstring(spaced, np.int64, sep=" "), np.ones(len(texts), bool)
    usual = [text.isascii() and text.isdigit() and len(text) <= _PLAIN_DIGITS for text in texts]
    numbers = [int(text) if plain else 0 for text, plain in zip(texts, usual, strict=True)]
    return np.array(numbers, np.int64), np.array(usual, bool)


def _explain_energy(name: str, text: str, magnitude: int) -> int | str:
    if not text:
        return f"{name} is missing."
    if text.startswith("-") and _NUMBER.fullmatch(text[1:]):
        return f'{name} is "{text}": an hour cannot measure a negative energy.'
    if _NUMBER.fullmatch(text) is None:
        return f'{name} is "{text[:40]}": not a number.'
    energy = int((Decimal(text.replace(",", ".")) * magnitude).quantize(Decimal(1), ROUND_HALF_UP))
    if energy > ABSURD_WH:
        return f"{name} is {energy:,} Wh in one hour, more than {ABSURD_WH:,} Wh: not credible."
    return energy
