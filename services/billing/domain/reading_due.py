"""Whether a register that is read every few months should have been read by now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from services.billing.domain.bill import Energy
from services.billing.domain.planning import HeldBill, Segment, add_months
from services.billing.domain.supplies import Supply
from services.chassis.periods import DatePeriod

HALF_MONTH = 15


def read_by_intervals(segments: Iterable[Segment]) -> bool:
    """Whether any of them is billed by a register that is not read every month."""
    return any(segment.by_register and segment.product.months > 1 for segment in segments)


def check_read(
    supply: Supply,
    segments: Sequence[Segment],
    energies: Sequence[Energy | None],
    period: DatePeriod,
    last_read: Mapping[str, date],
) -> None:
    """Raises HeldBill (NO_READINGS) when a product of several months has no reading in the month in which one is due.

    `last_read` is the day up to which the registers of each kind of service were billed last. A reading is due so many
    months after that one, or after the contract's first day billed, counted from the change of month nearest to it: nobody
    reads at midnight. A product read every month is due in each one, whatever came before (domain/block_term.py).
    """
    read = {s.service_id for s, e in zip(segments, energies, strict=True) if e is not None and e.closes}
    # Of a service with several segments the last one counts.
    waiting = {each.service_id: each for each in segments if read_by_intervals([each]) and each.service_id not in read}
    begun = {service.id: service.billing_from for service in supply.services}
    for service_id, segment in waiting.items():
        contract = segment.contract
        first = max(contract.start, begun[service_id] or contract.start)
        since = max(last_read.get(segment.service, first), first)
        due = add_months(_change_of_month(since), segment.product.months)
        if due <= period.end:
            raise HeldBill(
                "NO_READINGS",
                f"The water meter of contract {contract.number} is read every {segment.product.months} months and was "
                f"billed up to {since} (excluded): its reading of {due} is missing. Import it and run the month again.",
                contract.id,
            )


def _change_of_month(day: date) -> date:
    """The first of the month, this one's or the next one's, that is nearer."""
    first = day.replace(day=1)
    return first if day.day <= HALF_MONTH else add_months(first, 1)
