"""Register readings: every version kept, doubtful ones aside, closes told once, meters replaced."""

from __future__ import annotations

from datetime import date

import pytest
from coop.supplies.v1 import supplies_pb2

from services.metering.domain.estimation.closes import Origin
from services.metering.repository import readings
from services.metering.repository.readings import StoredReading
from tests.support.metering import Metering, supply_message
from tests.support.registers import closed, reading, store, water

SELF, VISUAL = Origin.SELF_READING, Origin.VISUAL


def stored(metering: Metering) -> list[StoredReading]:
    with metering.database.write() as tx:
        keys = set(range(1, 50))
        return readings.around(tx.connection, keys, date(2020, 1, 1), date(2030, 1, 1))


def test_two_readings_close_a_period_once(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    first = store(metering, reading("2026-10-01", 100, 200, 300))
    assert (first.new, first.duplicates, first.doubtful, first.unknown_meters) == (1, 0, 0, [])
    store(metering, reading("2026-11-01", 150, 230, 310))
    assert closed(metering) == [("M1", "2026-10-01", "2026-11-01", [50_000, 30_000, 10_000], "technician")]
    again = store(metering, reading("2026-11-01", 150, 230, 310))
    assert (again.new, again.duplicates) == (0, 1)
    assert len(closed(metering)) == 1 and len(stored(metering)) == 2


def test_a_reading_between_two_splits_their_close(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    store(metering, reading("2026-10-01", 100), reading("2026-11-01", 150))
    store(metering, reading("2026-10-22", 140))
    assert closed(metering)[1:] == [
        ("M1", "2026-10-01", "2026-10-22", [40_000], "technician"),
        ("M1", "2026-10-22", "2026-11-01", [10_000], "technician"),
    ]


def test_a_real_reading_puts_the_members_own_aside(metering: Metering) -> None:
    """Domain case: 12,340 read; 12,575 given on 28 October; 12,560 read on 1 November."""
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    store(metering, reading("2026-10-01", 12_340))
    store(metering, reading("2026-10-28", 12_575, origin=SELF))
    assert store(metering, reading("2026-11-01", 12_560)).doubtful == 0
    assert closed(metering) == [
        ("M1", "2026-10-01", "2026-10-28", [235_000], "self_reading"),
        ("M1", "2026-10-01", "2026-11-01", [220_000], "technician"),
    ]
    # A member's reading below the last real one is kept and closes nothing.
    assert store(metering, reading("2026-11-05", 12_500, origin=SELF)).doubtful == 1
    assert len(closed(metering)) == 2 and len(stored(metering)) == 4


@pytest.mark.parametrize("origin", [SELF, Origin.ESTIMATED])
def test_of_one_day_the_better_reading_stands_whatever_comes_last(metering: Metering, origin: Origin) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    store(metering, reading("2026-10-01", 100), reading("2026-11-01", 150))
    store(metering, reading("2026-11-01", 170, origin=origin))
    assert [used for _, _, _, used, _ in closed(metering)] == [[50_000]]
    store(metering, reading("2026-11-01", 160, origin=VISUAL))
    assert [used for _, _, _, used, _ in closed(metering)] == [[50_000], [60_000]]


def test_a_meter_replaced_within_the_period_never_counts_backwards(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("OLD", "2020-01-01", "2026-10-15"), ("NEW", "2026-10-15", "")))
    store(
        metering,
        reading("2026-10-01", 54_000, meter="OLD"),
        reading("2026-10-15", 54_120, meter="OLD"),
        reading("2026-10-15", 3, meter="NEW"),
        reading("2026-11-01", 133, meter="NEW"),
    )
    assert closed(metering) == [
        ("OLD", "2026-10-01", "2026-10-15", [120_000], "technician"),
        ("NEW", "2026-10-15", "2026-11-01", [130_000], "technician"),
    ]


def test_readings_wait_for_their_meter(metering: Metering) -> None:
    waiting = store(metering, reading("2026-10-01", 100), reading("2026-11-01", 150), water("2026-11-01", 7_000))
    assert (waiting.new, waiting.unknown_meters) == (3, ["M1", "W1"])
    assert closed(metering) == []
    metering.tell(supply_message("ana", ("M1", "2026-09-01", "")))
    assert closed(metering) == [("M1", "2026-10-01", "2026-11-01", [50_000], "technician")]
    # The same news again, of a later version: the close was told.
    metering.tell(supply_message("ana", ("M1", "2026-09-01", ""), version=2))
    assert len(closed(metering)) == 1


def test_water_is_counted_in_litres(metering: Metering) -> None:
    metering.tell(supply_message("casa", ("W1", "2020-01-01", ""), kind=supplies_pb2.SERVICE_KIND_WATER))
    store(metering, water("2026-09-01", 812_000), water("2026-11-01", 831_500))
    assert closed(metering) == [("W1", "2026-09-01", "2026-11-01", [19_500], "technician")]


def test_a_reading_may_name_the_supply(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("OLD", "2020-01-01", "2026-10-15"), ("M1", "2026-10-15", "")))
    result = store(metering, reading("2026-11-01", 150, supply="5555/1"), reading("2026-11-01", 150, supply="nobody"))
    assert (result.new, [row.supply for row in result.unplaced]) == (1, ["nobody"])
    assert [one.meter for one in stored(metering)] == ["M1"]


