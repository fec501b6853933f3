"""Hours of an indexed price meet the market's: each takes the price of the hour in which it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from services.billing.domain.bill import Energy, HourEnergy, MeasuredHour

KWH_PER_MWH = 1000


def with_market_prices(energy: Energy, prices: Mapping[datetime, Decimal], tz: ZoneInfo) -> Energy:
    """The energy with a price for every hour that `prices` (EUR/MWh, by UTC start of the hour) has.

    Hours without one stay in `unpriced`, their start as local time, and hold the bill when it is priced.
    """
    priced: list[HourEnergy] = []
    unpriced: list[MeasuredHour] = []
    for hour in energy.unpriced:
        price = prices.get(hour.start)
        local = hour.start.astimezone(tz)
        if price is None:
            unpriced.append(replace(hour, start=local))
        else:
            priced.append(HourEnergy(local.date(), hour.period, hour.import_wh, price / KWH_PER_MWH))
    return replace(energy, hours=energy.hours + tuple(priced), unpriced=tuple(unpriced))
