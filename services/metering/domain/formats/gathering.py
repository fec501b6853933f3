"""A file taken whole: compact columns while reading, one curve per supply at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.formats.model import MAX_QUARANTINED, MAX_VALUE, CurveFile, SupplyCurve
from services.metering.domain.formats.quarters import by_quarters, worst_quality
from services.metering.domain.formats.sink import NO_INVOICE, Sink
from services.metering.domain.formats.spool import ROW, Spool, parts_of
from services.metering.domain.hours import QUARTERS
from services.metering.domain.readings import IMPORT, NO_QUARTERS, MeterError, ReadingBatch, RefusedRow
from services.metering.domain.registers import RegisterRow

_ASTRAY, _SAME_QUARTER, _MISSING_QUARTERS, _SAME_HOUR = range(4)
"""Why rows that could be read are quarantined, in the order in which it is told when there are too many of them."""


@dataclass(frozen=True)
class _Summed:
    """Hours that were summed of quarters, by owner and hour, with the import Wh of each quarter (n, 4)."""

    owner: NDArray[np.integer]
    hour: NDArray[np.integer]
    wh: NDArray[np.int64]

    def on(self, owner: int, hours: NDArray[np.integer]) -> NDArray[np.int64] | None:
        """The quarters of an owner's hours, ascending; NO_QUARTERS where an hour has none, None where all have none."""
        first, after = np.searchsorted(self.owner, [owner, owner + 1])
        if first == after:
            return None
        place = np.minimum(np.searchsorted(self.hour[first:after], hours), after - first - 1) + first
        return np.where((self.hour[place] == hours)[:, None], self.wh[place], NO_QUARTERS)


_NONE_SUMMED = _Summed(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, QUARTERS), np.int64))


