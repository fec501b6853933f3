"""What a bill charges each service for, as the cooperative's concepts see it: spans, amounts and consumption."""

from __future__ import annotations

from collections.abc import Sequence

from services.billing.domain.bill import ZERO, BillLine, Energy
from services.billing.domain.concepts import Charged
from services.billing.domain.planning import Segment

#: The segments of a bill, each with its energy; None where nothing is measured.
Measured = Sequence[tuple[Segment, Energy | None]]


def charged_services(measured: Measured, lines: Sequence[BillLine]) -> tuple[Charged, ...]:
    """One per service, in the order of the bill; `lines` are those of the services, without any concept."""
    services = dict.fromkeys(segment.service for segment, _ in measured)
    return tuple(_charged(service, measured, lines) for service in services)


def _charged(service: str, measured: Measured, lines: Sequence[BillLine]) -> Charged:
    own = [(segment, energy) for segment, energy in measured if segment.service == service]
    amount = sum((line.amount for line in lines if line.service == service), ZERO)
    used = sum(_used(segment, energy) for segment, energy in own if energy is not None)
    unit = "m3" if service == "water" else "kwh"
    return Charged(service, tuple((segment.contract, segment.days) for segment, _ in own), amount, used, unit)


def _used(segment: Segment, energy: Energy) -> int:
    return sum(close.used for close in energy.closes) if segment.by_register else energy.import_wh
