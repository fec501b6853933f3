"""Payment plans, what has become of them, and what is unpaid of invoices by the days on which it has to be paid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, Row, insert, or_, select, update

from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import OpenItem
from services.billing.domain.plans import PAID, Broken, Movements, PlanTerms
from services.billing.domain.plans import in_parts as in_parts_of
from services.billing.domain.regularisation import Instalment
from services.billing.repository.corrections import instalments_of
from services.billing.tables import (
    direct_debit,
    ledger_entry,
    open_item,
    payment_plan,
    payment_plan_instalment,
    payment_plan_invoice,
    remittance,
    settlement,
)
from services.chassis.bulk import insert_many

_UNTOLD = payment_plan.c.ended_at.is_(None) & or_(payment_plan.c.told.is_(None), payment_plan.c.told != PAID)


@dataclass(frozen=True)
class Plan:
    """As it was agreed, and how the office ended it; `amounts` were unpaid of the terms' invoices, in their order."""

    terms: PlanTerms
    amounts: tuple[Decimal, ...]
    supply_id: str
    member_id: str
    agreed_by: str
    agreed_at: datetime
    reason: str = ""
    ended_by: str = ""
    ended_at: datetime | None = None

    @property
    def id(self) -> str:
        return self.terms.id


def keep(connection: Connection, plan: Plan) -> None:
    row = {name: value for name, value in plan.__dict__.items() if name not in ("terms", "amounts")}
    connection.execute(insert(payment_plan), {"id": plan.id, **row})
    invoices = zip(plan.terms.invoice_ids, plan.amounts, strict=True)
    insert_many(
        connection,
        payment_plan_invoice,
        [
            {"plan_id": plan.id, "position": n, "invoice_id": each, "amount": amount, "open_invoice_id": each}
            for n, (each, amount) in enumerate(invoices)
        ],
    )
    parts = enumerate(plan.terms.instalments)
    insert_many(
        connection, payment_plan_instalment, [{"plan_id": plan.id, "position": n, **p.__dict__} for n, p in parts]
    )


def end(connection: Connection, plan_id: str, reason: str, ended_by: str, at: datetime) -> None:
    values = {"reason": reason, "ended_by": ended_by, "ended_at": at}
    connection.execute(update(payment_plan).where(payment_plan.c.id == plan_id).values(values))
    mine = payment_plan_invoice.c.plan_id == plan_id
    connection.execute(update(payment_plan_invoice).where(mine).values(open_invoice_id=None))


# ------------------------------------------------------------------------------------------------------------- reading
def by_id(connection: Connection, plan_id: str) -> Plan | None:
    found = _plans(connection, connection.execute(select(payment_plan).where(payment_plan.c.id == plan_id)).all())
    return found[0] if found else None


def in_force_of(connection: Connection, invoice_ids: Iterable[str]) -> list[Plan]:
    """Plans that the office has not ended, kept or broken, of which any of these invoices is one."""
    mine = select(payment_plan_invoice.c.plan_id).where(payment_plan_invoice.c.open_invoice_id.in_(list(invoice_ids)))
    query = select(payment_plan).where(payment_plan.c.id.in_(mine)).order_by(payment_plan.c.id)
    return _plans(connection, connection.execute(query).all())


def of_account(connection: Connection, supply_id: str) -> list[Plan]:
    """The account's plans that the office has not ended."""
    mine = (payment_plan.c.supply_id == supply_id) & payment_plan.c.ended_at.is_(None)
    return _plans(connection, connection.execute(select(payment_plan).where(mine).order_by(payment_plan.c.id)).all())


def named_at(connection: Connection, ids: Iterable[str], at: datetime) -> list[Plan]:
    """Of these plans, those that were in force at an instant."""
    then = (payment_plan.c.agreed_at <= at) & or_(payment_plan.c.ended_at.is_(None), payment_plan.c.ended_at >= at)
    query = select(payment_plan).where(payment_plan.c.id.in_(list(ids)), then).order_by(payment_plan.c.id)
    return _plans(connection, connection.execute(query).all())


def untold(connection: Connection) -> list[tuple[str, str]]:
    """(Id, supply) of plans of which something may be to tell: in force, and not told to be paid."""
    query = select(payment_plan.c.id, payment_plan.c.supply_id).where(_UNTOLD).order_by(payment_plan.c.id)
    return [(row.id, row.supply_id) for row in connection.execute(query)]


def untold_of(connection: Connection, ids: Iterable[str]) -> list[tuple[Plan, str]]:
    """Those of these plans, each with what of it was told last, "" for nothing."""
    query = select(payment_plan).where(_UNTOLD, payment_plan.c.id.in_(list(ids))).order_by(payment_plan.c.id)
    rows = connection.execute(query).all()
    told = {row.id: row.told or "" for row in rows}
    return [(plan, told[plan.id]) for plan in _plans(connection, rows)]


