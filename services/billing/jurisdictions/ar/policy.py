"""Argentina: the cooperative's own prices, IVA by line, and consumption that is presumed an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.billing.domain.bill import ZERO, BillLine, BillTax, Energy
from services.billing.domain.charging import OUTSIDE, ChargeLaw, ChargeNumbering
from services.billing.domain.dated import DatedTable
from services.billing.domain.planning import Segment
from services.billing.domain.policy import PerPeriod, TaxFacts
from services.billing.domain.supplies import Contract
from services.billing.domain.taxes import add_iva_by_line
from services.billing.jurisdictions.ar.corrections import REGULARISATION, correction_law
from services.billing.jurisdictions.ar.iva import IVA, IvaTable
from services.billing.jurisdictions.ar.presumed_error import PRESUMED_ERROR, presumptions
from services.billing.jurisdictions.country import Jurisdiction
from services.billing.jurisdictions.files import working_calendar
from services.billing.jurisdictions.law_book import LawBook, own_rows
from services.chassis.errors import Refused

FOLDER = Path(__file__).parent
SOURCES = (IVA, PRESUMED_ERROR, REGULARISATION)
#: Holders to whom a Liquidación de Servicios Públicos of class A is issued (RG 3571/2013); everybody else gets class B.
CLASS_A = frozenset({"registered"})
#: The class of what is no sale of the service and no tax document: foreign concepts, collected apart.
CLASS_FOREIGN = "X"


class ArgentinePolicy:
    def __init__(self, law: LawBook = LawBook(FOLDER)) -> None:
        self.iva = IvaTable(law)

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
        return add_iva_by_line(lines, lambda line: self.iva.rate(line, facts))

    def taxed_share(self, tax: str, contract: Contract, accrual_date: date) -> Decimal:
        return Decimal(1)

    def references(self, segments: Sequence[Segment]) -> tuple[str, ...]:
        return ()

    def tolls_and_charges(self, line: BillLine, tariff: str, day: date) -> tuple[Decimal, Decimal]:
        return ZERO, ZERO


def invoice_class(segments: Sequence[Segment]) -> str:
    """ "A" for a registered holder, "B" for the rest."""
    return "A" if any(segment.contract.tax_condition in CLASS_A for segment in segments) else "B"


def charge_series(wanted: ChargeNumbering) -> str:
    """ "B-FC-00003": an invoice's numbers are correlative for each class and point of sale."""
    letter = "A" if wanted.contract.tax_condition in CLASS_A else "B"
    return f"{letter}-{wanted.name}-{wanted.point_of_sale:05d}"


def argentina(options: Mapping[str, Any], own: Path | None = None) -> Jurisdiction:
    """Argentina's rules; numbers are correlative for each class and point of sale, without a year.

    Option `presumed_error` chooses the basis of a service's presumption: {water = "year"}.
    """
    law = LawBook(FOLDER, own_rows(own, SOURCES) if own else {})
    policy = ArgentinePolicy(law)
    return Jurisdiction(
        code="ar",
        policy=policy,
        calendar=working_calendar(FOLDER / "holidays.toml"),
        metering_tariff=lambda segment: "flat",
        invoice_series=lambda series, _issued, segments: f"{invoice_class(segments)}-{series}",
        foreign_series=lambda series: f"{CLASS_FOREIGN}-{series}",
        number=lambda series, count: f"{series}-{count:08d}",
        concept_taxes=policy.iva.names,
        foreign_taxes=frozenset({OUTSIDE}),
        presumed_error=presumptions(law, options.get("presumed_error", {})),
        law=law,
        sources=SOURCES,
        corrections=correction_law(law),
        charging=ChargeLaw(
            taxes=policy.iva.names | {""},
            rate=lambda concept, contract, _zone, day: policy.iva.charge_rate(concept, contract, day),
            series=charge_series,
            coded=True,
        ),
    )
