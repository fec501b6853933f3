"""Energy for billing and curves for people, on both databases: who may see what, and how a gap looks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from coop.billing.events.v1.events_pb2 import InvoiceRectified
from coop.supplies.events.v1.events_pb2 import AccessGranted, AccessRevoked
from coop.supplies.v1 import supplies_pb2

from services.chassis.context import Principal
from services.chassis.errors import Invalid, NotFound
from services.chassis.periods import DatePeriod
from services.metering.application.energy import EnergyQuery, billable_energy
from services.metering.application.estimates import Estimator
from services.metering.application.views import Curve, Views
from services.metering.domain.estimation.explain import Code
from services.metering.domain.hours import day_number, hour_start, local_days
from services.metering.domain.publication import BILLED, MONTH_DAY, Publication
from tests.support.metering import MADRID, Metering, invoice_message, supply_message
from tests.support.prime_files import hourly, meter, report, row
from tests.support.registers import reading, store

STAFF = Principal("staff", "office")
MEMBER = Principal("member", "account-ana")
H0 = local_days(MADRID).start_of(day_number(date(2026, 10, 1)))
OCTOBER = DatePeriod(date(2026, 10, 1), date(2026, 11, 1))


@pytest.fixture
def billed(metering: Metering) -> Metering:
    """Ana's October is stored and billed, and her account may read it; November has readings and no bill."""
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    metering.tell(supply_message("eva", ("M2", "2020-01-01", "")))
    rows = [row(H0 + i, i, bc="20" if i == 30 else "00") for i in range(745 + 48) if i not in (9, 10)]
    metering.load(report(meter("M1", rows), hourly("M2", H0, [7] * 745)))
    metering.tell(invoice_message("ana", "2026-10-01", "2026-11-01"))
    metering.tell(AccessGranted(account_id="account-ana", supply_id="ana", member_id="m1", relation="holder"))
    return metering


def views(metering: Metering, publication: Publication = Publication(BILLED)) -> Views:
    return Views(metering.database, metering.clock, MADRID, publication)


def curve(metering: Metering, caller: Principal, start: date, end: date, name: str = "ana") -> Curve:
    return views(metering).curve(caller, name, DatePeriod(start, end))


def test_a_member_sees_the_billed_month_hour_by_hour(billed: Metering) -> None:
    found = curve(billed, MEMBER, OCTOBER.start, OCTOBER.end)
    assert (found.time_zone, found.tariff, len(found.days)) == (MADRID, "2.0TD", 31)
    first = found.days[0]
    assert (first.day, first.hours_expected, len(first.hours)) == (date(2026, 10, 1), 24, 22)
    assert [hour.start - H0 for hour in first.hours] == [i for i in range(24) if i not in (9, 10)]
    assert [hour.import_wh for hour in first.hours[:3]] == [0, 1, 2]
    assert [h.start - H0 for day in found.days for h in day.hours if h.estimated] == [30]
    # Thursday 1 October 2026: valley to 8, then flat, peak from 10 to 14.
    periods = {hour.start - H0: hour.tariff_period for hour in first.hours}
    assert (periods[7], periods[8], periods[11], periods[14]) == ("P3", "P2", "P1", "P2")
    long_day = found.days[24]
    assert (long_day.day, long_day.hours_expected, len(long_day.hours)) == (date(2026, 10, 25), 25, 25)
    assert hour_start(long_day.hours[2].start) == datetime(2026, 10, 25, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2026, 11, 1), date(2026, 11, 2)),
        (date(2026, 10, 31), date(2026, 11, 2)),
        (date(2026, 9, 30), date(2026, 10, 2)),
        (date(2020, 1, 1), date(2020, 1, 2)),
    ],
)
def test_a_member_sees_billed_days_only(billed: Metering, start: date, end: date) -> None:
    with pytest.raises(NotFound, match="not billed yet") as refusal:
        curve(billed, MEMBER, start, end)
    assert refusal.value.reason == "CURVE_NOT_BILLED"
    assert len(curve(billed, STAFF, start, end).days) == (end - start).days


def test_a_range_over_two_billed_periods(billed: Metering) -> None:
    billed.tell(invoice_message("ana", "2026-11-01", "2026-11-02", "2026A000002"))
    assert len(curve(billed, MEMBER, date(2026, 10, 31), date(2026, 11, 2)).days) == 2
    billed.tell(invoice_message("ana", "2026-11-05", "2026-11-08", "2026A000003"))
    with pytest.raises(NotFound, match="not billed yet on 2026-11-02"):
        curve(billed, MEMBER, date(2026, 10, 31), date(2026, 11, 8))


