"""Energy that was billed and is known otherwise now is told once per change."""

from __future__ import annotations

from datetime import date

from coop.billing.events.v1.events_pb2 import InvoiceIssued, InvoiceRectified
from coop.metering.events.v1.events_pb2 import CurveReady, ReadingCorrected

from services.metering.domain.estimation.closes import Origin
from services.metering.domain.hours import day_number
from services.metering.domain.totals import hours_expected
from tests.integration.metering.test_metering_estimates import DAYS, MONDAY, SUNDAY, estimate, hours_of, settle, supply
from tests.support.metering import Metering, invoice_message
from tests.support.registers import reading, store, told


def bill(metering: Metering, wh: int, start: date = SUNDAY, end: date = MONDAY, version: int = 0) -> InvoiceIssued:
    """Billing tells of an invoice made from the newest curve there is, or an older version."""
    invoice = invoice_message("ana", start.isoformat(), end.isoformat())
    invoice.import_wh = wh
    invoice.hours_expected = hours_expected(DAYS, day_number(start), day_number(end))
    invoice.curve_version = version or max((one.curve_version for one in told(metering, CurveReady)), default=0)
    metering.tell(invoice)
    return invoice


def corrections(metering: Metering) -> list[tuple[int, int, int, int]]:
    """Told to billing: Wh billed, Wh known, hours estimated, hours missing."""
    return [(e.billed_wh, e.known_wh, e.hours_estimated, e.hours_missing) for e in told(metering, ReadingCorrected)]


def test_late_hours_of_a_billed_day(metering: Metering) -> None:
    metering.tell(supply("ana"))
    metering.load(hours_of(SUNDAY, [100] * 22 + [None, None]))
    invoice = bill(metering, 2_200)
    assert corrections(metering) == []
    late = hours_of(SUNDAY, [None] * 22 + [300, None])
    metering.load(late)
    assert corrections(metering) == [(2_200, 2_500, 0, 1)]
    # The same news changes nothing, nor does the same invoice told again.
    metering.load(late, "again.xml")
    metering.tell(invoice)
    assert len(corrections(metering)) == 1
    metering.load(hours_of(SUNDAY, [None] * 23 + [50]))
    assert corrections(metering)[1:] == [(2_200, 2_550, 0, 0)]
    (event, _) = told(metering, ReadingCorrected)
    assert (event.invoice_id, event.supply_id, event.service_id) == (invoice.invoice_id, "ana", "ana-service")
    assert (event.period.start, event.period.end) == ("2026-10-04", "2026-10-05")


def test_an_estimated_bill_is_put_right_once_when_hours_arrive(metering: Metering) -> None:
    """Not at the moment of the import and again after the estimate was made anew: once, with what is known then."""
    metering.tell(supply("ana"))
    metering.load(hours_of(SUNDAY, [100] * 22 + [None, None]))
    store(metering, reading("2026-10-04", 0, 0, 10), reading("2026-10-05", 0, 0, 15))
    (made,) = estimate(metering, SUNDAY, MONDAY)
    assert made.after_wh == 5_000
    bill(metering, 5_000)
    # One of the two hours: the other takes what the close leaves. The sum is the same, the hours are not: they may cost
    # otherwise, which billing knows.
    metering.load(hours_of(SUNDAY, [None] * 22 + [1_000, None]))
    assert settle(metering) == 1 and corrections(metering) == [(5_000, 5_000, 1, 0)]
    # More than the close: measured within 1 kWh of it, it is believed.
    metering.load(hours_of(SUNDAY, [None] * 23 + [1_900]))
    assert len(corrections(metering)) == 1
    assert settle(metering) == 1
    assert corrections(metering)[1:] == [(5_000, 5_100, 0, 0)]


def test_energy_that_moves_to_dearer_hours_is_told(metering: Metering) -> None:
    """The same sum in other tariff periods is another bill; the same hours again are none."""
    metering.tell(supply("ana"))
    metering.load(hours_of(MONDAY, [500] * 12 + [100] * 12))
    bill(metering, 7_200, MONDAY, date(2026, 10, 6))
    assert corrections(metering) == []
    moved = hours_of(MONDAY, [100] * 12 + [500] * 12)
    metering.load(moved, "corrected.xml")
    assert corrections(metering) == [(7_200, 7_200, 0, 0)]
    metering.load(moved, "again.xml")
    assert len(corrections(metering)) == 1


def test_the_members_reading_was_billed_and_the_real_one_is_lower(metering: Metering) -> None:
    """12,575 kWh given, 235 billed; 12,560 read: the same days are known to be less now."""
    metering.tell(supply("ana", tariff="flat"))
    metering.load(hours_of(date(2026, 9, 30), [100] * 24))
    start, end = date(2026, 10, 1), date(2026, 11, 1)
    store(metering, reading("2026-10-01", 12_340), reading("2026-11-01", 12_575, origin=Origin.SELF_READING))
    estimate(metering, start, end)
    bill(metering, 235_000, start, end)
    store(metering, reading("2026-11-01", 12_560))
    assert settle(metering) == 1
    assert corrections(metering) == [(235_000, 220_000, 745, 0)]


def test_a_meter_read_by_hand(metering: Metering) -> None:
    metering.tell(supply("ana"))
    start, end = date(2026, 10, 1), date(2026, 11, 1)
    store(metering, reading("2026-10-01", 0, 0, 10), reading("2026-11-01", 0, 0, 40, origin=Origin.SELF_READING))
    bill(metering, 30_000, start, end)
    store(metering, reading("2026-11-01", 0, 0, 38, origin=Origin.VISUAL))
    assert corrections(metering) == [(30_000, 28_000, 0, 745)]


def test_what_arrived_while_the_invoice_was_made(metering: Metering) -> None:
    metering.tell(supply("ana"))
    metering.load(hours_of(SUNDAY, [100] * 22 + [None, None]))
    used = told(metering, CurveReady)[-1].curve_version
    metering.load(hours_of(SUNDAY, [None] * 22 + [300, None]))
    bill(metering, 2_200, version=used)
    assert corrections(metering) == [(2_200, 2_500, 0, 1)]


def test_hours_beside_a_billed_period_correct_nothing(metering: Metering) -> None:
    metering.tell(supply("ana"))
    metering.load(hours_of(SUNDAY, [100] * 24))
    bill(metering, 2_400)
    metering.load(hours_of(MONDAY, [100] * 24))
    metering.load(hours_of(date(2026, 10, 3), [100] * 24))
    assert corrections(metering) == []


def test_a_rectified_period_is_billed_with_what_was_known_then(metering: Metering) -> None:
    """What billing was told and has put right is not told again; the next change counts from there."""
    metering.tell(supply("ana"))
    metering.load(hours_of(SUNDAY, [100] * 22 + [None, None]))
    invoice = bill(metering, 2_200)
    metering.load(hours_of(SUNDAY, [None] * 22 + [300, None]))
    rectified = InvoiceRectified(
        invoice_id="rectifying",
        number="R-2026-000001",
        rectified_id=invoice.invoice_id,
        rectified_number=invoice.number,
        supply_id=invoice.supply_id,
        service_id=invoice.service_id,
        period=invoice.period,
        import_wh=2_500,
        hours_expected=24,
        hours_measured=23,
        hours_missing=1,
        curve_version=told(metering, CurveReady)[-1].curve_version,
    )
    metering.tell(rectified)
    metering.tell(rectified)
    assert corrections(metering) == [(2_200, 2_500, 0, 1)]
    metering.load(hours_of(SUNDAY, [None] * 23 + [50]))
    assert corrections(metering)[1:] == [(2_500, 2_550, 0, 0)]
