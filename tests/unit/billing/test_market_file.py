"""Files of market prices: local days of 23 to 25 hours, instants, quarters, decimals, and rows that are wrong."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.billing.domain.bill import Energy, HourEnergy, MeasuredHour, PeriodEnergy
from services.billing.domain.market import MarketHours
from services.billing.domain.market_file import MarketFile, read_market_file
from services.chassis.errors import Invalid

MADRID = ZoneInfo("Europe/Madrid")
GUIDE = Path(__file__).resolve().parents[3] / "docs" / "market-prices.md"


def read(*lines: str) -> MarketFile:
    return read_market_file("\n".join(lines), MADRID)


def test_the_sample_of_the_guide() -> None:
    sample = re.search(r"\n\n((?:    .*\n)+)\nare the hours from", GUIDE.read_text(encoding="utf-8"))
    assert sample is not None
    found = read_market_file(sample[1], MADRID)
    assert found.refused == ()
    assert found.prices == {
        datetime(2026, 10, 14, 1, tzinfo=UTC): D("52.05"),
        datetime(2026, 10, 14, 9, tzinfo=UTC): D("84.32"),
        datetime(2026, 10, 14, 14, tzinfo=UTC): D("41.10"),
    }


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-14", 24), ("25/10/2026", 25)])
def test_every_hour_of_a_day_follows_the_one_before(day: str, hours: int) -> None:
    found = read("fecha;hora;precio", *(f"{day};{hour};{hour}" for hour in range(1, 27)))
    starts = list(found.prices)
    assert len(starts) == hours and list(found.prices.values()) == [D(hour) for hour in range(1, hours + 1)]
    assert starts[0].astimezone(MADRID).hour == 0
    assert all(after - before == timedelta(hours=1) for before, after in itertools.pairwise(starts))
    assert [(row.line, row.value) for row in found.refused] == [(n + 1, str(n)) for n in range(hours + 1, 27)]
    assert f"hours 1 to {hours}" in found.refused[0].reason


def test_instants_tell_the_repeated_hour_apart() -> None:
    found = read(
        "start,price", '2026-10-25T02:00+02:00,"1,5"', "2026-10-25T02:00+01:00,-2.25", "2026-10-25T02:00:00Z,3"
    )
    assert found.prices == {
        datetime(2026, 10, 25, 0, tzinfo=UTC): D("1.5"),
        datetime(2026, 10, 25, 1, tzinfo=UTC): D("-2.25"),
        datetime(2026, 10, 25, 2, tzinfo=UTC): D("3"),
    }


def test_quarters_are_averaged_to_their_hour() -> None:
    found = read(
        "day;hour;quarter;price", *(f"2026-10-14;1;{q};{p}" for q, p in enumerate((10, 20, 30, 40.01), start=1))
    )
    assert found.prices == {datetime(2026, 10, 13, 22, tzinfo=UTC): D("25.0025")}
    found = read("start;price", *(f"2026-10-14T11:{minute:02}Z;{minute}" for minute in (0, 15, 30, 45)))
    assert found.prices == {datetime(2026, 10, 14, 11, tzinfo=UTC): D("22.5")}


def test_an_hour_that_lacks_a_quarter_is_refused() -> None:
    rows = [f"2026-10-14;{hour};{q};5" for hour in (1, 2) for q in (1, 2, 3, 4)]
    found = read("day;hour;quarter;price", *rows[:-1])
    assert list(found.prices) == [datetime(2026, 10, 13, 22, tzinfo=UTC)]
    (row,) = found.refused
    assert (row.line, row.value) == (6, "3 of 4 quarters") and "2026-10-14T01:00+02:00" in row.reason


@pytest.mark.parametrize(
    ("row", "value", "reason"),
    [
        ("2026-02-30;1;5", "2026-02-30", "no day of the calendar"),
        ("2026-10-14;0;5", "0", "hours 1 to 24"),
        ("2026-10-14;²;5", "²", "hours 1 to 24"),
        ("1926-10-14;1;5", "1926-10-14", "outside"),
        ("2026-10-14;1;abc", "abc", "no price"),
        ("2026-10-14;1;1.084,32", "1.084,32", "between thousands"),
        ("2026-10-14;1;NaN", "NaN", "no price"),
        ("2026-10-14;1;84320", "84320", "another unit"),
        ("2026-10-14;1", "2026-10-14 1", "2 columns"),
        ("2026-10-14;3;5", "5", "2026-10-14T02:00+02:00 has a price on line 2 already"),
    ],
)
def test_a_wrong_row_is_told_and_the_others_are_taken(row: str, value: str, reason: str) -> None:
    found = read("day;hour;price", "2026-10-14;3;50", row, "2026-10-14;5;51")
    assert list(found.prices.values()) == [D(50), D(51)]
    (refused,) = found.refused
    assert (refused.line, refused.value) == (3, value) and reason in refused.reason


@pytest.mark.parametrize(
    ("start", "reason"),
    [("2026-10-14T11:00", "offset"), ("2026-10-14T11:07Z", "quarter"), ("yesterday", "no instant")],
)
def test_a_wrong_instant(start: str, reason: str) -> None:
    found = read("start;price", f"{start};5")
    assert found.prices == {} and reason in found.refused[0].reason


@pytest.mark.parametrize("heading", ["", "day;price", "day;hour;start;price", "a,b,c", "day;hour;hora;price"])
def test_a_file_without_its_columns(heading: str) -> None:
    with pytest.raises(Invalid, match="must name the columns"):
        read(heading, "2026-10-14;1;5")


def test_hours_take_the_price_of_their_instant_and_the_others_stay() -> None:
    starts = [datetime(2026, 10, 14, hour, tzinfo=UTC) for hour in (9, 22)]
    energy = Energy(
        {"P1": PeriodEnergy(420)}, unpriced=(MeasuredHour(starts[0], "P1", 420), MeasuredHour(starts[1], "P3", 0))
    )
    found = MarketHours({starts[0]: D("84.320000")}, MADRID).priced(energy)
    assert found.hours == (HourEnergy(date(2026, 10, 14), "P1", 420, D("0.08432")),)
    assert [hour.start.isoformat() for hour in found.unpriced] == ["2026-10-15T00:00:00+02:00"]
