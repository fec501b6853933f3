"""What two bills of one contract differ by has a cause: energy, days, power, prices and taxes leave nothing for "other"."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.bill import Bill
from services.billing.domain.difference import Charged, effects
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import energy, spanish_bill, spanish_supply

WH = st.tuples(*[st.integers(0, 900_000)] * 3)
#: September and October: other days, the same prices.
MONTHS = (DatePeriod.month("2026-09"), DatePeriod.month("2026-10"))
POWERS = st.integers(10, 150).map(lambda tenths: tenths * 100)
PRICES = {"P1": D("0.196"), "P2": D("0.128"), "P3": D("0.092")}
HALF_A_CENT = D("0.005")


def bill(wh: tuple[int, ...], period: DatePeriod, watts: int) -> Bill:
    measured = energy(**{f"P{n}": each for n, each in enumerate(wh, start=1)})
    return spanish_bill(measured, period=period, supply=spanish_supply(watts), issued=date(2026, 11, 2))


@given(WH, WH, POWERS, POWERS)
def test_each_cause_explains_what_it_did(now_wh, before_wh, now_watts, before_watts):
    """The consumption at the prices of before, time by its days, the power that was agreed: each calculated here again."""
    before, now = bill(before_wh, MONTHS[0], before_watts), bill(now_wh, MONTHS[1], now_watts)
    found = {each.cause: each.amount for each in effects(*(Charged(b.period, b.lines, b.taxes) for b in (now, before)))}
    assert "other" not in found
    assert found.get("taxes", D(0)) == (now.total - now.net) - (before.total - before.net)
    used = sum(D(a - b) / 1000 * price for a, b, price in zip(now_wh, before_wh, PRICES.values(), strict=True))
    assert abs(found.get("consumption", D(0)) - used) <= 3 * HALF_A_CENT
    # 30 days become 31: of the power, of the financing and of the meter.
    a_day = [line.amount / line.days for line in before.lines if line.days]
    assert abs(found.get("days", D(0)) - sum(a_day)) <= HALF_A_CENT * len(a_day) * 2
    kw_year = sum(line.unit_price for line in now.lines if line.concept == "power")
    power = D(now_watts - before_watts) / 1000 * kw_year * 31 / 365
    # Told from the cents of before, whose rounding grows with the power.
    assert abs(found.get("power", D(0)) - power) <= 2 * HALF_A_CENT * (2 + D(now_watts) / before_watts)
    assert abs(found.get("price", D(0))) <= HALF_A_CENT * (len(now.lines) + len(before.lines)), "no price changed"
