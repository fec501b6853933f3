"""What the consumers' CSV downloads have in common: a heading line, one row an hour (or a quarter), the end as its label.

* Hours by number: 1 + whole hours elapsed since local midnight, so 1 to 23, 24 or 25.
* Hours as ``hh:mm``, 01:00 to 24:00: the same numbers. On the two days of the clock change some programs write the wall
  clock instead; the day's own labels tell (clock_change.py).
* Stamps ``date hh:mm`` with a season flag, or without: then the hour that comes twice is told by its order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from services.metering.domain.formats.clock_change import ChangeDays, Row
from services.metering.domain.formats.columns import Columns, columns_of, header_columns, looks_like_heading
from services.metering.domain.formats.dialect import HEADING, HOUR_NUMBER, OCCURRENCE, Context, Dialect, Reader
from services.metering.domain.formats.fields import TYPE_2_MAX_WH, energy, flag, method, supply_code
from services.metering.domain.formats.lines import BadRow, LineReader, first_lines
from services.metering.domain.formats.sink import NO_INVOICE, Sink
from services.metering.domain.formats.stamps import LocalClock, parse_day, parse_time
from services.metering.domain.formats.table_rows import cells_of
from services.metering.domain.readings import CHANNELS, REAL

_ORDINARY_DAY = 24
_NOT_TOLD = "Which hour a wall clock means on the day of a clock change is not known without the rows around it."
_NAMES = ("The consumption", "The export", "R1", "R2", "R3", "R4")


class ConsumerReader(LineReader):
    """Rows under headings. ``usual``: how the dialect writes its columns, for a file that lost its headings."""

    def __init__(self, sink: Sink, context: Context, usual: Sequence[Columns]) -> None:
        super().__init__(sink, context)
        self._clock = LocalClock(context)
        self._usual = usual
        self._columns = usual[0]
        self._heading: tuple[int, str] | None = None
        """Line and text of the heading."""
        self._around: Mapping[str, str] = {}
        self._told = context.around
        self._borne_out = False
        """Whether a row could be taken with the columns: then a row that cannot is the one that is wrong."""
        self._change_days = ChangeDays(self._clock, sink)
        self._seen_twice: dict[tuple[int, int, int], int] = {}

    def row(self, text: str) -> None:
        if looks_like_heading(text):
            found = header_columns(text)
            if found is None:
                raise BadRow("The heading does not name a supply, a time and a consumption that are known.")
            self._columns, self._heading, self._borne_out = found, (self.line, text), False
            self._around = {HEADING: text}
            return
        if self._borne_out:
            self._take(text, self._columns)
            return
        try:
            self._take(text, self._columns)
        except BadRow as bad:
            self._columns = self._take_as_usual(text, bad)
            if self._heading is not None:
                self.sink.quarantine(*self._heading, "The heading does not fit the rows, which are written as usual.")
                self._heading, self._around = None, {}
        self._borne_out = True

    def around(self) -> Mapping[str, str]:
        """The heading in force."""
        return self._around

    def refused(self, text: str, reason: str) -> None:
        """Quarantine a row. One with a wall clock has its place among those of its day, and keeps what that tells."""
        said = self.said_of(text)
        try:
            cells, places = _cells(text, self._columns), self._columns.places
            wall = _wall_clock(cells, places)
            owner = self.sink.owner(supply_code(cells[places["supply"]])) if wall else 0
            if wall is not None and ("stamp" in places or wall[1] % 60):
                if len(self._clock.quarters_by_wall(*wall)) > 1:
                    said[OCCURRENCE] = str(self._occurrence(owner, *wall))
                    self._count(owner, *wall)
            elif wall is not None and self._clock.hours_in(wall[0]) != _ORDINARY_DAY:
                row = Row(self.line, text, owner, (), REAL, NO_INVOICE, said, self.point(text), reason)
                self._change_days.add(wall[0], wall[1] // 60, row)
                return
        except BadRow:
            pass  # whose it is or its time cannot be read: it tells nothing of the others, nor they of it
        self.sink.quarantine(self.line, text, reason, text, said, self.point(text))

    def _take_as_usual(self, text: str, bad: BadRow) -> Columns:
        """The usual columns that the row has, if it can be taken with them: then the heading is what is wrong."""
        before, self._around = self._around, {}
        for columns in self._usual:
            # A row that has as many fields as the heading is judged by columns of that many only.
            if _fits(text, self._columns) and columns.count != self._columns.count:
                continue
            try:
                self._take(text, columns)
            except BadRow:
                continue
            return columns
        self._around = before
        raise bad

    def _take(self, text: str, columns: Columns) -> None:
        cells = _cells(text, columns)
        owner = self.sink.owner(supply_code(cells[columns.places["supply"]]))
        values = [0] * len(CHANNELS)
        for channel, place, unit in columns.energies:
            values[channel] = energy(_NAMES[channel], cells[place], unit, TYPE_2_MAX_WH, 0 if channel else None)
        quality = method(cells[columns.places["method"]]) if "method" in columns.places else REAL
        invoice = NO_INVOICE
        if "invoice" in columns.places:
            invoice = self.sink.invoice(cells[columns.places["invoice"]][:64])
        row = Row(self.line, text, owner, values, quality, invoice, self._around, self.point(text))
        self._place(row, cells, columns.places)

    def close(self) -> None:
        """The file has ended: the days of the clock change can be told now."""
        super().close()
        self._change_days.resolve_all()

    def _place(self, row: Row, cells: list[str], places: dict[str, int]) -> None:
        if "stamp" in places:
            day_text, _, time = cells[places["stamp"]].strip().partition(" ")
            season = cells[places["season"]].strip() if "season" in places else ""
            day, minutes = parse_day(day_text), parse_time(time)
            if season:
                row.put(self.sink, self._clock.quarter_by_season(day, minutes, flag("The season flag", season)))
            else:
                self._put_by_order(row, day, minutes)
            return
        day, hour = parse_day(cells[places["day"]]), cells[places["hour"]].strip()
        if hour.isdigit() and hour.isascii() and len(hour) <= 2:
            row.put_hour(self.sink, self._clock.hour(day, int(hour)))
            return
        minutes = parse_time(hour)
        if minutes % 60:
            self._put_by_order(row, day, minutes)
        elif self._clock.hours_in(day) == _ORDINARY_DAY:
            row.put_hour(self.sink, self._clock.hour(day, minutes // 60))
        elif self._told is None:
            self._change_days.add(day, minutes // 60, row)
        elif HOUR_NUMBER in self._told:
            row.put_hour(self.sink, self._clock.hour(day, int(self._told[HOUR_NUMBER])))
        else:
            raise BadRow(_NOT_TOLD)

    def _put_by_order(self, row: Row, day: int, minutes: int) -> None:
        """A wall clock without season: of the hour that comes twice, the row's order tells which one is meant."""
        quarters = self._clock.quarters_by_wall(day, minutes)
        if len(quarters) == 1:
            row.put(self.sink, self._clock.check(quarters[0]))
            return
        which = self._occurrence(row.owner, day, minutes)
        quarter = self._clock.check(quarters[which - 1])
        self._count(row.owner, day, minutes)
        replace(row, around={**row.around, OCCURRENCE: str(which)}).put(self.sink, quarter)

    def _occurrence(self, owner: int, day: int, minutes: int) -> int:
        """1 or 2: whether a row with that time of the repeated hour is the first of its supply."""
        if self._told is None:
            return min(self._seen_twice.get((owner, day, minutes), 0) + 1, 2)
        if OCCURRENCE not in self._told:
            raise BadRow(_NOT_TOLD)
        return int(self._told[OCCURRENCE])

    def _count(self, owner: int, day: int, minutes: int) -> None:
        self._seen_twice[owner, day, minutes] = self._seen_twice.get((owner, day, minutes), 0) + 1


