"""Doubtful readings that the office accepts: they count, with reason and name kept, and everybody hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.events.v1.events_pb2 import CurveReady, PeriodClosed, ReadingCorrected
from coop.metering.v1 import metering_service_pb2 as pb
from coop.metering.v1 import metering_service_pb2_grpc

from services.chassis.context import Principal
from services.chassis.db import RequestKey
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod
from services.metering.app import build
from services.metering.application.accepting import Accepted, Acceptor
from services.metering.application.doubtful import doubtful_readings
from services.metering.application.explain import explain_day
from services.metering.domain.hours import day_number, local_days
from services.metering.domain.readings import DOUBTFUL, REAL
from services.metering.repository import acceptances, holdings
from services.metering.settings import Settings
from tests.integration.metering.test_metering_formats import stored
from tests.support.metering import MADRID, Metering, invoice_message, supply_message
from tests.support.prime_files import meter, report, row
from tests.support.registers import reading, store, told
from tests.support.service_under_test import ServiceUnderTest, refusal, service_under_test

H0 = local_days(MADRID).start_of(day_number(date(2026, 10, 1)))
OCTOBER = DatePeriod(date(2026, 10, 1), date(2026, 11, 1))
STAFF = Principal("staff", "7", frozenset({"metering"}))


@pytest.fixture
def home(metering: Metering) -> Metering:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    return metering


def accept(
    home: Metering, period: DatePeriod = OCTOBER, reason: str = "Looked at the meter.", request_id: str = "r"
) -> Accepted:
    key = RequestKey("AcceptReadings|staff:7", request_id, "")
    return Acceptor(home.database, MADRID).accept(key, STAFF, "ana", "", period, reason)


def a_year_and_a_jump(home: Metering) -> None:
    """100 kWh a month for a year, then 800: more than 120 % of the highest."""
    months = [f"{2025 + month // 12}-{month % 12 + 1:02}-01" for month in range(9, 22)]
    store(home, *(reading(day, 100 * index) for index, day in enumerate(months)))
    assert store(home, reading("2026-11-01", 2_000)).doubtful == 1


def test_doubtful_hours_count_as_measured_from_then_on(home: Metering) -> None:
    rows = [row(H0 + at, 100 + at, bc="02" if at in (3, 30) else "00") for at in range(48)]
    home.load(report(meter("M1", rows)))
    before = home.energy("ana", OCTOBER.start, date(2026, 10, 3))
    home.tell(invoice_message("ana", "2026-10-01", "2026-10-03"))
    one_day = accept(home, DatePeriod(date(2026, 10, 1), date(2026, 10, 2)))
    assert (one_day.hours, one_day.registers) == (1, ())
    assert [hour.method for hour in stored(home, "ana") if hour.start in (H0 + 3, H0 + 30)] == [REAL, DOUBTFUL]
    assert [hour.wh for hour in stored(home, "ana")] == [100 + at for at in range(48)]
    after = home.energy("ana", OCTOBER.start, date(2026, 10, 3))
    assert (before.hours_estimated, after.hours_estimated) == (2, 1)
    *_, last = told(home, CurveReady)
    assert (last.period.start, last.period.end, last.hours_stored) == ("2026-10-01", "2026-10-02", 1)
    versions = explain_day(home.database, MADRID, STAFF, "ana", OCTOBER.start).hours[3].versions
    assert [(one.method, one.source.actor, one.source.reason) for one in versions] == [
        (DOUBTFUL, "", ""),
        (REAL, "staff:7", "Looked at the meter."),
    ]


def test_a_doubtful_register_that_is_accepted_closes_its_period(home: Metering) -> None:
    a_year_and_a_jump(home)
    assert len(told(home, PeriodClosed)) == 12
    accepted = accept(home)
    assert (accepted.hours, [(one.meter, one.day) for one in accepted.registers]) == (0, [("M1", date(2026, 11, 1))])
    *_, closed = told(home, PeriodClosed)
    assert (closed.period.start, closed.period.end, list(closed.used)) == ("2026-10-01", "2026-11-01", [800_000])
    with home.database.read() as connection:
        (kept,) = acceptances.of_point(connection, 1)
    assert (kept.reason, kept.actor, kept.hours, kept.revision) == ("Looked at the meter.", "staff:7", 0, None)
    assert kept.reading_ids == [one.id for one in accepted.registers]


def test_what_is_doubtful_is_listed_over_all_supplies_until_it_is_accepted(home: Metering) -> None:
    home.tell(supply_message("eva", ("M2", "2020-01-01", "")))
    a_year_and_a_jump(home)
    rows = [row(H0 + at, 100 + at, bc="02" if at in (3, 5, 30) else "00") for at in range(48)]
    home.load(report(meter("M1", [row(H0, 1)]), meter("M2", rows)))

    def listed(*supplies: str, days: DatePeriod = OCTOBER) -> list[tuple[str, list[tuple[int, int, int]], list[date]]]:
        return [
            (
                one.account_number,
                [(day.day.day, day.hours, day.import_wh) for day in one.days],
                [register.day for register in one.registers],
            )
            for one in doubtful_readings(home.database, days, supplies)
        ]

    ana = (account_of(home, "ana"), [], [date(2026, 11, 1)])
    eva = (account_of(home, "eva"), [(1, 2, 208), (2, 1, 130)], [])
    assert listed() == [ana, eva]
    assert listed("eva") == [eva] and listed("ana") == [ana]
    # The register of the last midnight is October's alone; the hours are those of the days asked for.
    assert listed(days=DatePeriod(date(2026, 11, 1), date(2026, 12, 1))) == []
    assert listed(days=DatePeriod(date(2026, 10, 2), date(2026, 10, 3))) == [(eva[0], [(2, 1, 130)], [])]
    accept(home)
    assert listed() == [eva]
    with pytest.raises(NotFound, match="There is no supply 'nobody'"):
        listed("nobody")
    with pytest.raises(Invalid, match="ask for a shorter one"):
        listed(days=DatePeriod(date(2024, 1, 1), date(2026, 1, 1)))


def account_of(home: Metering, supply_id: str) -> str:
    with home.database.read() as connection:
        return holdings.account_numbers(connection, [supply_id])[supply_id]


def test_the_same_request_twice_accepts_once_and_what_cannot_be_accepted_is_said(home: Metering) -> None:
    home.load(report(meter("M1", [row(H0, 1, bc="02")])))
    assert accept(home) == accept(home) == Accepted(1, ())
    with home.database.read() as connection:
        assert len(acceptances.of_point(connection, 1)) == 1
    with pytest.raises(Refused, match="Nothing is doubtful from 2026-10-01 to 2026-10-31"):
        accept(home, request_id="again")
    with pytest.raises(Invalid, match="say in 1 to 500 why"):
        accept(home, reason=" ", request_id="a")
    with pytest.raises(Invalid, match="accept a shorter one"):
        accept(home, DatePeriod(date(2024, 1, 1), date(2026, 1, 1)), request_id="b")
    with pytest.raises(NotFound):
        Acceptor(home.database, MADRID).accept(
            RequestKey("AcceptReadings|staff:7", "c", ""), STAFF, "eva", "", OCTOBER, "x"
        )


def test_billing_is_told_where_what_it_billed_changes(home: Metering) -> None:
    """The register accepted says more than the estimate that was billed rests on: the sum of the month is another."""
    a_year_and_a_jump(home)
    invoice = invoice_message("ana", "2026-10-01", "2026-11-01")
    home.tell(invoice)
    before = told(home, ReadingCorrected)
    accept(home)
    after = told(home, ReadingCorrected)
    assert (len(before), [(one.billed_wh, one.known_wh) for one in after]) == (0, [(250_000, 800_000)])


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[ServiceUnderTest]:
    stub = metering_service_pb2_grpc.MeteringServiceStub
    with service_under_test("metering", Settings, build, stub, folder=tmp_path, database_url=database_url) as running:
        yield running


def test_who_may_accept(service: ServiceUnderTest) -> None:
    request = pb.AcceptReadingsRequest(
        request_id=new_id(),
        supply_id="ana",
        period=DatePeriodMessage(start="2026-10-01", end="2026-11-01"),
        reason="x",
    )
    listing = pb.StreamDoubtfulReadingsRequest(period=request.period)
    assert list(service.as_staff("support").StreamDoubtfulReadings(listing)) == []
    assert refusal(lambda: list(service.as_member("a").StreamDoubtfulReadings(listing))).code == "PERMISSION_DENIED"
    assert refusal(lambda: service.as_staff("metering").AcceptReadings(request)).code == "NOT_FOUND"
    assert refusal(lambda: service.as_staff("support").AcceptReadings(request)).code == "PERMISSION_DENIED"
    assert refusal(lambda: service.as_member("account-1").AcceptReadings(request)).code == "PERMISSION_DENIED"
