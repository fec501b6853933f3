"""Hours of an indexed price as columns: each at its own price, multiplied and summed for a whole month at once.

Supplies of one chunk have the same hours. What an hour costs is calculated once for a tariff and a product (`HourGrid`), and a
supply's hours are numbers into that: its energy is multiplied in whole numbers, Wh × millionths of €/kWh, and nothing is
rounded before the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import overload

import numpy as np
from numpy.typing import NDArray

from services.billing.domain.bill import HourEnergy

#: Decimals of an hour's price in €/kWh; with Wh instead of kWh a product has three more.
PRICE_PLACES = 6
PRODUCT_PLACES = PRICE_PLACES + 3
_LARGEST = 2**63 - 1

#: €/kWh of an hour, rounded to PRICE_PLACES, from its local day, tariff period and market price in €/kWh.
HourPrice = Callable[[date, str, Decimal], Decimal]


class HourGrid:
    """The hours that several supplies share, as (local day, tariff period, market price); hours alike are one entry."""

    def __init__(self) -> None:
        self.entries: list[tuple[date, str, Decimal]] = []
        #: Day and market price of each as they are written.
        self.texts: list[tuple[str, str]] = []
        self._places: dict[tuple[date, str, Decimal], int] = {}
        self._prices: dict[Hashable, dict[int, int]] = {}

    def place(self, day: date, period: str, market_price: Decimal) -> int:
        """The number of its entry, which is made when it is not there."""
        entry = (day, period, market_price)
        found = self._places.setdefault(entry, len(self.entries))
        if found == len(self.entries):
            self.entries.append(entry)
            self.texts.append((day.isoformat(), str(market_price)))
        return found

    def prices(self, terms: Hashable, price: HourPrice, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Millionths of €/kWh of the entries at `places`; `terms` names what `price` depends on besides the hour."""
        known = self._prices.setdefault(terms, {})
        wanted = places.tolist()
        for place in set(wanted) - known.keys():
            known[place] = int(price(*self.entries[place]).scaleb(PRICE_PLACES))
        return np.array([known[place] for place in wanted], np.int64)


class PricedHours(Sequence[HourEnergy]):
    """The hours of one supply: entries of a grid, and the Wh taken in each."""

    def __init__(self, grid: HourGrid, places: Sequence[int], import_wh: Sequence[int]) -> None:
        self.grid = grid
        self.places = np.array(places, np.int64)
        self.import_wh = np.array(import_wh, np.int64)

    @classmethod
    def of(cls, hours: Sequence[HourEnergy]) -> PricedHours:
        """The same hours as columns, with a grid of their own unless they are columns already."""
        if isinstance(hours, cls):
            return hours
        grid = HourGrid()
        places = [grid.place(hour.day, hour.period, hour.market_price) for hour in hours]
        return cls(grid, places, [hour.import_wh for hour in hours])

    @property
    def total_wh(self) -> int:
        return int(self.import_wh.sum())

    def amounts(self, terms: Hashable, price: HourPrice) -> dict[str, Decimal]:
        """€ by tariff period: the sum of all its hours, not rounded."""
        products = _products(self.import_wh, self.grid.prices(terms, price, self.places))
        entries = self.grid.entries
        periods = np.array([entries[place][1] for place in self.places.tolist()])
        return {
            str(period): Decimal(int(products[periods == period].sum())).scaleb(-PRODUCT_PLACES)
            for period in np.unique(periods)
        }

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> HourEnergy: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[HourEnergy, ...]: ...
    def __getitem__(self, index: int | slice) -> HourEnergy | tuple[HourEnergy, ...]:
        return tuple(self)[index]

    def __iter__(self) -> Iterator[HourEnergy]:
        for place, wh in zip(self.places.tolist(), self.import_wh.tolist(), strict=True):
            day, period, market_price = self.grid.entries[place]
            yield HourEnergy(day, period, wh, market_price)

    def written(self) -> list[list[str | int]]:
        """Each hour as its day, tariff period, Wh and market price, with day and price as texts."""
        entries, texts = self.grid.entries, self.grid.texts
        return [
            [texts[place][0], entries[place][1], wh, texts[place][1]]
            for place, wh in zip(self.places.tolist(), self.import_wh.tolist(), strict=True)
        ]

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, PricedHours | tuple) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))


def _products(import_wh: NDArray[np.int64], prices: NDArray[np.int64]) -> NDArray[np.int64] | NDArray[np.object_]:
    """Exact: as whole numbers of any size where 64 bits could not hold their sum."""
    largest = int(np.abs(import_wh).max(initial=0)) * int(np.abs(prices).max(initial=0)) * len(prices)
    return import_wh * prices if largest <= _LARGEST else import_wh.astype(object) * prices
