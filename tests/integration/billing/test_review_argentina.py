"""The hold of art. 31 through a run, its release by the office, and metered water on the invoice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest
from coop.supplies.v1 import supplies_pb2

from services.billing.application.reviews import Reviews
from services.billing.domain.bill import Energy
from services.billing.domain.closes import Close
from services.billing.repository import invoices
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.periods import DatePeriod
from tests.support.billing import STAFF, Office, contract_message, measured, member_message, supply_message

WHY = "Meter read again by Ramón on 3 November: the new air conditioner."


def light(kwh: int) -> Energy:
    return measured(expected=744, P1=kwh * 1000)


@pytest.fixture
def home(office_ar: Office) -> Office:
    """A home whose Octobers of 2025 and 2024 took 220 and 180 kWh."""
    contract = contract_message("casa", product_code="residencial", tariff="T1R", powers=[], meter_rental="")
    office_ar.tell(member_message("casa"), supply_message("casa", contract, cups="", account="7/1"))
    office_ar.energy.usual = light(220)
    office_ar.bill("2025-10", "2025-11-02")
    return office_ar


def test_presumed_error_is_held_until_the_office_releases_it(home: Office) -> None:
    home.energy.usual = light(396)
    held = home.bill()
    (one,) = held.held
    assert (one.reason, one.account_number, one.contract_id) == ("PRESUMED_ERROR", "7/1", "casa-contract")
    assert "396 kWh" in one.explanation and "80 % more than the 220 kWh" in one.explanation
    assert home.bill().held == (one,), "a further run holds it again"

    reviews = Reviews(home.database)
    key = home.key()
    released = reviews.release(key, "staff:office", "7/1", "2026-10", WHY)
    assert (released.why, released.released_by, released.explanation) == (WHY, "staff:office", one.explanation)
    state = home.bill()
    assert (state.held, state.run.invoiced) == ((), 1)
    assert home.invoices.get(STAFF, "B-LSP-00000002").invoice.import_wh == 396_000
    assert reviews.release(key, "staff:office", "7/1", "2026-10", WHY) == released, "repeated safely"
    with pytest.raises(NotFound, match="holds no bill of account '7/1'"):
        reviews.release(home.key(), "staff:office", "7/1", "2026-10", WHY)


def test_the_average_is_paid_while_the_bill_is_held_and_counts_when_it_comes(home: Office) -> None:
    for number in ("B-LSP-00000001", "X-LSP-00000001"):
        home.pay(number, str(home.invoices.get(STAFF, number).invoice.total), currency="ARS")
    home.energy.usual = light(220)
    *_, at_the_average = home.runs.preview("2026-10", "2026-11-02")
    home.energy.usual = light(396)
    assert home.bill().held[0].reason == "PRESUMED_ERROR"
    debt = home.accounts.debt(STAFF, "casa").debt
    assert (debt.overdue, debt.not_yet_due, debt.credit) == (D(0), D(0), D(0)), (
        "nothing is owed for a bill that is held"
    )

    average = at_the_average.run.total
    home.pay("B-LSP-00000001", str(average), currency="ARS")
    assert home.accounts.debt(STAFF, "casa").debt.credit == average
    Reviews(home.database).release(home.key(), "staff:office", "7/1", "2026-10", WHY)
    home.bill()
    owed = home.accounts.debt(STAFF, "casa").debt
    issued = [home.invoices.get(STAFF, f"{kind}-LSP-00000002").invoice for kind in ("B", "X")]
    service, apart = (each.total for each in issued)
    assert owed.not_yet_due + owed.overdue == max(service - average, D(0)) + apart


def test_exactly_75_percent_more_is_billed(home: Office) -> None:
    home.energy.usual = light(385)
    assert home.bill().held == ()


def test_a_release_is_for_its_month_and_for_what_a_decision_can_settle(home: Office) -> None:
    reviews = Reviews(home.database)
    home.energy.usual = measured(expected=744, missing=744, P1=0)
    assert home.bill().held[0].reason == "NO_READINGS"
    with pytest.raises(Refused, match="held for what is missing"):
        reviews.release(home.key(), "staff:office", "7/1", "2026-10", WHY)
    with pytest.raises(NotFound, match="2026-09 holds no bill"):
        reviews.release(home.key(), "staff:office", "7/1", "2026-09", WHY)
    for period, why in (("October", WHY), ("2026-10", "  "), ("2026-10", "x" * 501)):
        with pytest.raises(Invalid):
            reviews.release(home.key(), "staff:office", "7/1", period, why)
    home.start("2026-09", "2026-11-02")
    with pytest.raises(Refused, match="under way"):
        reviews.release(home.key(), "staff:office", "7/1", "2026-09", WHY)


def test_metered_water_is_billed_from_its_readings_and_compared_with_them(office_ar: Office) -> None:
    office = office_ar
    tap = contract_message("casa-tap", product_code="agua-medida", tariff="agua", powers=[], meter_rental="")
    message = supply_message("casa", contract_message("casa", product_code="residencial", tariff="T1R"), cups="")
    message.supply.services.append(
        supplies_pb2.SupplyService(
            id="casa-tap",
            kind=supplies_pb2.SERVICE_KIND_WATER,
            state=supplies_pb2.SERVICE_STATE_CONNECTED,
            contracts=[tap],
        )
    )
    office.tell(member_message("casa"), message)
    office.energy.usual = light(220)

    def counted(year: int, litres: int) -> Energy:
        days = DatePeriod.month(f"{year}-10")
        # Hours that nobody measured: what metering answers for the days of a meter without a curve.
        close = Close("AGL1", "total", days, "litre", 100_000, 100_000 + litres, litres, "technician", ("r1", "r2"))
        return Energy(hours_expected=744, hours_missing=744, closes=(close,))

    office.energy.of = {"casa-tap": counted(2025, 18_000)}
    assert office.bill("2025-10", "2025-11-02").held == ()
    found = office.invoices.get(STAFF, "B-LSP-00000001")
    assert found.details is not None
    water = {
        f"{line.concept} {line.period}".strip(): line.amount for line in found.details.lines if line.service == "water"
    }
    # 2,300 + 10 m³ × 175 + 8 m³ × 262 = 6,146; sewage 40 % of it.
    assert water == {
        "water_fixed": D("2300.00"),
        "water 0–10": D("1750.00"),
        "water 10–25": D("2096.00"),
        "sewage 40 %": D("2458.40"),
    }
    assert found.invoice.hours_missing == 0 and set(found.details.consumption) == {("electricity", "P1")}
    ((service, close),) = found.details.readings
    assert (service, close) == ("water", office.energy.of["casa-tap"].closes[0])
    with office.database.read() as connection:
        assert invoices.details(connection, found.invoice.id).readings == found.details.readings

    office.energy.of = {"casa-tap": counted(2026, 31_501)}
    (held,) = office.bill().held
    assert held.reason == "PRESUMED_ERROR" and "31.501 m³ in 31 days" in held.explanation
    office.energy.of = {"casa-tap": Energy(hours_expected=744, hours_missing=744)}
    (held,) = office.bill().held
    assert held.reason == "NO_READINGS" and held.contract_id == "casa-tap-contract"
    office.energy.of = {"casa-tap": counted(2026, 31_500)}
    assert office.bill().held == ()
    assert date(2026, 10, 1) in {
        each.invoice.period_start for each in office.invoices.list(STAFF, "casa", before=None, limit=9)
    }
