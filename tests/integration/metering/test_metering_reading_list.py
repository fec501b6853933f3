"""Register readings as members see them: newest first, what was used, which ones a better reading put aside."""

from __future__ import annotations

from datetime import date

import pytest
from coop.supplies.events.v1.events_pb2 import AccessGranted
from coop.supplies.v1 import supplies_pb2

from services.chassis.context import Principal
from services.chassis.errors import NotFound
from services.chassis.profile import load_profile
from services.metering.api.views import reading_message
from services.metering.application.reading_list import ListedReading, list_readings
from services.metering.domain.estimation.closes import Origin
from services.metering.words import Words
from tests.support.metering import Metering, supply_message
from tests.support.registers import reading, store, water
from tests.support.stack import ROOT

ANA = Principal("member", "account-ana")


@pytest.fixture
def home(metering: Metering) -> Metering:
    """Ana's electricity and water on one supply, and Eva's electricity."""
    both = supply_message("ana", ("M1", "2020-01-01", "2026-11-10"), ("M2", "2026-11-10", ""))
    tap = supply_message("ana", ("W1", "2020-01-01", ""), kind=supplies_pb2.SERVICE_KIND_WATER).supply.services[0]
    tap.id = "ana-water"
    both.supply.services.append(tap)
    metering.tell(both)
    metering.tell(supply_message("eva", ("M9", "2020-01-01", "")))
    metering.tell(AccessGranted(account_id="account-ana", supply_id="ana", member_id="m1", relation="holder"))
    return metering


def listed(
    metering: Metering, service: str = "", size: int = 50, after: tuple[date, str] | None = None
) -> list[ListedReading]:
    return list_readings(metering.database, ANA, "ana", service, size, after)


def figures(found: list[ListedReading]) -> list[tuple[str, str, list[int], list[int], str, bool]]:
    return [
        (
            one.reading.meter,
            one.reading.day.isoformat(),
            [shown.final for shown in one.registers],
            [shown.used for shown in one.registers],
            one.since.isoformat() if one.since else "",
            one.superseded,
        )
        for one in found
    ]


def test_uses_count_from_the_reading_before_that_counts(home: Metering) -> None:
    """Domain case: 12,340 read; 12,575 given by the member; 12,560 read afterwards puts it aside."""
    store(home, reading("2026-10-01", 12_340))
    store(home, reading("2026-10-28", 12_575, origin=Origin.SELF_READING))
    assert figures(listed(home, "ana-service"))[0] == (
        "M1", "2026-10-28", [12_575_000], [235_000], "2026-10-01", False,
    )  # fmt: skip
    store(home, reading("2026-11-01", 12_560))
    assert figures(listed(home, "ana-service")) == [
        ("M1", "2026-11-01", [12_560_000], [220_000], "2026-10-01", False),
        ("M1", "2026-10-28", [12_575_000], [0], "", True),
        ("M1", "2026-10-01", [12_340_000], [0], "", False),
    ]


def test_a_new_meter_starts_anew_and_registers_have_names(home: Metering) -> None:
    store(home, reading("2026-10-01", 10, 20, 30), reading("2026-11-10", 15, 26, 37))
    store(home, reading("2026-11-10", 0, 0, 0, meter="M2"), reading("2026-12-01", 1, 2, 3, meter="M2"))
    found = listed(home, "ana-service")
    assert [shown.register for shown in found[0].registers] == ["P1", "P2", "P3"]
    assert {(one.reading.meter, one.reading.day.isoformat()): [s.used for s in one.registers] for one in found} == {
        ("M2", "2026-12-01"): [1_000, 2_000, 3_000],
        ("M2", "2026-11-10"): [0, 0, 0],
        ("M1", "2026-11-10"): [5_000, 6_000, 7_000],
        ("M1", "2026-10-01"): [0, 0, 0],
    }


def test_water_in_litres_and_a_doubtful_reading(home: Metering) -> None:
    store(home, water("2026-09-01", 120_500), water("2026-10-01", 131_250), water("2026-11-01", 99_000))
    newest, middle, _ = listed(home, "ana-water")
    assert (middle.reading.unit, middle.registers[0].register, middle.registers[0].used) == ("litre", "total", 10_750)
    assert newest.reading.doubtful and not newest.superseded and newest.registers[0].used == 0
    words = Words.of("en", load_profile(ROOT / "profiles" / "demo-es"))
    told = reading_message(newest, words)
    assert [one.split(" Wh")[0] for one in told.findings] == ["Register P1 runs backwards: 131,250"]
    assert (told.unit, told.day, told.origin, told.since) == ("litre", "2026-11-01", "technician", "")
    fine = reading_message(middle, words)
    assert (fine.since, fine.registers[0].initial, fine.registers[0].used) == ("2026-09-01", 120_500, 10_750)


def test_page_by_page_over_every_service(home: Metering) -> None:
    days = ["2026-08-01", "2026-09-01", "2026-10-01", "2026-11-01"]
    store(home, *(reading(day, 100 + number) for number, day in enumerate(days)))
    store(home, *(water(day, 1_000 * number) for number, day in enumerate(days)))
    whole, found, after = listed(home), [], None
    while page := listed(home, size=3, after=after):
        found += page
        after = (page[-1].reading.day, page[-1].reading.id)
    assert figures(found) == figures(whole) and len(found) == 8
    assert {one.service_id for one in found} == {"ana-service", "ana-water"}
    assert [shown.used for one in found for shown in one.registers if one.reading.day > date(2026, 8, 1)] == [1_000] * 6


@pytest.mark.parametrize(
    ("supply", "service"), [("eva", ""), ("eva", "eva-service"), ("ana", "eva-service"), ("x", "")]
)
def test_readings_of_somebody_else_are_not_found(home: Metering, supply: str, service: str) -> None:
    store(home, reading("2026-10-01", 100, meter="M9"))
    with pytest.raises(NotFound):
        list_readings(home.database, ANA, supply, service, 10, None)
