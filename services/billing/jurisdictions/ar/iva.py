"""Argentine IVA by line: the service, the use, the holder's condition and whether a meter counts (Ley 23.349, art. 28)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from services.billing.domain.bill import BillLine
from services.billing.domain.charging import OUTSIDE, ChargeConcept
from services.billing.domain.dated import DatedTable
from services.billing.domain.policy import TaxFacts
from services.billing.domain.rows import ratio, text
from services.billing.domain.supplies import Contract
from services.billing.jurisdictions.files import Source
from services.billing.jurisdictions.law_book import LawBook
from services.chassis.errors import Invalid, Refused

IVA = Source(
    "iva.toml",
    "rule",
    lambda row, place: ratio(row, "percent", place),
    key="name",
    elsewhere=frozenset({"services", "uses", "tax_conditions", "metered", "named"}),
)


@dataclass(frozen=True)
class IvaRule:
    """To whom a rate applies; an empty set of conditions lets everybody pass, a named rule only who names it."""

    name: str
    services: frozenset[str]
    uses: frozenset[str]
    tax_conditions: frozenset[str]
    metered: bool | None
    named: bool

    def applies(self, service: str, contract: Contract, *, metered: bool) -> bool:
        return (
            not self.named
            and (not self.services or service in self.services)
            and (not self.uses or contract.use in self.uses)
            and (not self.tax_conditions or contract.tax_condition in self.tax_conditions)
            and (self.metered is None or metered == self.metered)
        )


class IvaTable:
    """The rules of iva.toml, in order, and the dated rate of each."""

    def __init__(self, law: LawBook) -> None:
        self.rates: dict[str, DatedTable[Decimal]] = law.tables(IVA)
        self.rules = tuple({rule.name: rule for rule in map(_rule, law.rows(IVA))}.values())

    @property
    def names(self) -> frozenset[str]:
        """What a concept may name as its `iva`."""
        return frozenset(self.rates) | {OUTSIDE}

    def rate(self, line: BillLine, facts: TaxFacts) -> Decimal | None:
        """The ratio of a line; None outside the tax. Raises Refused when nothing says how it is taxed."""
        concept = facts.concepts.get(line.concept)
        if concept is None or not concept.iva:
            service = concept.on if concept else line.service
            segment = [each for each in facts.segments if each.service == service][-1]
            return self._by_rule(service, segment.contract, facts.accrual_date, metered=segment.metered)
        return self._named(concept.code, concept.iva, facts.accrual_date)

    def charge_rate(self, concept: ChargeConcept, contract: Contract, day: date) -> Decimal | None:
        """The ratio of what is no supply: the rule that it names, else the one that takes its holder."""
        if not concept.iva:
            return self._by_rule(concept.account, contract, day, metered=False)
        return self._named(concept.code, concept.iva, day)

    def _named(self, code: str, name: str, day: date) -> Decimal | None:
        if name == OUTSIDE:
            return None
        if name not in self.rates:
            raise Refused(
                f"The concept {code!r} names the IVA rule {name!r}; use one of {', '.join(sorted(self.names))}.",
                reason="NO_TABLE_ROW",
            )
        return self.rates[name].at(day)

    def _by_rule(self, service: str, contract: Contract, day: date, *, metered: bool) -> Decimal:
        """The rate of the first rule that takes a service under a contract."""
        for rule in self.rules:
            if rule.applies(service, contract, metered=metered):
                return self.rates[rule.name].at(day)
        raise Invalid(f"No IVA rule takes {service} of contract {contract.number}; add one without conditions.")


def _rule(row: Mapping[str, Any]) -> IvaRule:
    return IvaRule(
        text(row, "name", "iva.toml"),
        frozenset(row.get("services", ())),
        frozenset(row.get("uses", ())),
        frozenset(row.get("tax_conditions", ())),
        row.get("metered"),
        bool(row.get("named", False)),
    )