def test_a_charge_and_what_takes_it_back_bill_no_day(billed: Metering) -> None:
    """The period of such an invoice is the day that it is for."""
    charge = invoice_message("ana", "2026-11-01", "2026-11-02", "V-2026-000001")
    charge.kind = "charge"
    billed.tell(charge)
    billed.tell(
        InvoiceRectified(
            rectified_id=charge.invoice_id, service_id=charge.service_id, period=charge.period, kind="charge"
        )
    )
    with pytest.raises(NotFound, match="not billed yet"):
        curve(billed, MEMBER, date(2026, 11, 1), date(2026, 11, 2))
    assert [found.number for found in views(billed).billed_periods(MEMBER, "ana", 10, None)] == ["2026A000001"]


@pytest.mark.parametrize("name", ["eva", "nobody", ""])
def test_a_supply_of_somebody_else_is_the_same_as_none(billed: Metering, name: str) -> None:
    billed.tell(invoice_message("eva", "2026-10-01", "2026-11-01", "2026A000009"))
    for ask in (
        lambda: curve(billed, MEMBER, OCTOBER.start, OCTOBER.end, name),
        lambda: views(billed).billed_periods(MEMBER, name, 10, None),
    ):
        with pytest.raises(NotFound) as refusal:
            ask()
        assert (refusal.value.message, refusal.value.reason) == (f"There is no supply {name!r}.", "SUPPLY_NOT_FOUND")


def test_revoked_access_is_gone_and_another_relation_stays(billed: Metering) -> None:
    billed.tell(AccessGranted(account_id="account-ana", supply_id="ana", member_id="m2", relation="family"))
    billed.tell(AccessGranted(account_id="account-ana", supply_id="ana", member_id="m2", relation="family"))
    billed.tell(AccessRevoked(account_id="account-ana", supply_id="ana", member_id="m1"))
    assert views(billed).billed_periods(MEMBER, "ana", 10, None)
    billed.tell(AccessRevoked(account_id="account-ana", supply_id="ana", member_id="m2"))
    with pytest.raises(NotFound):
        views(billed).billed_periods(MEMBER, "ana", 10, None)


def test_billed_periods_the_newest_first_page_by_page(billed: Metering) -> None:
    billed.tell(invoice_message("ana", "2026-09-01", "2026-10-01", "2026A000000"))
    billed.tell(invoice_message("ana", "2026-09-01", "2026-10-01", "2026R000000"))
    billed.tell(invoice_message("ana", "2026-10-01", "2026-11-01"))  # delivered again
    found, after = [], None
    while page := views(billed).billed_periods(MEMBER, "ana", 2, after):
        found += [one.number for one in page]
        after = (page[-1].start, page[-1].invoice_id)
    assert found == ["2026A000001", "2026R000000", "2026A000000"]
    (first,) = views(billed).billed_periods(STAFF, "ana", 1, None)
    assert (first.import_wh, first.hours_expected, first.hours_missing) == (250_000, 745, 2)


def test_the_electricity_of_a_supply_is_its_curve(billed: Metering) -> None:
    both = supply_message("luz", ("W1", "2020-01-01", ""), kind=supplies_pb2.SERVICE_KIND_WATER)
    both.supply.services[0].id = "water"
    both.supply.services.append(supply_message("luz", ("M5", "2020-01-01", "")).supply.services[0])
    billed.tell(both)
    billed.load(report(hourly("M5", H0, [3]), hourly("W1", H0, [9])))
    assert curve(billed, STAFF, date(2026, 10, 1), date(2026, 10, 2), "luz").days[0].hours[0].import_wh == 3


def test_a_tariff_without_hour_discrimination_has_one_period(billed: Metering) -> None:
    billed.tell(supply_message("casa", ("M7", "2020-01-01", ""), tariff="T1R"))
    billed.load(report(hourly("M7", H0, range(24))))
    found = curve(billed, STAFF, date(2026, 10, 1), date(2026, 10, 2), "casa")
    assert {hour.tariff_period for hour in found.days[0].hours} == {"P1"} and found.tariff == "T1R"
    answer = billed.energy("casa", OCTOBER.start, OCTOBER.end, "flat")
    assert [(e.period, e.import_wh) for e in answer.energy] == [("P1", 276)]


def test_a_month_is_shown_from_its_day_of_the_next_one(billed: Metering) -> None:
    """Readings until 2 November, October billed; the clock stands on 21 November and moves to December."""
    policy = views(billed, Publication(MONTH_DAY, 10))
    billed.clock.advance(datetime(2026, 11, 9, 22, 59, tzinfo=UTC) - billed.clock.now())
    november = DatePeriod(date(2026, 11, 1), date(2026, 12, 1))
    assert policy.published_periods(MEMBER, "ana") == [OCTOBER]
    billed.clock.advance(datetime(2026, 12, 9, 22, 59, tzinfo=UTC) - billed.clock.now())
    with pytest.raises(NotFound, match="from day 10 of the month after") as refusal:
        policy.curve(MEMBER, "ana", november)
    assert refusal.value.reason == "CURVE_NOT_PUBLISHED"
    billed.clock.advance(timedelta(minutes=1))  # midnight in Madrid
    assert policy.published_periods(MEMBER, "ana") == [DatePeriod(OCTOBER.start, november.end)]
    assert sum(len(day.hours) for day in policy.curve(MEMBER, "ana", november).days) == 48
    assert views(billed).published_periods(MEMBER, "ana") == [OCTOBER]
    with pytest.raises(NotFound, match="no supply"):
        policy.published_periods(MEMBER, "eva")


