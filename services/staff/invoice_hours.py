"""The hours of the load curve behind each line of an invoice, in their tariff periods, with their prices where each has its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.staff.verify.hours import period_of
from services.staff.verify.numbers import day
from services.staff.verify.spain import price_of_hour

MEASURED = (1, 9)
"""Methods of an hour that a meter measured; every other one is an estimate."""
PERIODS = tuple(f"P{number}" for number in range(1, 7))
BY_PERIOD = ("energy", "reactive")
"""Concepts whose quantity is that of the hours of the line's own tariff period; others take all hours of their days."""

Facts = Mapping[str, Any]
Hours = list[dict[str, Any]]


def hours_of(bundle: Facts, segment: Facts) -> Hours:
    """Each hour in order: local start, tariff period, Wh taken and given, method; the market's price and what was paid for
    a kWh (toll, charge and losses included) where the product is priced by the hour, None elsewhere.
    """
    zone = ZoneInfo(bundle["time_zone"])
    tariff = segment["contract"]["tariff"] if bundle["jurisdiction"] == "es" else "flat"
    found = [
        {
            "start": start,
            "period": period_of(datetime.fromisoformat(start).astimezone(zone), tariff, segment["contract"]["zone"]),
            "import_wh": taken,
            "export_wh": given,
            "method": method,
            "market_price": None,
            "price": None,
            "lines": [],
        }
        for start, taken, given, method in segment["hours"]
    ]
    priced = segment["priced_hours"]
    if len(priced) == len(found):
        for hour, (on, period, _, market) in zip(found, priced, strict=True):
            hour["market_price"] = market
            hour["price"] = f"{price_of_hour(bundle, segment, on, period, market):f}"
    return found


def of_lines(lines: Sequence[tuple[Facts, Sequence[int]]], hours: Sequence[Hours]) -> list[dict[str, int] | None]:
    """The sums of the hours that gave each line's quantity, None where no curve did; `lines` each with the positions of its
    segments, `hours` of every segment. Each hour is told the numbers of its lines.
    """
    found: list[dict[str, int] | None] = []
    for number, (line, measured_in) in enumerate(lines, start=1):
        own = _of_line(line, measured_in, hours)
        for hour in own:
            hour["lines"].append(number)
        found.append(summed(own) if own else None)
    return found


def _of_line(line: Facts, measured_in: Sequence[int], hours: Sequence[Hours]) -> Hours:
    own = [hour for at in measured_in for hour in hours[at]]
    if line["concept"] == "surplus":
        own = [hour for hour in own if hour["export_wh"]]
    elif line["concept"] in BY_PERIOD and line["period"] in PERIODS:  # a block of consumption has all of them
        own = [hour for hour in own if hour["period"] == line["period"]]
    return own


def summed(hours: Hours) -> dict[str, int]:
    estimated = sum(hour["method"] not in MEASURED for hour in hours)
    return {
        "hours": len(hours),
        "measured": len(hours) - estimated,
        "estimated": estimated,
        "import_wh": sum(hour["import_wh"] for hour in hours),
        "export_wh": sum(hour["export_wh"] for hour in hours),
    }


def said(line: Facts, found: Mapping[str, int]) -> str:
    """ "168 hours, 3 of them estimated"."""
    words = "1 hour" if found["hours"] == 1 else f"{found['hours']:,} hours"
    if line["concept"] == "surplus":
        words += " with energy fed in"
    return words + (f", {found['estimated']:,} of them estimated" if found["estimated"] else "")


def missing_of(bundle: Facts, segment: Facts) -> int:
    """Hours of the segment's days that nobody knows: they are billed as nothing."""
    zone = ZoneInfo(bundle["time_zone"])
    start, end = (datetime.combine(day(segment[name]), time(), zone) for name in ("from", "to"))
    return int((end.timestamp() - start.timestamp()) // timedelta(hours=1).total_seconds()) - len(segment["hours"])


def known_otherwise(bundle: Facts, *, by_hour: bool) -> dict[str, Any] | None:
    """What an invoice that corrects another knows now and did not then: the hours of either that differ, and the readings
    billed then that are none any more. None where nothing is corrected.
    """
    if "rectification" not in bundle:
        return None
    segments = (bundle["rectification"]["before"]["segments"], bundle["segments"])
    then, now = ({hour[0]: hour[1:] for segment in side for hour in segment["hours"]} for side in segments)
    differing = [
        {
            "start": start,
            **{f"{name}_then": value for name, value in _named(then.get(start)).items()},
            **{f"{name}_now": value for name, value in _named(now.get(start)).items()},
        }
        for start in sorted({*then, *now}, key=datetime.fromisoformat)
        if then.get(start) != now.get(start)
    ]
    closes = [[close for segment in side for close in segment["closes"]] for side in segments]
    return {
        "hours": len(differing),
        "first": differing[0]["start"] if differing else None,
        "last": differing[-1]["start"] if differing else None,
        "import_wh": _change(differing, "import_wh"),
        "export_wh": _change(differing, "export_wh"),
        "readings_then": [close for close in closes[0] if close not in closes[1]],
        **({"by_hour": differing} if by_hour else {}),
    }


def _named(hour: Sequence[Any] | None) -> dict[str, Any]:
    """None throughout for an hour that nobody knew."""
    return dict(zip(("import_wh", "export_wh", "method"), hour or (None, None, None), strict=True))


def _change(differing: Hours, name: str) -> int:
    return sum((hour[f"{name}_now"] or 0) - (hour[f"{name}_then"] or 0) for hour in differing)


def rows_of(document: Facts) -> Iterator[tuple[object, ...]]:
    """Every hour of an explanation."""
    for span in document["measured"]:
        for hour in (span["curve"] or {}).get("by_hour", ()):
            yield (
                ", ".join(map(str, hour["lines"])),
                hour["start"],
                hour["period"],
                hour["import_wh"],
                hour["export_wh"],
                hour["method"],
                hour["market_price"] or "",
                hour["price"] or "",
            )
