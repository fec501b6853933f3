"""The rules of each country: dated tables as data, and one small policy that reads them."""

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
from services.chassis.errors import Invalid


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
    #: Where the dated tables lie, and which they are: invoices carry the rows they were calculated by.
    folder: Path = Path()
    sources: tuple[Any, ...] = ()
    #: Switches of the profile that change a calculation.
    options: Mapping[str, bool] = field(default_factory=dict)
    #: How issued invoices are rectified; None where this is not supported.
    corrections: CorrectionLaw | None = None
    #: How what is no supply is invoiced; None where it is not.
    charging: ChargeLaw | None = None


def jurisdiction(code: str, options: Mapping[str, Any] | None = None) -> Jurisdiction:
    """The rules of "es" or "ar"; `options` are the profile's [billing] switches that a country's policy knows."""
    if code == "es":
        from services.billing.jurisdictions.es.policy import spain

        return spain(options or {})
    if code == "ar":
        from services.billing.jurisdictions.ar.policy import argentina

        return argentina(options or {})
    raise Invalid(f"The jurisdiction {code!r} is not known; use es or ar.", field="jurisdiction")