def mark_told(connection: Connection, plan_id: str, outcome: str) -> None:
    connection.execute(update(payment_plan).where(payment_plan.c.id == plan_id).values(told=outcome))


def page(connection: Connection, supply_id: str, *, with_ended: bool, before: str, limit: int) -> list[Plan]:
    """Newest first, of one supply or of all."""
    query = select(payment_plan).order_by(payment_plan.c.id.desc()).limit(limit)
    if supply_id:
        query = query.where(payment_plan.c.supply_id == supply_id)
    if not with_ended:
        query = query.where(payment_plan.c.ended_at.is_(None))
    if before:
        query = query.where(payment_plan.c.id < before)
    return _plans(connection, connection.execute(query).all())


def _plans(connection: Connection, rows: Sequence[Row[tuple[object, ...]]]) -> list[Plan]:
    if not rows:
        return []
    ids = [row.id for row in rows]
    invoices: dict[str, list[tuple[str, Decimal]]] = {}
    mine = select(payment_plan_invoice).where(payment_plan_invoice.c.plan_id.in_(ids))
    for row in connection.execute(mine.order_by(payment_plan_invoice.c.plan_id, payment_plan_invoice.c.position)):
        invoices.setdefault(row.plan_id, []).append((row.invoice_id, row.amount))
    parts: dict[str, list[Instalment]] = {}
    theirs = select(payment_plan_instalment).where(payment_plan_instalment.c.plan_id.in_(ids))
    order = (payment_plan_instalment.c.plan_id, payment_plan_instalment.c.position)
    for row in connection.execute(theirs.order_by(*order)):
        parts.setdefault(row.plan_id, []).append(Instalment(row.due_date, row.amount))
    return [
        Plan(
            PlanTerms(row.id, tuple(each for each, _ in invoices[row.id]), tuple(parts[row.id])),
            tuple(amount for _, amount in invoices[row.id]),
            row.supply_id,
            row.member_id,
            row.agreed_by,
            row.agreed_at,
            row.reason,
            row.ended_by,
            row.ended_at,
        )
        for row in rows
    ]


# ---------------------------------------------------------------------------------------------- what has become of them
def awaited(connection: Connection, plan: Plan) -> Movements:
    """Collections of its invoices that banks have: (day on which they count unless they come back, amount)."""
    query = (
        select(remittance.c.collect_on, direct_debit.c.amount)
        .join(remittance, remittance.c.id == direct_debit.c.remittance_id)
        .where(direct_debit.c.invoice_id.in_(plan.terms.invoice_ids), direct_debit.c.state == "sent")
    )
    return [(row.collect_on, row.amount) for row in connection.execute(query)]


def standing(connection: Connection, plan: Plan, today: date) -> tuple[tuple[OpenItem, ...], Broken | None]:
    """What is unpaid of its invoices, and how it broke, None while it is kept."""
    columns = (open_item.c.invoice_id, open_item.c.number, open_item.c.due_date, open_item.c.outstanding)
    mine = open_item.c.invoice_id.in_(plan.terms.invoice_ids)
    items = tuple(OpenItem(*row) for row in connection.execute(select(*columns).where(mine)))
    left = sum((item.outstanding for item in items), ZERO)
    return items, plan.terms.broken(left, _settled(connection, plan), awaited(connection, plan), today)


def _settled(connection: Connection, plan: Plan) -> Movements:
    query = (
        select(ledger_entry.c.day, settlement.c.amount)
        .join(ledger_entry, ledger_entry.c.id == settlement.c.entry_id)
        .where(
            settlement.c.invoice_id.in_(plan.terms.invoice_ids),
            ledger_entry.c.day > plan.terms.instalments[0].due_date,
        )
    )
    return [(row.day, row.amount) for row in connection.execute(query)]


def in_parts(connection: Connection, items: Sequence[OpenItem], today: date) -> list[OpenItem]:
    """The same debt with an item for each unpaid instalment, of a rectifying invoice or of a plan that is kept on a day, in
    order of due date. No part of an invoice is due before the invoice's own date.
    """
    asked = {item.invoice_id for item in items}
    if not asked:
        return []
    rectified = {
        key: [(part.due_date, part.amount) for part in parts]
        for key, parts in instalments_of(connection, asked).items()
    }
    kept, whole = [], {item.invoice_id: item for item in items}
    for plan in in_force_of(connection, asked):
        # All of the plan's, asked for or not: what is paid of one of them counts for all.
        open_now, broken = standing(connection, plan, today)
        if broken is None:
            kept.append(plan.terms)
            whole.update({item.invoice_id: item for item in open_now})
    return [part for part in in_parts_of(whole.values(), rectified, kept) if part.invoice_id in asked]
