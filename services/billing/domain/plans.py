"""Payment plans: unpaid invoices of an account, paid together in instalments on agreed days.

What counts is the whole: by the end of each instalment's day the plan's invoices have to be paid as far as the instalments up
to then add up to, whichever of the invoices the money went to. Once they are not, the plan is broken, and each invoice is due
again since its own date. That an instalment was missed is read from the ledger's days: a payment that was made in time and is
booked later mends it, one that was made late does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from services.billing.domain.bill import ZERO
from services.billing.domain.calendar import WorkingCalendar
from services.billing.domain.ledger import OpenItem
from services.billing.domain.regularisation import Instalment, instalments
from services.chassis.errors import Invalid

#: Of instalments in one plan.
MOST = 36
#: A plan begins within so many days.
LATEST_FIRST = timedelta(days=366)
KEPT, BROKEN, PAID, ENDED = "kept", "broken", "paid", "ended"

#: (day, amount) of what was paid of the plan's invoices; negative: what went back.
Movements = Sequence[tuple[date, Decimal]]


@dataclass(frozen=True)
class Broken:
    """The instalment (`position` from 1) by which a plan broke, what was missing of it, and from which day on."""

    position: int
    due_date: date
    missing: Decimal
    since: date


@dataclass(frozen=True)
class PlanTerms:
    """What was agreed: which invoices, in the order in which they are paid, and by when how much."""

    id: str
    invoice_ids: tuple[str, ...]
    instalments: tuple[Instalment, ...]

    @property
    def total(self) -> Decimal:
        return sum((part.amount for part in self.instalments), ZERO)

    def broken(self, left: Decimal, settled: Movements, awaited: Movements, today: date) -> Broken | None:
        """How it broke, None for one that is kept.

        ``left``: unpaid of its invoices now; ``settled``: what was paid of them, those after the first instalment's day
        at least; ``awaited``: collections that banks have, by the day on which they count unless they come back.
        """
        found, asked = [], ZERO
        for position, part in enumerate(self.instalments, 1):
            if part.due_date >= today:
                break
            asked += part.amount
            for day in sorted({part.due_date} | {day for day, _ in settled if part.due_date < day <= today}):
                later = sum((amount for on, amount in settled if on > day), ZERO)
                paid = self.total - left - later + sum((amount for on, amount in awaited if on <= day), ZERO)
                if paid < asked:
                    since = max(day, part.due_date + timedelta(days=1))
                    found.append(Broken(position, part.due_date, min(asked - paid, part.amount), since))
                    break
        return min(found, key=lambda each: (each.since, each.position), default=None)

    def split(self, items: Iterable[OpenItem]) -> tuple[OpenItem, ...]:
        """What is unpaid of its invoices, by the days of its instalments: what was paid paid the first ones.

        What is unpaid beyond the plan, because a payment from before it came back, keeps its invoice's own date.
        """
        place = {invoice_id: at for at, invoice_id in enumerate(self.invoice_ids)}
        mine = sorted(items, key=lambda item: place[item.invoice_id])
        left = sum((item.outstanding for item in mine), ZERO)
        room: list[tuple[date | None, Decimal]] = []
        for part in reversed(self.instalments):
            take = min(left, part.amount)
            room.append((part.due_date, take))
            left -= take
        room.append((None, left))
        parts: dict[tuple[str, date], OpenItem] = {}
        due, free = room.pop()
        for item in mine:
            rest = item.outstanding
            while rest > 0:
                while not free:
                    due, free = room.pop()
                take = min(rest, free)
                on = due or item.due_date
                before = parts.get((item.invoice_id, on))
                amount = take + (before.outstanding if before else ZERO)
                parts[item.invoice_id, on] = replace(item, due_date=on, outstanding=amount)
                rest, free = rest - take, free - take
        return tuple(parts.values())

    def paid_of_each(self, left: Decimal) -> tuple[Decimal, ...]:
        """What is paid of each instalment, the first ones first."""
        paid, found = self.total - left, []
        for part in self.instalments:
            found.append(min(max(paid, ZERO), part.amount))
            paid -= part.amount
        return tuple(found)


def planned(total: Decimal, first: date, count: int, calendar: WorkingCalendar) -> tuple[Instalment, ...]:
    """Equal monthly instalments from a day on; a day on which nobody can pay moves to the next working one.

    Invalid for a count outside 1 to MOST, or of more parts than there are cents.
    """
    parts = instalments(total, first, count, MOST)
    if len(parts) < count:
        raise Invalid(f"{total} cannot be divided into {count} instalments; choose fewer.", field="instalments")
    return tuple(replace(part, due_date=calendar.on_or_after(part.due_date)) for part in parts)


def check_first(first: date, today: date) -> None:
    """Invalid for a first day that is over, or too far away."""
    if not today <= first <= today + LATEST_FIRST:
        raise Invalid(
            f"The first instalment is on {first}; give a day from today ({today}) to {today + LATEST_FIRST}.",
            field="first",
        )


def in_parts(
    items: Iterable[OpenItem], rectified: Mapping[str, Sequence[tuple[date, Decimal]]], kept: Iterable[PlanTerms]
) -> tuple[OpenItem, ...]:
    """The same debt with an item for each unpaid instalment, of rectifying invoices or of plans that are kept, in order of due
    date. `items` has all that is unpaid of each plan's invoices.
    """
    planned = {invoice_id: terms for terms in kept for invoice_id in terms.invoice_ids}
    parts: list[OpenItem] = []
    together: dict[str, list[OpenItem]] = {}
    for item in items:
        if item.invoice_id in planned:
            together.setdefault(planned[item.invoice_id].id, []).append(item)
        else:
            parts += item.in_parts(rectified.get(item.invoice_id, ()))
    for invoice_id, terms in planned.items():
        if invoice_id == terms.invoice_ids[0]:
            parts += terms.split(together.get(terms.id, ()))
    return tuple(sorted(parts, key=lambda item: (item.due_date, item.number)))
