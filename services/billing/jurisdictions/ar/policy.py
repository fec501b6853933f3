"""Argentina: the cooperative's own prices, IVA by the holder's condition and the use of the supply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.billing.domain.bill import ZERO, BillLine, BillTax, Energy
from services.billing.domain.dated import DatedTable
from services.billing.domain.planning import Segment
from services.billing.domain.policy import PerPeriod, TaxFacts
from services.billing.domain.rows import decimal, text
from services.billing.domain.taxes import add_iva
from services.billing.jurisdictions import Jurisdiction
from services.billing.jurisdictions.files import Source, read_all, read_rows, working_calendar
from services.chassis.errors import Invalid, Refused

FOLDER = Path(__file__).parent
IVA = Source("iva.toml", "rule", lambda row, place: decimal(row, "percent", place) / 100, key="name")
SOURCES = (IVA,)
#: Holders to whom a Liquidación de Servicios Públicos of class A is issued (RG 3571/2013); everybody else gets class B.
CLASS_A = frozenset({"registered"})


@dataclass(frozen=True)
class IvaRule:
    """A rate and to whom it applies; an empty set of conditions lets everybody pass."""

    name: str
    services: frozenset[str]
    uses: frozenset[str]
    tax_conditions: frozenset[str]
    metered: bool | None

    def applies(self, segment: Segment) -> bool:
        contract = segment.contract
        return (
            (not self.services or segment.service in self.services)
            and (not self.uses or contract.use in self.uses)
            and (not self.tax_conditions or contract.tax_condition in self.tax_conditions)
            and (self.metered is None or segment.metered == self.metered)
        )


class ArgentinePolicy:
    def __init__(self, folder: Path = FOLDER) -> None:
        self.rates: dict[str, DatedTable[Decimal]] = read_all(folder, IVA)
        rows = read_rows(folder / IVA.file, IVA.table)
        self.rules = tuple({rule.name: rule for rule in map(_rule, rows)}.values())

    def regulated_power(self, tariff: str) -> DatedTable[PerPeriod] | None:
        return None

    def regulated_energy(self, tariff: str) -> DatedTable[PerPeriod] | None:
        return None

    def hour_price(self, tariff: str, day: date, period: str, energy_price: Decimal) -> Decimal:
        raise Refused(
            f"There is no price by the hour in Argentina; the tariff {tariff!r} needs a product of blocks.",
            reason="NO_TARIFF",
        )

    def demand_lines(self, segment: Segment, energy: Energy, stated: AbstractSet[str]) -> Iterator[BillLine]:
        return iter(())

    def regulated_lines(self, segments: Sequence[Segment], stated: AbstractSet[str]) -> Iterator[BillLine]:
        return iter(())

    def taxed(self, lines: Sequence[BillLine], facts: TaxFacts) -> tuple[list[BillLine], list[BillTax]]:
        return add_iva(lines, [], lambda service: self.iva_rate(service, facts))

    def iva_rate(self, service: str, facts: TaxFacts) -> Decimal:
        """The rate of a service's lines, by the contract in force last in the period."""
        segment = [each for each in facts.segments if each.service == service][-1]
        for rule in self.rules:
            if rule.applies(segment):
                return self.rates[rule.name].at(facts.accrual_date)
        raise Invalid(f"No IVA rule takes {service} of contract {segment.contract.number}; add one without conditions.")

    def references(self, segments: Sequence[Segment]) -> tuple[str, ...]:
        return ()

    def tolls_and_charges(self, line: BillLine, tariff: str, day: date) -> tuple[Decimal, Decimal]:
        return ZERO, ZERO


def invoice_class(segments: Sequence[Segment]) -> str:
    """ "A" for a registered holder, "B" for the rest."""
    return "A" if any(segment.contract.tax_condition in CLASS_A for segment in segments) else "B"


def argentina(options: Mapping[str, Any]) -> Jurisdiction:
    """Argentina's rules; numbers are correlative for each class and point of sale, without a year."""
    return Jurisdiction(
        code="ar",
        policy=ArgentinePolicy(),
        calendar=working_calendar(FOLDER / "holidays.toml"),
        metering_tariff=lambda segment: "flat",
        invoice_series=lambda series, _issued, segments: f"{invoice_class(segments)}-{series}",
        number=lambda series, count: f"{series}-{count:08d}",
    )


def _rule(row: Mapping[str, Any]) -> IvaRule:
    return IvaRule(
        text(row, "name", "iva.toml"),
        frozenset(row.get("services", ())),
        frozenset(row.get("uses", ())),
        frozenset(row.get("tax_conditions", ())),
        row.get("metered"),
    )