def _wall_clock(cells: list[str], places: Mapping[str, int]) -> tuple[int, int] | None:
    """Day and minutes of a row that has the wall clock and no season; None for one that numbers its hours or has one."""
    if "stamp" in places:
        if "season" in places and cells[places["season"]].strip():
            return None
        day, _, time = cells[places["stamp"]].strip().partition(" ")
        return parse_day(day), parse_time(time)
    hour = cells[places["hour"]].strip()
    return (parse_day(cells[places["day"]]), parse_time(hour)) if ":" in hour else None


def _fits(row: str, columns: Columns) -> bool:
    try:
        return bool(_cells(row, columns))
    except BadRow:
        return False


def _cells(text: str, columns: Columns) -> list[str]:
    if columns.closed:
        text = text.rstrip().removesuffix(columns.separator)
    return cells_of(text, columns.separator, columns.count)


def consumer_dialect(
    name: str, usual: Sequence[str], by_header: Callable[[Columns, str], bool], by_rows: Callable[[bytes], bool]
) -> Dialect:
    """A dialect with one of the ``usual`` headings. ``by_header`` is given the columns found and the first row that has
    as many; ``by_rows`` recognises a file without a heading that can be read.
    """
    columns = [found for found in map(columns_of, (heading.split(";") for heading in usual)) if found is not None]

    def recognises(head: bytes) -> bool:
        lines = first_lines(head)
        for at, line in enumerate(lines):
            found = header_columns(line) if looks_like_heading(line) else None
            if found is not None:
                rows = [row for row in lines[at + 1 :] if _fits(row, found)]
                if 2 * len(rows) >= len(lines) - at - 1:
                    return by_header(found, rows[0] if rows else "")
        return by_rows(head)

    def opened(sink: Sink, context: Context) -> Reader:
        return ConsumerReader(sink, context, columns)

    return Dialect(name, recognises, opened)
