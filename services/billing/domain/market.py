"""Hours of an indexed price meet the market's: each takes the price of the hour in which it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from services.billing.domain.bill import Energy, MeasuredHour
from services.billing.domain.priced_hours import HourGrid, PricedHours

KWH_PER_MWH = 1000


class MarketHours:
    """The market's prices in EUR/MWh, by UTC start of the hour, for the energy of many supplies."""

    def __init__(self, prices: Mapping[datetime, Decimal], tz: ZoneInfo) -> None:
        self._prices = prices
        self._tz = tz
        self._grid = HourGrid()
        self._places: dict[tuple[datetime, str], int | None] = {}

    def priced(self, energy: Energy) -> Energy:
        """The energy with a price for every hour that the market has.

        Hours without one stay in `unpriced`, their start as local time, and hold the bill when it is priced.
        """
        places: list[int] = []
        import_wh: list[int] = []
        unpriced: list[MeasuredHour] = []
        known = self._places
        for hour in energy.unpriced:
            when = (hour.start, hour.period)
            place = known[when] if when in known else self._place(hour)
            if place is None:
                unpriced.append(hour._replace(start=hour.start.astimezone(self._tz)))
            else:
                places.append(place)
                import_wh.append(hour.import_wh)
        hours = PricedHours(self._grid, places, import_wh)
        return replace(energy, hours=hours, unpriced=tuple(unpriced))

    def _place(self, hour: MeasuredHour) -> int | None:
        price = self._prices.get(hour.start)
        day = hour.start.astimezone(self._tz).date()
        found = None if price is None else self._grid.place(day, hour.period, price / KWH_PER_MWH)
        self._places[hour.start, hour.period] = found
        return found
