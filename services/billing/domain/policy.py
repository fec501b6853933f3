"""What a country's rules answer to the pricing engine; the countries are in services/billing/jurisdictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Protocol

from services.billing.domain.bill import BillLine, BillTax, Energy
from services.billing.domain.concepts import Concept
from services.billing.domain.dated import DatedTable
from services.billing.domain.planning import Segment
from services.billing.domain.supplies import Contract

PerPeriod = Mapping[str, Decimal]


@dataclass(frozen=True)
class TaxFacts:
    """What decides a tax besides the lines: when it accrues, who buys, where, and how much was consumed.

    `market_price` is the mean daily-market price of the month before in EUR/MWh, None where it is not known. `concepts` are
    the cooperative's own among the lines, by code: each says how it is taxed.
    """

    accrual_date: date
    segments: tuple[Segment, ...]
    import_wh: int  # electricity
    zone: str = ""
    market_price: Decimal | None = None
    concepts: Mapping[str, Concept] = field(default_factory=dict)


class Policy(Protocol):
    """The country's rules: regulated prices, regulated lines and taxes, read from dated tables."""

    def regulated_power(self, tariff: str) -> DatedTable[PerPeriod] | None:
        """€/kW and year by power period of an access tariff; None when the tables do not know the tariff."""
        ...

    def regulated_energy(self, tariff: str) -> DatedTable[PerPeriod] | None:
        """€/kWh of tolls and charges by energy period; None when the tables do not know the tariff."""
        ...

    def hour_price(self, tariff: str, day: date, period: str, energy_price: Decimal) -> Decimal:
        """€/kWh delivered in one hour whose energy costs `energy_price` on the wholesale market, losses and all."""
        ...

    def demand_lines(self, segment: Segment, energy: Energy, stated: AbstractSet[str]) -> Iterator[BillLine]:
        """Excess power and reactive energy of one contract over the segment's days; not the concepts in `stated`."""
        ...

    def regulated_lines(self, segments: Sequence[Segment], stated: AbstractSet[str]) -> Iterator[BillLine]:
        """The other regulated items of a bill, without the concepts in `stated`."""
        ...

    def taxed(self, lines: Sequence[BillLine], facts: TaxFacts) -> tuple[list[BillLine], list[BillTax]]:
        """The lines, each naming the taxes on it, and those taxes."""
        ...

    def taxed_share(self, tax: str, contract: Contract, accrual_date: date) -> Decimal:
        """The part of the lines that name a tax which is taxed: 1, unless the use of the supply has a reduced base."""
        ...

    def references(self, segments: Sequence[Segment]) -> tuple[str, ...]:
        """Official references of the regulated prices applied."""
        ...

    def tolls_and_charges(self, line: BillLine, tariff: str, day: date) -> tuple[Decimal, Decimal]:
        """How much of a line's amount goes to networks and to the system's charges; zero where prices contain neither."""
        ...
