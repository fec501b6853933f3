"""Water that was billed and is known otherwise now is told to billing once per change."""

from __future__ import annotations

from datetime import date

import pytest
from coop.billing.events.v1.events_pb2 import InvoiceIssued, InvoiceRectified
from coop.billing.v1.billing_pb2 import BilledRegister
from coop.common.v1.types_pb2 import DatePeriod
from coop.metering.events.v1.events_pb2 import ReadingCorrected
from coop.supplies.v1 import supplies_pb2

from services.metering.domain.estimation.closes import Origin
from tests.support.metering import Metering, invoice_message, supply_message
from tests.support.registers import store, told, water

OCTOBER = DatePeriod(start="2026-10-01", end="2026-11-01")


@pytest.fixture
def tap(metering: Metering) -> Metering:
    """A water meter read at the end of August and September."""
    metering.tell(supply_message("casa", ("W1", "2020-01-01", ""), kind=supplies_pb2.SERVICE_KIND_WATER))
    store(metering, water("2026-09-01", 800_000), water("2026-10-01", 812_500))
    return metering


def register(litres: int, start: str = "", end: str = "") -> BilledRegister:
    return BilledRegister(service_id="casa-service", litres=litres, read=DatePeriod(start=start, end=end))


def bill(metering: Metering, counted: BilledRegister) -> InvoiceIssued:
    invoice = invoice_message("casa", OCTOBER.start, OCTOBER.end)
    invoice.registers.append(counted)
    metering.tell(invoice)
    return invoice


def corrections(metering: Metering) -> list[tuple[int, int, str]]:
    found = told(metering, ReadingCorrected)
    assert all(each.period == OCTOBER and each.unit == "litre" for each in found)
    return [(each.billed_litres, each.known_litres, each.invoice_id) for each in found]


def test_a_reading_put_right_after_it_was_billed(tap: Metering) -> None:
    store(tap, water("2026-10-29", 830_500, origin=Origin.SELF_READING))
    invoice = bill(tap, register(18_000, "2026-10-01", "2026-10-29"))
    assert corrections(tap) == []
    store(tap, water("2026-10-29", 824_500))
    assert corrections(tap) == [(18_000, 12_000, invoice.invoice_id)]
    tap.tell(invoice_rectified(invoice, register(12_000, "2026-10-01", "2026-10-29")))
    # The next month's reading is none of it.
    store(tap, water("2026-11-29", 840_000))
    assert len(corrections(tap)) == 1


def invoice_rectified(invoice: InvoiceIssued, counted: BilledRegister) -> InvoiceRectified:
    return InvoiceRectified(
        invoice_id="rectifying",
        number="NC-1",
        rectified_id=invoice.invoice_id,
        rectified_number=invoice.number,
        supply_id=invoice.supply_id,
        service_id=invoice.service_id,
        period=invoice.period,
        registers=[counted],
    )


def test_a_reading_that_came_late_and_one_of_another_day(tap: Metering) -> None:
    """A month without a reading was billed by its charge alone; the same litres between other days may cost otherwise."""
    invoice = bill(tap, register(0))
    store(tap, water("2026-10-29", 820_000, origin=Origin.SELF_READING))
    assert corrections(tap) == [(0, 7_500, invoice.invoice_id)]
    store(tap, water("2026-10-30", 820_000))
    assert corrections(tap)[1:] == [(0, 7_500, invoice.invoice_id)]


def test_what_arrived_while_the_invoice_was_made_is_told_with_it(tap: Metering) -> None:
    store(tap, water("2026-10-29", 820_000))
    bill(tap, register(7_000, "2026-10-01", "2026-10-29"))
    assert [(billed, known) for billed, known, _ in corrections(tap)] == [(7_000, 7_500)]
    assert tap.energy("casa", date(2026, 10, 1), date(2026, 11, 1), tariff="flat").closes[0].used == (7_500,)
