"""Metered water on the printed invoice: use, months before, and the readings with the days at whose end they hold."""

from datetime import date
from decimal import Decimal as D

from services.billing.domain.closes import Close
from services.billing.papers.explain import change
from services.billing.papers.water import water_consumption
from services.billing.repository.invoices import Details
from services.chassis.periods import DatePeriod
from tests.unit.billing.test_papers import month_bill
from tests.unit.billing.test_services_argentina import bill_of, supply, water_close

MONTHS = [(2025, 9), (2025, 10), *((2025, month) for month in (11, 12)), *((2026, month) for month in range(1, 11))]


def close(litres: int, start: int, end: int, meter: str = "W1", origin: str = "technician") -> Close:
    days = DatePeriod(date(2026, 10, start), date(2026, 10, end) if end <= 31 else date(2026, 11, 1))
    return water_close(litres, days, meter, origin=origin)


def test_use_months_and_readings():
    row, _ = month_bill("2026-10")
    found = water_consumption(row, [close(10_500, 1, 11), close(7_728, 11, 32, "W2")], {(2025, 10): 20_000}, MONTHS)
    assert (found.quantity, found.same_month_last_year, found.meter) == (D("18.228"), D(20), "")
    assert [each.period for each in found.readings] == ["W1", "W2"]
    assert [each.quantity for each in found.history] == [None, D(20), *[None] * 11, D("18.228")]
    assert found.last_year is None, "some of the twelve months are not known"
    first, second = found.readings
    assert (first.start, first.end, first.start_date, first.end_date) == (
        D(100),
        D("110.5"),
        date(2026, 9, 30),
        date(2026, 10, 10),
    )
    assert (second.start_date, second.end_date, second.end_estimated) == (date(2026, 10, 10), date(2026, 10, 31), False)


def test_an_estimated_reading_is_said_to_be_one():
    row, _ = month_bill("2026-10")
    found = water_consumption(row, [close(1_000, 1, 32, origin="estimate")], {}, MONTHS)
    assert found.readings[0].end_estimated and found.history[-1].estimated
    assert (found.meter, found.readings[0].period, found.readings[0].used) == ("W1", "", D(1))
    assert water_consumption(row, [], {(2026, 9): 1}, MONTHS) is None


def test_a_change_of_water_is_one_of_consumption_and_no_charge_by_the_month_is_one_of_days():
    """From 18 to 20 m³: two more of the second block, 640.00, and their sewage, 256.00; IVA follows."""
    before, now = (bill_of(supply(services=["water"]), [water_close(litres)])[0] for litres in (18_000, 20_000))
    row, _ = month_bill("2026-10")
    earlier = row.__class__(**{**row.__dict__, "total": before.total, "period_end": date(2026, 10, 31)})
    later = row.__class__(**{**row.__dict__, "total": now.total})
    found = change(later, Details(now.lines, now.taxes, {}), earlier, Details(before.lines, before.taxes, {}))
    assert {reason.reason: reason.amount for reason in found.reasons} == {
        "consumption": D("896.00"),
        "taxes": D("188.16"),
    }
