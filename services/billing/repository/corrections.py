"""Corrections that wait for the office, rectifying invoices with what they rectify, and debts paid in instalments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from services.billing.domain.bill import BillLine, BillTax
from services.billing.domain.rectifying import Figures
from services.billing.domain.regularisation import Instalment
from services.billing.evidence.facts import printed_of
from services.billing.tables import correction, instalment, invoice, ledger_entry, open_item, rectification, settlement

PROPOSED, ISSUED, DISCARDED, NOTHING = "proposed", "issued", "discarded", "nothing"
STATES = (PROPOSED, ISSUED, DISCARDED, NOTHING)
#: Entries that bring money to an invoice; the others move what is open between invoices.
PAYING = ("payment", "credit_applied", "payment_returned", "refund", "payment_taken_off")


@dataclass(frozen=True)
class Correction:
    """A billed period that is known otherwise. `corrected`: figures of the corrected invoice, None when it has no price."""

    id: str
    invoice_id: str
    supply_id: str
    account_number: str
    state: str
    found_on: date
    billed_wh: int
    known_wh: int
    curve_version: int
    #: Water, 0 where no meter counted any.
    billed_litres: int
    known_litres: int
    before_total: Decimal
    after_total: Decimal
    corrected: Figures | None
    note: str
    rectifying_id: str | None
    decided_by: str
    decided_at: datetime | None
    created_at: datetime


@dataclass(frozen=True)
class Rectification:
    """What a rectifying invoice rectifies, how and why; `corrected` are the whole figures as they should have been."""

    invoice_id: str
    rectified_id: str
    revision: int
    method: str
    record_type: str
    cause: str
    reason: str
    interest: Decimal
    corrected: Figures


# ---------------------------------------------------------------------------------------------------- figures as JSON
def _figures_state(figures: Figures) -> dict[str, Any]:
    return printed_of(figures.lines, figures.taxes)


def _figures_of(state: Mapping[str, Any]) -> Figures:
    return Figures(
        tuple(BillLine(**_item(line, ("amount", "quantity", "unit_price"))) for line in state["lines"]),
        tuple(BillTax(**_item(tax, ("amount", "base", "rate", "quantity_mwh"))) for tax in state["taxes"]),
    )


def _item(state: Mapping[str, Any], decimals: Sequence[str]) -> dict[str, Any]:
    values = {**state, "taxed_by": tuple(state["taxed_by"])}
    for name in decimals:
        values[name] = None if values[name] is None else Decimal(values[name])
    return values


# -------------------------------------------------------------------------------------------------------- corrections
def keep_correction(connection: Connection, found: Correction, *, new: bool) -> None:
    """Add a correction, or write what has become of it."""
    row = {**found.__dict__, "corrected": _figures_state(found.corrected) if found.corrected else None}
    if new:
        connection.execute(insert(correction), row)
    else:
        # Without the key: SQLite would look for references to a key that is written, even to the same one.
        changed = {name: value for name, value in row.items() if name != "id"}
        connection.execute(update(correction).where(correction.c.id == found.id).values(changed))


def correction_by_id(connection: Connection, correction_id: str, *, lock: bool = False) -> Correction | None:
    query = select(correction).where(correction.c.id == correction_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return _correction(row) if row else None


def proposed_of(connection: Connection, invoice_id: str) -> Correction | None:
    """The proposal of an invoice, its row locked."""
    query = select(correction).where(correction.c.invoice_id == invoice_id, correction.c.state == PROPOSED)
    row = connection.execute(query.with_for_update()).mappings().first()
    return _correction(row) if row else None


def corrections(connection: Connection, state: str, *, before: str, limit: int) -> list[Correction]:
    """Newest first, those of a state or all; `before` is the id of the last one seen."""
    query = select(correction).order_by(correction.c.id.desc()).limit(limit)
    if state:
        query = query.where(correction.c.state == state)
    if before:
        query = query.where(correction.c.id < before)
    return [_correction(row) for row in connection.execute(query).mappings()]


def first_underbilled(connection: Connection, supply_id: str, found_on: date) -> date | None:
    """First day of the earliest period that was billed too little, of those found on one day and not discarded."""
    query = (
        select(invoice.c.period_start)
        .join(correction, correction.c.invoice_id == invoice.c.id)
        .where(
            correction.c.supply_id == supply_id,
            correction.c.found_on == found_on,
            correction.c.state.in_((PROPOSED, ISSUED)),
            correction.c.after_total > correction.c.before_total,
        )
        .order_by(invoice.c.period_start)
        .limit(1)
    )
    found: date | None = connection.execute(query).scalar_one_or_none()
    return found


def _correction(row: Any) -> Correction:
    state = row["corrected"]
    return Correction(**{**row, "corrected": _figures_of(state) if state else None})


# ----------------------------------------------------------------------------------------------------- rectifications
def keep_rectification(connection: Connection, made: Rectification) -> None:
    connection.execute(insert(rectification), {**made.__dict__, "corrected": _figures_state(made.corrected)})


def rectifications_of(connection: Connection, rectified_id: str) -> list[Rectification]:
    """The rectifying invoices of an invoice, the first one first."""
    query = select(rectification).where(rectification.c.rectified_id == rectified_id).order_by(rectification.c.revision)
    return [_rectification(row) for row in connection.execute(query).mappings()]


def rectification_by(connection: Connection, invoice_id: str) -> Rectification | None:
    """What a rectifying invoice rectifies; None for any other invoice."""
    row = connection.execute(select(rectification).where(rectification.c.invoice_id == invoice_id)).mappings().first()
    return _rectification(row) if row else None


def links(connection: Connection, invoice_ids: Iterable[str]) -> list[tuple[str, str, str, str, str]]:
    """Of invoices that rectify or are rectified: (rectifying id, its number, rectified id, its number, method)."""
    ids = list(invoice_ids)
    rectifying, rectified = invoice.alias("rectifying"), invoice.alias("rectified")
    query = (
        select(rectifying.c.id, rectifying.c.number, rectified.c.id, rectified.c.number)
        .add_columns(rectification.c.method)
        .select_from(rectification)
        .join(rectifying, rectifying.c.id == rectification.c.invoice_id)
        .join(rectified, rectified.c.id == rectification.c.rectified_id)
        .where(or_(rectification.c.invoice_id.in_(ids), rectification.c.rectified_id.in_(ids)))
        .order_by(rectification.c.rectified_id, rectification.c.revision)
    )
    return [tuple(row) for row in connection.execute(query)]


def _rectification(row: Any) -> Rectification:
    return Rectification(**{**row, "corrected": _figures_of(row["corrected"])})


def payments_of(connection: Connection, invoice_ids: Iterable[str]) -> list[tuple[date, Decimal]]:
    """What was paid of some invoices, with money or with credit, by day; negative for what went back."""
    query = (
        select(ledger_entry.c.day, settlement.c.amount)
        .join(ledger_entry, ledger_entry.c.id == settlement.c.entry_id)
        .where(settlement.c.invoice_id.in_(list(invoice_ids)), ledger_entry.c.kind.in_(PAYING))
        .order_by(ledger_entry.c.day, ledger_entry.c.id)
    )
    return [(row.day, row.amount) for row in connection.execute(query)]


def kinds_of_open(connection: Connection, supply_id: str) -> dict[str, str]:
    """The kind of document of each invoice of an account with something left to pay."""
    query = (
        select(open_item.c.invoice_id, invoice.c.kind)
        .join(invoice, invoice.c.id == open_item.c.invoice_id)
        .where(open_item.c.supply_id == supply_id, open_item.c.outstanding > 0)
    )
    return {row.invoice_id: row.kind for row in connection.execute(query)}


# -------------------------------------------------------------------------------------------------------- instalments
def keep_instalments(connection: Connection, invoice_id: str, parts: Sequence[Instalment]) -> None:
    if parts:
        rows = [{"invoice_id": invoice_id, "position": n, **part.__dict__} for n, part in enumerate(parts)]
        connection.execute(insert(instalment), rows)


def instalments_of(connection: Connection, invoice_ids: Iterable[str]) -> dict[str, list[Instalment]]:
    """The parts in which invoices are paid, in order, of those that have any."""
    query = (
        select(instalment)
        .where(instalment.c.invoice_id.in_(list(invoice_ids)))
        .order_by(instalment.c.invoice_id, instalment.c.position)
    )
    found: dict[str, list[Instalment]] = {}
    for row in connection.execute(query):
        found.setdefault(row.invoice_id, []).append(Instalment(row.due_date, row.amount))
    return found
