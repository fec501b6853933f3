"""A load curve as Green Button XML: an Atom feed of NAESB REQ.21 ESPI 1.1 resources.

The feed holds a UsagePoint (electricity), its LocalTimeParameters, and for what was taken from the grid, and for surplus
fed into it where there is any, a MeterReading with its ReadingType and an IntervalBlock per local day. Order of elements
as the schema has it. Times are seconds since 1970 UTC, values whole Wh. Absent hours have no IntervalReading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape, quoteattr
from zoneinfo import ZoneInfo

from services.chassis.periods import zone
from services.gateway.compose.curves import CurveView, DayView, HourView

ATOM, ESPI = "http://www.w3.org/2005/Atom", "http://naesb.org/espi"
HOUR_S = 3600

# QualityOfReading. Values spread by a load profile or by last year's days are those of a reference day; measured hours
# adjusted to their close are derived; what the meter itself doubted is questionable.
VALID, REFERENCE_DAY, QUESTIONABLE, DERIVED = 0, 8, 10, 11
_SCALED, _DOUBTFUL = 3, 9

NO_DAYLIGHT_SAVING = 0xFFFFFFFF
"""The rule of a place that does not change its clocks."""


@dataclass(frozen=True)
class Flow:
    """A direction of energy: ESPI's FlowDirection, the word in addresses, its title."""

    direction: int
    name: str
    title: str

    def wh(self, hour: HourView) -> int:
        return hour.export_wh if self.direction == REVERSE else hour.wh or 0


FORWARD, REVERSE = 1, 19
DELIVERED = Flow(FORWARD, "delivered", "Hourly Wh taken from the grid")
RECEIVED = Flow(REVERSE, "received", "Hourly Wh of surplus fed into the grid")


def feed(curve: CurveView, identifier: str, made_at: datetime) -> str:
    """The document. `identifier` is the CUPS or the account number; `made_at` the instant it is made."""
    return "".join(_Feed(curve, identifier, made_at).pieces())


def quality(hour: HourView) -> int:
    """ESPI's quality code of a present hour."""
    if not hour.estimated:
        return VALID
    return {_SCALED: DERIVED, _DOUBTFUL: QUESTIONABLE}.get(hour.method, REFERENCE_DAY)


@dataclass(frozen=True)
class LocalTime:
    """A zone as ESPI writes it: seconds from UTC in winter, seconds added in summer, and the packed rules."""

    offset_s: int
    saving_s: int
    start_rule: int
    end_rule: int


@lru_cache(maxsize=64)
def local_time(tz: ZoneInfo, year: int) -> LocalTime:
    """How a zone's clocks go in a year; a zone that changed its mind within it is written as that year has it."""
    changes = [
        (before, after)
        for before, after in _hour_pairs(year, tz)
        if (before.utcoffset() or timedelta()) != (after.utcoffset() or timedelta())
    ]
    winter = int((datetime(year, 1, 1, tzinfo=tz).utcoffset() or timedelta()).total_seconds())
    if len(changes) != 2:
        return LocalTime(winter, 0, NO_DAYLIGHT_SAVING, NO_DAYLIGHT_SAVING)
    starts = next(pair for pair in changes if (pair[1].dst() or timedelta()) > timedelta())
    ends = next(pair for pair in changes if pair is not starts)
    standard = int((starts[0].utcoffset() or timedelta()).total_seconds())
    saving = int((starts[1].utcoffset() or timedelta()).total_seconds()) - standard
    return LocalTime(standard, saving, _rule(starts[0]), _rule(ends[0]))