class GatheringSink(Sink):
    """Keeps everything until ``curves`` and then ``finish`` are asked for, rows beyond the first few on disk."""

    def __init__(self) -> None:
        super().__init__()
        self.quarantined: list[RefusedRow] = []
        self.quarantined_count = 0
        self._forms: list[dict[tuple[str, str], int]] = []
        """Of each owner, how often the file writes it in which form."""
        self._invoices: dict[str, int] = {}
        self._members: dict[str, int] = {}
        self._carries_invoices = False
        self._hours, self._quarters = Spool(), Spool()
        self._summed_of = _NONE_SUMMED
        """Of the supplies looked at together, the hours that came by quarters."""
        self._closes: list[RegisterRow] = []
        self._late: tuple[list[tuple[int, RefusedRow]], ...] = ([], [], [], [])
        """Rows refused by what others say, by reason, each with what it is told in the order of."""

    def owner(self, supply: str, meter: str = "") -> int:
        found = super().owner(supply, meter)
        if found == len(self._forms):
            self._forms.append({})
        forms = self._forms[found]
        forms[supply, meter] = forms.get((supply, meter), 0) + 1
        return found

    def invoice(self, number: str) -> int:
        self._carries_invoices = True
        return self._invoices.setdefault(number, len(self._invoices)) if number else NO_INVOICE

    def interval(
        self, line: int, owner: int, last_quarter: int, values: Sequence[int], quality: int, invoice: int = NO_INVOICE
    ) -> None:
        self.seen += 1
        self._quarters.add((owner, self._member(), line, last_quarter, quality, invoice, *values))

    def batch(self, batch: ReadingBatch) -> None:
        if not len(batch):
            return
        owners = np.array([self.owner("", meter) for meter in batch.meters], np.int64)
        rows = np.zeros(len(batch), ROW)
        rows["owner"], rows["member"], rows["line"] = owners[batch.meter], self._member(), batch.line
        rows["start"], rows["quality"], rows["invoice"] = batch.hour, batch.quality, NO_INVOICE
        rows["values"] = batch.values
        self.seen += len(rows)
        self._hours.extend(rows)

    def register(self, row: RegisterRow, raw: str = "", around: Mapping[str, str] | None = None) -> None:
        self.seen += 1
        self._closes.append(row)

    def meter_error(self, error: MeterError) -> None:
        text = f"{error.meter} ErrCode={error.code} ErrCat={error.category}"
        self.quarantine(error.line, text, "The concentrator could not read this meter.")

    def quarantine(
        self,
        line: int,
        value: str,
        reason: str,
        raw: str = "",
        around: Mapping[str, str] | None = None,
        point: str = "",
    ) -> None:
        self.seen += 1
        told = value if point.upper() in value.upper() else f"{point} {value}".strip()
        self.quarantined_count += 1
        if len(self.quarantined) < MAX_QUARANTINED:
            self.quarantined.append(RefusedRow(line, point[:64], told[:MAX_VALUE], reason, self.member, self.dialect))

    def curves(self) -> Iterator[SupplyCurve]:
        """The curve of each supply, in the order of appearance: hours in order, each once, quarters summed to whole hours.

        Everything has been read, and this is asked once; only then are ``finish``'s answers whole.
        """
        owners = len(self._forms)
        bounds = parts_of(self._hours.counts(owners) + self._quarters.counts(owners))
        invoices = list(self._invoices)
        parts = zip(pairwise(bounds), self._hours.parts(bounds), self._quarters.parts(bounds), strict=True)
        for (first, end), hours, quarters in parts:
            self._summed_of = _NONE_SUMMED
            rows = self._settle(np.concatenate([hours, self._whole_hours(quarters)]), _SAME_HOUR)
            limits = np.searchsorted(rows["owner"], np.arange(first, end + 1))
            for owner, (begin, after) in zip(range(first, end), pairwise(limits.tolist()), strict=True):
                if after > begin:
                    yield self._curve(owner, rows[begin:after], invoices)

    def finish(self, file: CurveFile) -> CurveFile:
        """Fill in what was gathered besides the curves."""
        found = [*self.quarantined, *(row for late in self._late for _, row in sorted(late, key=itemgetter(0)))]
        file.closes = self._closes
        file.quarantined = sorted(found[:MAX_QUARANTINED], key=lambda row: (row.member, row.line))
        file.quarantined_count = self.quarantined_count
        return file

    def _curve(self, owner: int, own: NDArray[np.void], invoices: list[str]) -> SupplyCurve:
        curve = SupplyCurve(
            *self._name(owner),
            own["start"].astype(np.int64),
            own["values"].astype(np.int64),
            own["quality"].copy(),
            own["line"].copy(),
            quarters=self._summed_of.on(owner, own["start"]),
        )
        if self._carries_invoices:
            used, first, inverse = np.unique(own["invoice"], return_index=True, return_inverse=True)
            real = used != NO_INVOICE
            by_appearance = np.argsort(first[real], kind="stable")
            renumber = np.full(len(used), NO_INVOICE, np.int32)
            renumber[np.flatnonzero(real)[by_appearance]] = np.arange(int(real.sum()))
            curve.invoices = [invoices[int(used[i])] for i in np.flatnonzero(real)[by_appearance]]
            curve.invoice = renumber[inverse]
        return curve

    def _settle(self, rows: NDArray[np.void], why: int) -> NDArray[np.void]:
        """Rows by owner and hour, each hour once: the last one stands, an earlier different one is quarantined."""
        rows = rows[np.lexsort((rows["start"], rows["owner"]))]  # stable: the file's order within an hour
        again = (rows["owner"][1:] == rows["owner"][:-1]) & (rows["start"][1:] == rows["start"][:-1])
        if not again.any():
            return rows
        for index in np.flatnonzero(again).tolist():
            older, newer = rows[index], rows[index + 1]
            if not (older["values"] == newer["values"]).all() or older["quality"] != newer["quality"]:
                self._quarantine_row(
                    why, older, f"The same hour comes again with other values at line {newer['line']}, which was taken."
                )
        return rows[np.append(~again, True)]

    def _whole_hours(self, rows: NDArray[np.void]) -> NDArray[np.void]:
        """Hours as they are, and quarters summed. A supply whose stamps fall within hours now and then has quarters."""
        if not len(rows):
            return rows
        quartered = by_quarters(rows["owner"], rows["start"])
        hours = rows[~quartered]
        astray = hours["start"] % QUARTERS != QUARTERS - 1
        for row in hours[astray]:
            self._quarantine_row(_ASTRAY, row, "The stamp is not the end of a whole hour, as the supply's others are.")
        hours = hours[~astray]
        hours["start"] //= QUARTERS
        return np.concatenate([hours, self._summed(rows[quartered])])

    def _summed(self, quarters: NDArray[np.void]) -> NDArray[np.void]:
        """Hours of which all four quarters are there; the quarters of the others are quarantined."""
        quarters = self._settle(quarters, _SAME_QUARTER)
        if not len(quarters):
            return quarters
        hour = quarters["start"] // QUARTERS
        begins = np.flatnonzero(np.append(True, (np.diff(hour) != 0) | (np.diff(quarters["owner"]) != 0)))
        count = np.diff(np.append(begins, len(quarters)))
        hours = quarters[begins].copy()
        hours["start"] = hour[begins]
        hours["values"] = np.add.reduceat(quarters["values"].astype(np.int64), begins, axis=0)
        hours["quality"] = worst_quality(quarters["quality"], begins)
        for index in np.flatnonzero(count < QUARTERS).tolist():
            missing = QUARTERS - int(count[index])
            reason = f"{missing} of the 4 quarters of this hour are missing: the hour's energy is not known."
            for row in quarters[begins[index] : begins[index] + count[index]]:
                self._quarantine_row(_MISSING_QUARTERS, row, reason)
        whole = count == QUARTERS
        import_wh = quarters["values"][np.repeat(whole, count), IMPORT].astype(np.int64)
        hours = hours[whole]
        self._summed_of = _Summed(hours["owner"], hours["start"], import_wh.reshape(-1, QUARTERS))
        return hours

    def _quarantine_row(self, why: int, row: np.void, reason: str) -> None:
        """Of stamps that are astray those first in the file are kept, of the others those of the supplies that come first."""
        self.quarantined_count += 1
        late = self._late[why]
        if why == _ASTRAY and len(late) >= 2 * MAX_QUARANTINED:
            late[:] = sorted(late, key=itemgetter(0))[:MAX_QUARANTINED]
        elif why != _ASTRAY and len(late) >= MAX_QUARANTINED:
            return
        turn = int(row["place"]) if why == _ASTRAY else len(late)
        members = list(self._members)
        supply, meter = self._name(int(row["owner"]))
        value = f"{supply or meter} import {row['values'][0]} Wh export {row['values'][1]} Wh"
        member = members[int(row["member"])]
        late.append((turn, RefusedRow(int(row["line"]), supply or meter, value[:MAX_VALUE], reason, member)))

    def _name(self, owner: int) -> tuple[str, str]:
        """Supply and meter in the form that most rows have: one damaged row does not name the supply."""
        forms = self._forms[owner]
        return max(forms, key=forms.__getitem__)

    def _member(self) -> int:
        return self._members.setdefault(self.member, len(self._members))
