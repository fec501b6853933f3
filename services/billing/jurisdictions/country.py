"""What the rest of billing knows of a country: its policy, its dated tables and its ways of numbering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from services.billing.domain.calendar import WorkingCalendar
from services.billing.domain.charging import ChargeLaw
from services.billing.domain.dated import DatedTable
from services.billing.domain.planning import Segment
from services.billing.domain.policy import Policy
from services.billing.domain.regularisation import CorrectionLaw
from services.billing.domain.season_average import Presumption
from services.billing.jurisdictions.law_book import LawBook


@dataclass(frozen=True)
class Jurisdiction:
    code: str
    policy: Policy
    calendar: WorkingCalendar
    #: Tariff under which metering splits a segment's energy: "2.0TD", "flat".
    metering_tariff: Callable[[Segment], str]
    #: Series in which an invoice to these segments' holder is numbered, from the profile's series and the issue date.
    invoice_series: Callable[[str, date, tuple[Segment, ...]], str]
    #: Printed number from series and count.
    number: Callable[[str, int], str]
    #: The W by power period above which metering tells a segment's quarters of an hour; none where they decide nothing.
    quarters_above: Callable[[Segment], Mapping[str, int]] = lambda _segment: {}
    #: Series of the documents apart for foreign concepts; None where such concepts are not collected.
    foreign_series: Callable[[str], str] | None = None
    #: What a concept of the cooperative may name as its tax; without a name it is taxed as its service.
    concept_taxes: frozenset[str] = frozenset()
    #: The same on a document apart, which is no tax document everywhere.
    foreign_taxes: frozenset[str] = frozenset()
    #: By service: consumption that is held because the law presumes it an error.
    presumed_error: Mapping[str, DatedTable[Presumption]] = field(default_factory=dict)
    #: The dated tables, and which of them count for bills: invoices carry the rows they were calculated by.
    law: LawBook = LawBook(Path())
    sources: tuple[Any, ...] = ()
    #: Switches of the profile that change a calculation.
    options: Mapping[str, bool] = field(default_factory=dict)
    #: How issued invoices are rectified; None where this is not supported.
    corrections: CorrectionLaw | None = None
    #: How what is no supply is invoiced; None where it is not.
    charging: ChargeLaw | None = None
