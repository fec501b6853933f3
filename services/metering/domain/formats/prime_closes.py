"""What PRIME's closes, S04 (monthly) and S05 (daily), have in common: absolute registers of a meter at a midnight.

    <Cnt Id="METER"><S05 Fh="20150901000000000S" Ctr="1" Pt="0"><Value AIa="308" AEa="0" R1a="185" .../></S05> ...

* One element per contract (``Ctr``) and tariff period (``Pt`` 0 = total, 1 to 6); all of one contract and stamp are one
  close, taken whole or quarantined whole. Contract 1 is the billed one: the others are left aside.
* ``Value`` with a suffix ``a``: absolute registers, in kWh (kvarh) times ``Magn``, which is 1 where it is not given.
* The stamp is local time with S (summer) or W (winter time), as in S02. A stamp within two hours of a local midnight is
  that midnight: some meters count winter time all year, some close a moment early. Any other is no close of a day.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from xml.sax.saxutils import quoteattr

from services.metering.domain.estimation.closes import Origin
from services.metering.domain.formats.dialect import Context, Dialect
from services.metering.domain.formats.fields import whole
from services.metering.domain.formats.lines import BadRow
from services.metering.domain.formats.prime_s02 import report_of_one
from services.metering.domain.formats.sink import Sink
from services.metering.domain.hours import day_number, day_of_number, local_days, standard_offset
from services.metering.domain.readings import CHANNELS, MeterError
from services.metering.domain.registers import WH, MaximumPower, RegisterRow
from services.metering.domain.rows import MAGNITUDE, METER, element
from services.metering.domain.xmlfeed import MAX_DEPTH, FileRefused, XmlFeed, lost

BILLED_CONTRACT = "1"
_TOTAL = 0
_PERIODS = 6
_WH_PER_KWH = 1000
_MAGNITUDES = {"": 1, "1": 1, "1000": 1000}
_ATTRIBUTES = ("AI", "AE", "R1", "R2", "R3", "R4")
_NEAR_MIDNIGHT = timedelta(hours=2)
_MAX_HELD = 5_000
"""Elements of one meter held at once: two years of daily closes."""
_MAX_HELD_TEXT = 4 << 20
"""Characters in them; those of two years have a tenth."""
_MAX_RAW = 8_192
_STAMP = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})[0-9]{0,3}([SW])")


@dataclass
class Part:
    """One S04 or S05 element: its attributes, and those of its Values."""

    attributes: dict[str, str]
    line: int
    values: list[dict[str, str]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Characters of all values."""
        return sum(len(text) for one in (self.attributes, *self.values) for text in one.values())

    def raw(self, name: str) -> str:
        """The element as XML."""
        begin = element(name, self.attributes).removesuffix("/>")
        return f"{begin}>{''.join(element('Value', one) for one in self.values)}</{name}>"

    def value(self, suffix: str) -> dict[str, str]:
        """The attributes of the Value of absolute (a) or incremental (i) registers; empty when there is none."""
        return next((one for one in self.values if f"AI{suffix}" in one), {})


@dataclass(frozen=True)
class Kind:
    """What tells S04 and S05 apart: the attributes of the stamps, and what else a close has."""

    report: str
    end: str
    begin: str
    max_power: Callable[[Stamps, Mapping[int, Part]], tuple[MaximumPower, ...]]


class Stamps:
    """Local stamps of PRIME as instants and days."""

    def __init__(self, context: Context) -> None:
        self._days = local_days(context.zone_name)
        self._winter = standard_offset(context.zone_name, context.latest)
        self._first, self._end = context.known_hours()

    def instant(self, text: str) -> datetime | None:
        """The UTC instant of a stamp, to the second; None for one that is no instant (FFFF..., the year 0)."""
        match = _STAMP.fullmatch(text.strip())
        if match is None:
            return None
        year, month, day, hour, minute, second = map(int, match.groups()[:6])
        try:
            local = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
            found = local - timedelta(hours=self._winter + (match[7] == "S"))
        except (ValueError, OverflowError):
            return None
        return found if self._first <= found.timestamp() / 3600 <= self._end else None

    def day(self, at: datetime) -> int:
        """The local day in which an instant lies."""
        return day_number(at.astimezone(self._days.zone).date())

    def midnight(self, at: datetime) -> int | None:
        """The day that begins at the local midnight near an instant, if one is near."""
        day = self.day(at)
        for candidate in (day, day + 1):
            start = datetime.fromtimestamp(self._days.start_of(candidate) * 3600, UTC)
            if abs(at - start) <= _NEAR_MIDNIGHT:
                return candidate
        return None


