"""Accounts as the ledger's entries make them: all of them now, or those that a certificate named then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, and_, func, or_, select

from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import MEMBER_CREDIT, RECEIVABLE, OpenItem
from services.billing.domain.position import AccountPosition, still_open
from services.billing.repository import plans
from services.billing.repository.corrections import instalments_of
from services.billing.repository.plans import Plan
from services.billing.tables import (
    certificate_supply,
    invoice,
    ledger_entry,
    ledger_posting,
    open_item,
    settlement,
    supply,
)

#: Ids in one question, below what either database takes.
AT_ONCE = 500


def entries_of(connection: Connection, supply_id: str) -> tuple[str, ...]:
    """Ids of every entry of an account that is written now, in order."""
    query = select(ledger_entry.c.id).where(ledger_entry.c.supply_id == supply_id).order_by(ledger_entry.c.id)
    return tuple(connection.execute(query).scalars())


def account(
    connection: Connection, supply_id: str, entries: Sequence[str], of_member: str, agreed: Sequence[Plan], today: date
) -> AccountPosition:
    """The account as these entries alone make it on a day, whatever was written since.

    ``agreed``: its payment plans that count, of other members' invoices too.
    """
    opened: list[OpenItem] = []
    settled: dict[str, Decimal] = {}
    by_day: list[tuple[str, date, Decimal]] = []
    credit = ZERO
    for start in range(0, len(entries), AT_ONCE):
        some = list(entries[start : start + AT_ONCE])
        opened += _opened(connection, supply_id, some, of_member)
        for invoice_id, day, amount in _settled(connection, some):
            settled[invoice_id] = settled.get(invoice_id, ZERO) + amount
            by_day.append((invoice_id, day, amount))
        credit -= _member_credit(connection, some)
    parts = instalments_of(connection, [item.invoice_id for item in opened])
    rectified = {invoice_id: [(part.due_date, part.amount) for part in plan] for invoice_id, plan in parts.items()}
    found = []
    for plan in agreed:
        if of_member in ("", plan.member_id):
            mine = set(plan.terms.invoice_ids)
            left = sum((item.outstanding for item in opened if item.invoice_id in mine), ZERO)
            left -= sum((amount for invoice_id, _, amount in by_day if invoice_id in mine), ZERO)
            if left <= 0:
                continue  # it is paid, in time or not
            moved = [(day, amount) for invoice_id, day, amount in by_day if invoice_id in mine]
            found.append((plan.terms, plan.terms.broken(left, moved, plans.awaited(connection, plan), today)))
    items = still_open(opened, settled, rectified, [terms for terms, broken in found if broken is None])
    return AccountPosition(supply_id, of_member, tuple(entries), items, credit, tuple(found))


def _opened(connection: Connection, supply_id: str, entries: Sequence[str], of_member: str) -> list[OpenItem]:
    """With what each invoice was opened: its total, or of a rectifying one what it asks for."""
    due = func.coalesce(open_item.c.due_date, invoice.c.due_date)
    query = (
        select(invoice.c.id, invoice.c.number, due, func.sum(ledger_posting.c.amount))
        .select_from(ledger_entry)
        .join(ledger_posting, ledger_posting.c.entry_id == ledger_entry.c.id)
        .join(invoice, and_(invoice.c.number == ledger_entry.c.document, invoice.c.supply_id == supply_id))
        .outerjoin(open_item, open_item.c.invoice_id == invoice.c.id)
        .where(
            ledger_entry.c.id.in_(entries),
            ledger_posting.c.account == RECEIVABLE,
            or_(
                ledger_entry.c.kind == "invoice",
                and_(ledger_entry.c.kind == "rectification", ledger_posting.c.detail == "opened"),
            ),
        )
        .group_by(invoice.c.id, invoice.c.number, due)
    )
    if of_member:
        query = query.where(invoice.c.member_id == of_member)
    return [OpenItem(*row) for row in connection.execute(query)]


def _settled(connection: Connection, entries: Sequence[str]) -> list[tuple[str, date, Decimal]]:
    query = (
        select(settlement.c.invoice_id, ledger_entry.c.day, settlement.c.amount)
        .join(ledger_entry, ledger_entry.c.id == settlement.c.entry_id)
        .where(settlement.c.entry_id.in_(entries))
    )
    return [(row.invoice_id, row.day, row.amount) for row in connection.execute(query)]


def _member_credit(connection: Connection, entries: Sequence[str]) -> Decimal:
    query = select(func.sum(ledger_posting.c.amount)).where(
        ledger_posting.c.entry_id.in_(entries), ledger_posting.c.account == MEMBER_CREDIT
    )
    return connection.execute(query).scalar_one() or ZERO


def held_by(connection: Connection, member_id: str) -> list[str]:
    """Supplies that a member holds now."""
    query = select(supply.c.supply_id).where(supply.c.member_id == member_id).order_by(supply.c.supply_id)
    return list(connection.execute(query).scalars())


def invoiced_to(connection: Connection, member_id: str) -> list[str]:
    """Supplies of which a member was ever invoiced something, whoever holds them now."""
    query = select(invoice.c.supply_id).where(invoice.c.member_id == member_id).distinct()
    return list(connection.execute(query).scalars())


def left_with_debt(connection: Connection, member_id: str) -> list[str]:
    """Supplies that a member does not hold any more and of which invoices in their name are unpaid."""
    query = (
        select(invoice.c.supply_id)
        .join(open_item, open_item.c.invoice_id == invoice.c.id)
        .where(
            invoice.c.member_id == member_id,
            open_item.c.outstanding > 0,
            invoice.c.supply_id.not_in(select(supply.c.supply_id).where(supply.c.member_id == member_id)),
        )
        .distinct()
    )
    return list(connection.execute(query).scalars())


def all_invoiced_to(connection: Connection, supply_id: str, member_id: str) -> bool:
    """Whether a supply was never invoiced to anybody else."""
    other = select(invoice.c.id).where(invoice.c.supply_id == supply_id, invoice.c.member_id != member_id).limit(1)
    return connection.execute(other).first() is None


def last_issue(connection: Connection, supply_ids: Iterable[str]) -> date | None:
    """Issue date of the last invoice of some accounts; None without any."""
    query = select(func.max(invoice.c.issue_date)).where(invoice.c.supply_id.in_(list(supply_ids)))
    found: date | None = connection.execute(query).scalar_one()
    return found


def written_since(
    connection: Connection, supply_id: str, known: Iterable[str], day: date
) -> list[tuple[date, str, str, Decimal, datetime]]:
    """(day, kind, document, change of what is owed, recorded at) of entries with a day up to `day` that were not known."""
    query = (
        select(
            ledger_entry.c.id,
            ledger_entry.c.day,
            ledger_entry.c.kind,
            ledger_entry.c.document,
            ledger_entry.c.member_amount,
            ledger_entry.c.recorded_at,
        )
        .where(ledger_entry.c.supply_id == supply_id, ledger_entry.c.day <= day)
        .order_by(ledger_entry.c.id)
    )
    before = set(known)
    return [tuple(row[1:]) for row in connection.execute(query) if row.id not in before]


# --------------------------------------------------------------------------------------------- which accounts one is of
def keep_supplies_of(connection: Connection, certificate_id: str, supply_ids: Iterable[str]) -> None:
    rows = [{"certificate_id": certificate_id, "supply_id": supply_id} for supply_id in supply_ids]
    connection.execute(certificate_supply.insert(), rows)


def supplies_of(connection: Connection, certificate_id: str) -> list[str]:
    query = select(certificate_supply.c.supply_id).where(certificate_supply.c.certificate_id == certificate_id)
    return sorted(connection.execute(query).scalars())