def _hour_pairs(year: int, tz: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Each hour of a year in local time with the one after it; the first is told by the clock that runs until then."""
    at, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    while at < end:
        yield at.astimezone(tz), (at + timedelta(hours=1)).astimezone(tz)
        at += timedelta(hours=1)


def _rule(last_hour: datetime) -> int:
    """The packed rule of a change that comes when the local hour `last_hour` is over: month (bits 28-31), which of the
    month's weekdays (25-27: 2 the first ... 6 the fifth, 7 the last), weekday (17-19, Monday 1), hour (12-16)."""
    at = last_hour.replace(tzinfo=None) + timedelta(hours=1)
    is_last = (at + timedelta(days=7)).month != at.month
    which = 7 if is_last else (at.day - 1) // 7 + 2
    return at.month << 28 | which << 25 | at.isoweekday() << 17 | at.hour << 12


class _Feed:
    """The feed in the making."""

    def __init__(self, curve: CurveView, identifier: str, made_at: datetime) -> None:
        self._days = [day for day in curve.shown if any(hour.wh is not None for hour in day.hours)]
        self._zone = zone(curve.time_zone)
        self._identifier = identifier
        self._made_at = made_at
        self._at = made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        key = uuid5(NAMESPACE_URL, f"{ESPI}/{identifier}")
        self._point = f"UsagePoint/{key}"
        self._flows = [DELIVERED, RECEIVED] if curve.export_wh else [DELIVERED]

    def pieces(self) -> Iterator[str]:
        yield '<?xml version="1.0" encoding="UTF-8"?>\n'
        yield f'<feed xmlns="{ATOM}" xmlns:espi="{ESPI}">\n'
        yield f"<id>{self._id('feed')}</id>\n<title>{escape(self._identifier)}</title>\n<updated>{self._at}</updated>\n"
        yield f'<link rel="self" href={quoteattr(self._point)}/>\n'
        yield from self._usage_point()
        yield from self._local_time()
        for flow in self._flows:
            yield from self._readings(flow)
        yield "</feed>\n"

    def _usage_point(self) -> Iterator[str]:
        related = ["LocalTimeParameters/1", *(self._reading(flow) for flow in self._flows)]
        content = (
            "<espi:UsagePoint><espi:ServiceCategory><espi:kind>0</espi:kind></espi:ServiceCategory></espi:UsagePoint>"
        )
        yield self._entry(self._point, "UsagePoint", self._identifier, content, related)

    def _local_time(self) -> Iterator[str]:
        found = local_time(self._zone, self._days[0].day.year if self._days else self._made_at.year)
        yield self._entry(
            "LocalTimeParameters/1", "LocalTimeParameters", str(self._zone),
            f"<espi:LocalTimeParameters><espi:dstEndRule>{found.end_rule:08X}</espi:dstEndRule>"
            f"<espi:dstOffset>{found.saving_s}</espi:dstOffset><espi:dstStartRule>{found.start_rule:08X}</espi:dstStartRule>"
            f"<espi:tzOffset>{found.offset_s}</espi:tzOffset></espi:LocalTimeParameters>",
        )  # fmt: skip

    def _readings(self, flow: Flow) -> Iterator[str]:
        reading, kind = self._reading(flow), f"ReadingType/{flow.name}"
        yield self._entry(
            reading, f"{self._point}/MeterReading", flow.title, "<espi:MeterReading/>",
            [kind, f"{reading}/IntervalBlock"],
        )  # fmt: skip
        yield self._entry(kind, "ReadingType", flow.title, _reading_type(flow))
        for day in self._days:
            yield self._entry(
                f"{reading}/IntervalBlock/{day.day}", f"{reading}/IntervalBlock", day.day.isoformat(), _block(day, flow)
            )

    def _reading(self, flow: Flow) -> str:
        return f"{self._point}/MeterReading/{flow.name}"

    def _id(self, path: str) -> str:
        return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{ESPI}/{self._identifier}/{path}')}"

    def _entry(self, path: str, up: str, title: str, content: str, related: list[str] | None = None) -> str:
        links = "".join(f'<link rel="related" href={quoteattr(one)}/>' for one in related or [])
        return (
            f"<entry><id>{self._id(path)}</id>"
            f'<link rel="self" href={quoteattr(path)}/><link rel="up" href={quoteattr(up)}/>{links}'
            f"<title>{escape(title)}</title><content>{content}</content>"
            f"<published>{self._at}</published><updated>{self._at}</updated></entry>\n"
        )


def _reading_type(flow: Flow) -> str:
    """Delta data (4) of electricity (1: secondary metered), normal (12), energy (12), not by phase (0), in Wh (72)."""
    fields = (
        ("accumulationBehaviour", 4), ("commodity", 1), ("dataQualifier", 12), ("defaultQuality", VALID),
        ("flowDirection", flow.direction), ("intervalLength", HOUR_S), ("kind", 12), ("phase", 0),
        ("powerOfTenMultiplier", 0), ("timeAttribute", 0), ("uom", 72),
    )  # fmt: skip
    inside = "".join(f"<espi:{name}>{value}</espi:{name}>" for name, value in fields)
    return f"<espi:ReadingType>{inside}</espi:ReadingType>"


def _block(day: DayView, flow: Flow) -> str:
    first = int(day.hours[0].starts.timestamp())
    readings = "".join(
        f"<espi:IntervalReading><espi:ReadingQuality><espi:quality>{quality(hour)}</espi:quality></espi:ReadingQuality>"
        f"<espi:timePeriod><espi:duration>{HOUR_S}</espi:duration><espi:start>{first + HOUR_S * (hour.number - 1)}</espi:start>"
        f"</espi:timePeriod><espi:value>{flow.wh(hour)}</espi:value></espi:IntervalReading>"
        for hour in day.hours
        if hour.wh is not None
    )
    return (
        f"<espi:IntervalBlock><espi:interval><espi:duration>{HOUR_S * len(day.hours)}</espi:duration>"
        f"<espi:start>{first}</espi:start></espi:interval>{readings}</espi:IntervalBlock>"
    )