class ClosesReader:
    """Reads one report of closes."""

    def __init__(self, kind: Kind, sink: Sink, context: Context) -> None:
        self._kind, self._sink, self._stamps = kind, sink, Stamps(context)
        tags = (kind.report, "Cnt", "Cnc")
        self._xml = XmlFeed(self._start, self._end, tags, self._context, self._damaged, self._where)
        self._root_seen = False
        self._depth = 0
        self._meter: str | None = None
        self._magnitude = ""
        self._part: Part | None = None
        self._held: dict[tuple[str, str, str], list[Part]] = {}
        self._count = self._size = 0
        self._lost = False
        """Whether something of the open meter was lost to damage: then only closes with all their parts are whole."""
        self._end_tag_lost = False

    @property
    def problem(self) -> str:
        return self._xml.problem

    @property
    def line(self) -> int:
        return self._xml.line

    def feed(self, piece: bytes) -> None:
        self._xml.feed(piece)

    def gap(self, reason: str) -> None:
        """Perhaps the beginning of another meter is lost, too: whose the next closes are is not known."""
        self._xml.gap(reason)
        self._leave_meter()

    def close(self) -> None:
        """The file has ended. A meter that was open then has lost what followed."""
        self._xml.close()
        self._lost = self._lost or self._meter is not None
        self._leave_meter()

    def _start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        found = dict(zip(attributes[0::2], attributes[1::2], strict=True))
        if not self._root_seen:
            if name != "Report":
                raise FileRefused(f"The file is XML but no PRIME report: its first element is <{name[:40]}>.")
            self._root_seen = True
        elif name == self._kind.report:
            self._end_tag_lost = False
            self._part = Part(found, self._xml.line)
        elif name == "Value" and self._part is not None and len(self._part.values) < _PERIODS:
            self._part.values.append(found)
        elif name == "Cnt":
            self._open_meter(found)
        elif name == "Cnc":
            self._leave_meter()
        if self._depth > MAX_DEPTH:
            raise FileRefused(f"Elements are nested more than {MAX_DEPTH} deep at line {self._xml.line}.")

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == self._kind.report and self._part is not None:
            self._hold(self._part)
            self._part = None
        elif name == "Cnt":
            self._leave_meter()

    def _open_meter(self, attributes: dict[str, str]) -> None:
        self._leave_meter()
        self._meter = attributes.get("Id", "").strip()[:64]
        self._magnitude = attributes.get("Magn", "")[:20]
        if "ErrCode" in attributes:
            code, category = attributes["ErrCode"][:20], attributes.get("ErrCat", "")[:20]
            self._sink.meter_error(MeterError(self._meter, code, category, self._xml.line))

    def _hold(self, part: Part) -> None:
        if self._meter is None:
            value = str(part.attributes)
            self._sink.quarantine(part.line, value, "The close stands outside any meter (Cnt).")
            return
        texts = (part.attributes.get(name, "") for name in ("Ctr", self._kind.begin, self._kind.end))
        contract, begin, end = (text.strip()[:40] for text in texts)
        self._held.setdefault((contract, begin, end), []).append(part)
        self._count += 1
        self._size += part.size
        if self._count >= _MAX_HELD or self._size >= _MAX_HELD_TEXT:
            self._give()

    def _leave_meter(self) -> None:
        self._give()
        self._meter, self._part, self._lost = None, None, False

    def _give(self) -> None:
        """Hand on the closes held of the open meter."""
        for (contract, begin, end), parts in self._held.items():
            if contract == BILLED_CONTRACT or not contract:
                try:
                    self._sink.register(self._row(contract, begin, end, parts))
                except BadRow as bad:
                    self._quarantine(parts, end, str(bad))
        self._held, self._count, self._size = {}, 0, 0

    def _quarantine(self, parts: list[Part], end: str, reason: str) -> None:
        # By itself a close of which a part was lost would look whole.
        small = sum(part.size for part in parts) <= _MAX_RAW and not self._lost
        raw = "".join(part.raw(self._kind.report) for part in parts) if small else ""
        around = {METER: self._meter or "", MAGNITUDE: self._magnitude}
        value = f'{self._kind.report} {self._kind.end}="{end}"'
        self._sink.quarantine(parts[0].line, value, reason, raw, around, self._meter or "")

    def _row(self, contract: str, begin: str, end: str, parts: list[Part]) -> RegisterRow:
        if not self._meter:
            raise BadRow("The meter (Cnt) has no Id.")
        if not contract:
            raise BadRow("The close names no contract (Ctr).")
        if self._magnitude not in _MAGNITUDES:
            raise BadRow(f'The meter has no known unit: Magn is "{self._magnitude}", must be 1 or 1000 (times kWh).')
        by_period = self._by_period(parts)
        at = self._stamps.instant(end)
        if at is None:
            raise BadRow(f'{self._kind.end} is "{end}": no instant that a meter could have closed at.')
        day = self._stamps.midnight(at)
        if day is None:
            raise BadRow(f'{self._kind.end} is "{end}": not within two hours of a local midnight.')
        registers, totals = self._registers(by_period)
        return RegisterRow(
            self._meter,
            "",
            day_of_number(day),
            Origin.REMOTE_MANAGEMENT,
            WH,
            registers,
            totals,
            self._since(begin),
            self._kind.max_power(self._stamps, by_period),
            parts[0].line,
        )

    def _by_period(self, parts: list[Part]) -> dict[int, Part]:
        found: dict[int, Part] = {}
        for part in parts:
            text = part.attributes.get("Pt", "").strip()
            if len(text) != 1 or text not in "0123456":
                raise BadRow(f'The tariff period Pt is "{text[:20]}": it must be 0 to {_PERIODS}.')
            before = found.setdefault(int(text), part)
            if before.values != part.values:
                raise BadRow(f"Pt {text} comes twice with different registers.")
        periods = sorted(found.keys() - {_TOTAL})
        missing = [number for number in range(1, max(periods, default=0) + 1) if number not in found]
        if self._lost and len(found) <= _PERIODS:
            raise BadRow(
                "A part of this close was lost where the file is damaged: ask whoever sent it for the close of this meter again."
            )
        if missing:
            raise BadRow(f"The register of P{missing[0]} is missing.")
        return found

    def _registers(self, parts: Mapping[int, Part]) -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
        """Wh per channel and tariff period, and the total registers; a meter with the total alone has one register."""
        scale = _WH_PER_KWH * _MAGNITUDES[self._magnitude]
        registers, totals = {}, {}
        periods = sorted(parts.keys() - {_TOTAL})
        absolute = {period: part.value("a") for period, part in parts.items()}
        for channel, name in zip(CHANNELS, (f"{one}a" for one in _ATTRIBUTES), strict=True):
            if channel != CHANNELS[0] and not any(name in one for one in absolute.values()):
                continue
            value = {
                period: whole(f"{name} of Pt {period}", one.get(name, ""), scale, "a register is never negative")
                for period, one in absolute.items()
            }
            registers[channel] = tuple(value[period] for period in periods) or (value[_TOTAL],)
            if periods and _TOTAL in value:
                totals[channel] = value[_TOTAL]
        return registers, totals

    def _since(self, begin: str) -> date | None:
        """The first day of the close; None where the meter does not know (its first close begins in the year 0)."""
        at = self._stamps.instant(begin) if begin else None
        if at is None:
            return None
        near = self._stamps.midnight(at)
        return day_of_number(self._stamps.day(at) if near is None else near)

    def _context(self) -> bytes | None:
        if not self._root_seen:
            return None
        if self._meter is None:
            return b"<Report><Cnc>"
        return f"<Report><Cnc><Cnt Id={quoteattr(self._meter)}>".encode("ascii", "xmlcharrefreplace")

    def _where(self) -> str:
        return "the report" if self._meter is None else f"meter {self._meter}"

    def _damaged(self, line: int, value: str, reason: str) -> None:
        self._depth = 3
        self._lost = True
        if self._end_tag_lost and "mismatched" in reason:
            # Reading resumed at the end tag of the very element whose damage was told already.
            self._end_tag_lost = False
            return
        self._end_tag_lost = self._part is not None
        self._part = None
        kind, meter = self._kind.report, self._meter
        what = f"a part of the closes of meter {meter}" if meter else "perhaps the beginning of a meter and its closes"
        after = next((end for _, _, end in reversed(self._held)), "")
        ask_for = f"the {kind} of this meter again" if meter else f"the whole {kind} again"
        self._sink.quarantine(line, value, lost(reason, what, after, ask_for), point=meter or "")


def closes_dialect(name: str, kind: Kind) -> Dialect:
    """The dialect of one of the two reports."""
    root = re.compile(rf"<Report\b[^<>]*\bIdRpt\s*=\s*[\"']{kind.report}[\"']")

    def recognises(head: bytes) -> bool:
        text = head.decode("utf-16", "replace") if head[:2] in (b"\xff\xfe", b"\xfe\xff") else head.decode("latin-1")
        return root.search(text[:4096]) is not None

    return Dialect(
        name, recognises, lambda sink, context: ClosesReader(kind, sink, context), report_of_one(kind.report)
    )
