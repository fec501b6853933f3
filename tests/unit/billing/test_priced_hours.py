"""Hours priced by columns come to what they come to one by one, to the last digit, whatever their figures are."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.bill import HourEnergy
from services.billing.domain.priced_hours import HourGrid, PricedHours
from services.chassis.money import round_half_up

DAYS = st.integers(0, 30).map(lambda days: date(2026, 10, 1) + timedelta(days=days))
PERIODS = st.sampled_from(["P1", "P2", "P3"])
#: From what a hydro surplus once paid to what a scarcity cost, EUR/kWh.
MARKET = st.integers(-500_000, 4_000_000).map(lambda millionths: D(millionths) / 1_000_000)
WH = st.integers(0, 10**12)
HOURS = st.lists(st.builds(HourEnergy, DAYS, PERIODS, WH, MARKET), max_size=80).map(tuple)


def hour_price(day: date, period: str, market: D) -> D:
    """Losses and tolls that differ by day and period, with more digits than a price has."""
    return round_half_up(market * (1 + D(day.day) / 137) + D(int(period[1:])) / 97, 6)


def one_by_one(hours: tuple[HourEnergy, ...]) -> dict[str, D]:
    sums: dict[str, D] = {}
    for hour in hours:
        price = hour_price(hour.day, hour.period, hour.market_price)
        sums[hour.period] = sums.get(hour.period, D(0)) + D(hour.import_wh) / 1000 * price
    return sums


@given(HOURS)
def test_columns_come_to_what_the_hours_come_to_one_by_one(hours):
    """With energies of which the products do not fit into 64 bits, too."""
    columns = PricedHours.of(hours)
    assert columns.amounts("terms", hour_price) == one_by_one(hours)
    assert columns.total_wh == sum(hour.import_wh for hour in hours)
    assert columns.written() == [[str(h.day), h.period, h.import_wh, str(h.market_price)] for h in hours]
    assert columns == hours and len(columns) == len(hours) and hash(columns) == hash(hours)


@given(st.lists(HOURS, min_size=2, max_size=4))
def test_supplies_that_share_a_grid_do_not_share_their_energy(several):
    """What an hour costs is calculated once for all of them, whichever of its hours a supply has."""
    grid, asked = HourGrid(), []

    def counted(*hour):
        asked.append(hour)
        return hour_price(*hour)

    for hours in several:
        places = [grid.place(hour.day, hour.period, hour.market_price) for hour in hours]
        columns = PricedHours(grid, places, [hour.import_wh for hour in hours])
        assert columns.amounts("terms", counted) == one_by_one(hours)
    assert len(asked) == len(set(asked))


def test_one_grid_keeps_the_prices_of_two_contracts_apart():
    grid = HourGrid()
    hours = PricedHours(grid, [grid.place(date(2026, 10, 14), "P1", D("0.1"))], [2000])
    assert hours.amounts("cheap", lambda *_: D("0.10")) == {"P1": D("0.2")}
    assert hours.amounts("dear", lambda *_: D("0.30")) == {"P1": D("0.6")}
    assert hours[0] == HourEnergy(date(2026, 10, 14), "P1", 2000, D("0.1")) and hours[:1] == tuple(hours)