def test_the_curve_of_a_named_service(billed: Metering) -> None:
    found = views(billed).curve(STAFF, "ana", OCTOBER, "ana-service")
    assert sum(len(day.hours) for day in found.days) == 743
    assert {hour.method for day in found.days for hour in day.hours} == {1, 9}
    with pytest.raises(NotFound, match="no service 'eva-service'"):
        views(billed).curve(MEMBER, "ana", OCTOBER, "eva-service")


def test_too_long_and_impossible_ranges_are_refused(billed: Metering) -> None:
    with pytest.raises(Invalid, match="at most 400"):
        curve(billed, STAFF, date(2025, 1, 1), date(2026, 11, 1))
    with pytest.raises(Invalid, match="outside 2000-01-01"):
        curve(billed, STAFF, date(1999, 1, 1), date(1999, 2, 1))


def test_energy_of_many_queries_in_their_order(billed: Metering) -> None:
    def query(name: str, tariff: str, period: DatePeriod = OCTOBER) -> EnergyQuery:
        return EnergyQuery(name, f"{name}-service", tariff, period)

    day = DatePeriod(date(2026, 10, 1), date(2026, 10, 2))
    asked = [query("eva", "2.0TD"), query("new", "3.0TD"), query("ana", "2.0TD", day), query("eva", "flat", day)]
    eva, new, ana, eva_flat = billable_energy(billed.database, MADRID, asked)
    assert [e.import_wh for e in eva.energy] == [168 * 7, 168 * 7, 409 * 7]
    assert [e.period for e in new.energy] == ["P1", "P2", "P3", "P4", "P5", "P6"]
    assert (new.hours_expected, new.hours_missing, new.curve_version) == (745, 745, 0)
    assert sum(e.import_wh for e in new.energy) == 0
    assert (sum(e.import_wh for e in ana.energy), ana.hours_missing) == (sum(range(24)) - 19, 2)
    assert [e.import_wh for e in eva_flat.energy] == [24 * 7]
    assert list(billable_energy(billed.database, MADRID, [])) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (EnergyQuery("ana", "ana-service", "2.1A", OCTOBER), "queries[1].tariff"),
        (EnergyQuery("ana", "", "2.0TD", OCTOBER), "queries[1].service_id"),
        (
            EnergyQuery("ana", "ana-service", "2.0TD", DatePeriod(date(1990, 1, 1), date(1990, 2, 1))),
            "queries[1].period",
        ),
        (EnergyQuery("ana", "eva-service", "2.0TD", OCTOBER), "queries[1].supply_id"),
    ],
)
def test_a_wrong_query_is_named_before_any_answer(billed: Metering, query: EnergyQuery, field: str) -> None:
    right = EnergyQuery("ana", "ana-service", "2.0TD", OCTOBER)
    with pytest.raises(Invalid) as refusal:
        next(billable_energy(billed.database, MADRID, [right, query]))
    assert [violation.field for violation in refusal.value.violations] == [field]


def test_events_with_impossible_dates_are_refused(metering: Metering) -> None:
    with pytest.raises(Invalid, match="not a date"):
        metering.tell(supply_message("ana", ("M1", "2026-02-30", "")))
    with pytest.raises(Invalid, match="names no supply"):
        metering.tell(supply_message(""))


def test_estimated_hours_say_why(billed: Metering) -> None:
    """Hours 9 and 10 of 1 October (P2, P1) are missing; registers read on both ends have 2 kWh more than was measured."""
    measured = {one.period: one.import_wh for one in billed.energy("ana", OCTOBER.start, OCTOBER.end).energy}
    final = [measured[period] // 1_000 + (2 if period != "P3" else 0) for period in ("P1", "P2", "P3")]
    store(billed, reading("2026-10-01", 0, 0, 0), reading("2026-11-01", *final))
    assert [one.hours for one in Estimator(billed.database, MADRID).run(OCTOBER, [], False, "staff:1")] == [2]
    found = views(billed).curve(MEMBER, "ana", OCTOBER)
    assert [reason.code for reason in found.reasons] == [Code.GAPS_FROM_CLOSE]
    told = {hour.start - H0: (hour.method, hour.reason) for day in found.days for hour in day.hours if hour.estimated}
    assert told == {9: (2, 1), 10: (2, 1), 30: (9, 0)}
    assert sum(len(day.hours) for day in found.days) == 745
