"""What bills take from registers: closes of services without hours, maximum power, reactive energy."""

from __future__ import annotations

from datetime import UTC, date, datetime

from coop.supplies.v1 import supplies_pb2

from services.metering.api.energy import _energy
from services.metering.domain.hours import day_number, local_days
from services.metering.domain.registers import MaximumPower
from tests.support.metering import MADRID, Metering, supply_message
from tests.support.prime_files import meter, report, row
from tests.support.registers import reading, store, water

OCTOBER = (date(2026, 10, 1), date(2026, 11, 1))
H0 = local_days(MADRID).start_of(day_number(date(2026, 10, 5)))


def test_water_is_billed_by_the_closes_read_in_the_period(metering: Metering) -> None:
    metering.tell(supply_message("casa", ("W1", "2020-01-01", ""), kind=supplies_pb2.SERVICE_KIND_WATER))
    store(metering, water("2026-08-03", 800_000), water("2026-10-01", 812_500), water("2026-10-29", 820_250))
    store(metering, water("2026-11-30", 831_000))
    answer = metering.energy("casa", *OCTOBER, tariff="flat")
    (close,) = answer.closes
    assert (close.period.start, close.period.end) == (date(2026, 10, 1), date(2026, 10, 29))
    assert (answer.hours_missing, sum(e.import_wh for e in answer.energy)) == (745, 0)
    (message,) = _energy(answer).closes
    assert (message.meter, message.unit, message.origin) == ("W1", "litre", "technician")
    assert [(u.register, u.initial, u.final, u.used) for u in message.uses] == [("total", 812_500, 820_250, 7_750)]
    # A reading of the first midnight ends September.
    september = metering.energy("casa", date(2026, 9, 1), date(2026, 10, 1), tariff="flat")
    assert [sum(one.used) for one in september.closes] == [12_500]
    # Two months: both.
    both = metering.energy("casa", date(2026, 10, 1), date(2026, 12, 1), tariff="flat")
    assert [sum(one.used) for one in both.closes] == [7_750, 10_750]


def test_electricity_read_by_hand(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("OLD", "2020-01-01", "2026-10-15"), ("NEW", "2026-10-15", "")))
    store(
        metering,
        reading("2026-10-01", 54, 10, 70, 0, 0, 0, meter="OLD"),
        reading("2026-10-15", 60, 20, 90, 0, 0, 0, meter="OLD"),
        reading("2026-10-15", 0, 0, 0, meter="NEW"),
        reading("2026-11-01", 3, 2, 1, meter="NEW"),
    )
    messages = _energy(metering.energy("ana", *OCTOBER)).closes
    # Registers of periods that 2.0TD does not have stand still and are left out.
    assert [(m.meter, [(u.register, u.used) for u in m.uses]) for m in messages] == [
        ("OLD", [("P1", 6_000), ("P2", 10_000), ("P3", 20_000)]),
        ("NEW", [("P1", 3_000), ("P2", 2_000), ("P3", 1_000)]),
    ]


def test_a_service_with_hours_is_billed_by_them(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    metering.load(report(meter("M1", [row(H0, 100)])))
    store(metering, reading("2026-09-20", 0, 0, 0), reading("2026-11-01", 1, 1, 1))
    answer = metering.energy("ana", *OCTOBER)
    assert (answer.hours_measured, answer.closes) == (1, ())


def test_what_the_display_said_comes_with_the_hours_where_it_is_known(metering: Metering) -> None:
    """At the first and the last midnight, and where a meter took another's place; readings between do not matter."""
    metering.tell(supply_message("ana", ("OLD", "2020-01-01", "2026-10-15"), ("NEW", "2026-10-15", "")))
    metering.load(report(meter("NEW", [row(H0 + 480, 100)])))
    store(
        metering,
        reading("2026-10-01", 54, 10, 70, meter="OLD"),
        reading("2026-10-07", 55, 11, 71, meter="OLD"),
        reading("2026-10-15", 60, 20, 90, meter="OLD"),
        reading("2026-10-15", 0, 0, 0, meter="NEW"),
        reading("2026-11-01", 3, 2, 1, meter="NEW"),
    )
    messages = _energy(metering.energy("ana", *OCTOBER)).closes
    assert [(m.meter, [(u.initial, u.final) for u in m.uses]) for m in messages] == [
        ("OLD", [(54_000, 60_000), (10_000, 20_000), (70_000, 90_000)]),
        ("NEW", [(0, 3_000), (0, 2_000), (0, 1_000)]),
    ]


def test_the_highest_power_of_monthly_closes(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("OLD", "2020-01-01", "2026-10-15"), ("NEW", "2026-10-15", "")))
    metering.load(report(meter("NEW", [row(H0 + 480, 100)])))
    at = datetime(2026, 10, 3, 19, 15, tzinfo=UTC)
    later = datetime(2026, 10, 20, 20, 30, tzinfo=UTC)

    def close(day: str, meter_name: str, *powers: MaximumPower) -> None:
        since = date(2026, 10, 1)
        store(metering, reading(day, 1, 1, 1, meter=meter_name, since=since, max_power=powers))

    close("2026-10-01", "OLD", MaximumPower(1, 9_999, at))
    close("2026-10-15", "OLD", MaximumPower(1, 3_300, at), MaximumPower(2, 4_100, at))
    close("2026-11-01", "NEW", MaximumPower(1, 3_500, later), MaximumPower(2, 900, later))
    answer = metering.energy("ana", *OCTOBER)
    assert answer.maximum_power == (MaximumPower(1, 3_500, later), MaximumPower(2, 4_100, at))
    first = _energy(answer).maximum_power[0]
    assert (first.period, first.watts, first.at.ToDatetime(tzinfo=UTC)) == ("P1", 3_500, later)


def test_reactive_energy_by_quadrant_under_six_periods(metering: Metering) -> None:
    metering.tell(supply_message("taller", ("M1", "2020-01-01", ""), tariff="3.0TD"))
    # Monday 5 October 2026: hour 0 is P6, hour 9 is P4 (October is a season of P4 and P5).
    metering.load(report(meter("M1", [row(H0, 100), row(H0 + 9, 100), row(H0 + 10, 50)])))
    answer = metering.energy("taller", *OCTOBER, tariff="3.0TD")
    assert [(one.period, one.varh) for one in answer.reactive] == [("P4", (2, 0, 0, 4)), ("P6", (1, 0, 0, 2))]
    assert metering.energy("taller", *OCTOBER).reactive == ()
