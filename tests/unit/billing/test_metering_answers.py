"""What metering answers as the energy of a bill: not read is not zero, reactive energy is inductive."""

from __future__ import annotations

from datetime import UTC, datetime

from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.v1 import metering_service_pb2 as metering
from google.protobuf.timestamp_pb2 import Timestamp

from services.billing.domain.bill import PeriodEnergy, QuarterDemand
from services.billing.domain.closes import Close
from services.billing.metering_client import energy_of
from services.chassis.periods import DatePeriod


def test_an_answer_with_demand_and_reactive_energy() -> None:
    answer = metering.StreamBillableEnergyResponse(
        energy=[metering.PeriodEnergy(period="P4", import_wh=1_200_000, export_wh=5)],
        hours_expected=745,
        hours_measured=700,
        hours_estimated=40,
        hours_missing=5,
        curve_version=3,
        maximum_power=[
            metering.MaximumPower(period="P4", watts=26_400, at=Timestamp(seconds=1_791_000_000)),
            metering.MaximumPower(period="P5", watts=9_000),
        ],
        reactive=[
            metering.ReactiveEnergy(period="P4", r1_varh=705_000, r2_varh=9, r3_varh=9, r4_varh=5_000),
            metering.ReactiveEnergy(period="P5", r1_varh=1, r4_varh=9),
        ],
    )
    found = energy_of(answer)
    assert found.by_period == {"P4": PeriodEnergy(1_200_000, 5)}
    assert (found.hours_expected, found.hours_measured, found.hours_estimated, found.hours_missing) == (745, 700, 40, 5)
    assert found.max_demand_w == {"P4": 26_400, "P5": 9_000}
    assert found.max_demand_at == {"P4": datetime.fromtimestamp(1_791_000_000, UTC)}
    assert found.reactive_varh == {"P4": 700_000, "P5": 0}


def test_without_a_maximeter_the_demand_is_not_known_and_reactive_energy_is_none() -> None:
    found = energy_of(metering.StreamBillableEnergyResponse(hours_expected=745))
    assert (found.max_demand_w, found.reactive_varh) == (None, {})


def test_what_a_register_counted_between_two_readings() -> None:
    close = metering.RegisterClose(
        meter="AGL1",
        period=DatePeriodMessage(start="2026-10-01", end="2026-11-01"),
        unit="litre",
        uses=[metering.RegisterUse(register="total", initial=100_000, final=118_228, used=18_228)],
        origin="self_reading",
        reading_ids=["r1", "r2"],
    )
    found = energy_of(metering.StreamBillableEnergyResponse(hours_expected=744, hours_missing=744, closes=[close]))
    days = DatePeriod.month("2026-10")
    expected = Close("AGL1", "total", days, "litre", 100_000, 118_228, 18_228, "self_reading", ("r1", "r2"))
    assert found.closes == (expected,) and (found + found).closes == (expected, expected)


def test_quarters_of_an_hour_are_known_where_metering_looked_them_up() -> None:
    start = datetime(2026, 10, 14, 8, 15, tzinfo=UTC)
    quarter = metering.QuarterDemand(period="P4", start=Timestamp(seconds=int(start.timestamp())), watts=105_000)
    unknown = [metering.UnknownQuarters(period="P6", hours=3)]
    answer = metering.StreamBillableEnergyResponse(
        quarter_demands=[quarter], quarters_unknown=unknown, quarters_told=True
    )
    found = energy_of(answer)
    assert found.quarter_demands == {"P4": (QuarterDemand(105_000, start),)}
    assert found.quarters_unknown == {"P6": 3}
    # Looked up and none exceeded; and a release of metering that does not know them.
    assert energy_of(metering.StreamBillableEnergyResponse(quarters_told=True)).quarter_demands == {}
    assert energy_of(metering.StreamBillableEnergyResponse()).quarter_demands is None