def test_what_makes_a_reading_doubtful(metering: Metering) -> None:
    powered = supply_message("ana", ("M1", "2020-01-01", ""))
    power = powered.supply.services[0].contracts[0].powers.add()
    power.period, power.watts = "P1", 4_600
    metering.tell(powered)
    store(metering, reading("2026-10-01", 100, 200, 300, totals={"import": 601_000}))

    def findings(*kwh: int, **more: object) -> list[str]:
        row = reading("2026-11-01", *kwh, **more)  # type: ignore[arg-type]
        assert store(metering, row).doubtful == 1
        newest = max(stored(metering), key=lambda one: one.received_at)
        return [finding["problem"] for finding in newest.findings]

    assert findings(101, 199, 300) == ["BACKWARDS"]
    # Each register is cut to whole kWh: three of them may lose as many kWh in the sum, not more.
    assert findings(150, 250, 350, totals={"import": 760_000}) == ["SUM_DIFFERS"]
    # 745 hours of 4,600 W are 3,427 kWh.
    assert findings(1_244, 1_344, 1_440) == ["ABOVE_POWER"]
    assert closed(metering) == []
    # Somebody looked and read the same: it was so.
    assert store(metering, reading("2026-11-01", 1_244, 1_344, 1_440, origin=VISUAL)).doubtful == 0
    assert [sum(used) for _, _, _, used, _ in closed(metering)] == [3_428_000]


def test_a_meter_read_far_from_the_day_it_was_due_is_remarked_and_counts(metering: Metering) -> None:
    """RD 88/2026 art. 43: monthly, three days sooner or later. What came by remote reading needs no visit."""
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    store(metering, reading("2026-10-02", 100, origin=VISUAL), reading("2026-10-29", 120, origin=VISUAL))
    store(metering, reading("2026-11-15", 130, origin=VISUAL), reading("2026-11-20", 140))
    said = {one.day.isoformat(): [each["problem"] for each in one.findings] for one in stored(metering)}
    assert said == {"2026-10-02": [], "2026-10-29": [], "2026-11-15": ["OUT_OF_WINDOW"], "2026-11-20": []}
    assert not any(one.doubtful for one in stored(metering))
    assert [one[3] for one in closed(metering)] == [[20_000], [10_000], [10_000]]


def test_more_than_120_percent_of_the_highest_of_a_year(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    months = [f"{2025 + month // 12}-{month % 12 + 1:02}-01" for month in range(9, 22)]
    assert (months[0], months[-1]) == ("2025-10-01", "2026-10-01")
    store(metering, *(reading(day, 100 * index) for index, day in enumerate(months)))
    # The highest by days: 100 kWh in the 28 of February; in 31 days 110.714, and 120 % of that are 132.857.
    assert store(metering, reading("2026-11-01", 1_200 + 133)).doubtful == 1
    assert store(metering, reading("2026-11-01", 1_200 + 132)).doubtful == 0
    assert closed(metering)[-1][3] == [132_000]
