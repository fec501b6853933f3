"""Ledger entries, open items, credit and payments of supplies' accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import Entry, OpenItem
from services.billing.repository.invoices import FOREIGN, SERVICE
from services.billing.repository.plans import in_parts
from services.billing.tables import (
    invoice,
    ledger_entry,
    ledger_posting,
    member_credit,
    open_item,
    payment,
    settlement,
)
from services.chassis.bulk import insert_many


@dataclass(frozen=True)
class Payment:
    id: str
    supply_id: str
    #: None for a payment on the account that names no invoice.
    invoice_id: str | None
    entry_id: str
    amount: Decimal
    credited: Decimal
    method: str
    paid_on: date
    reference: str
    recorded_by: str
    recorded_at: datetime
    #: None for a payment from before receipts had numbers.
    receipt_number: str | None = None

    @property
    def receipt(self) -> str:
        """What its receipt is named by."""
        return self.receipt_number or self.id


def keep_entries(connection: Connection, entries: Sequence[tuple[str, Entry]], at: datetime) -> None:
    """Write entries, as (id, entry): their postings first, then the entries that seal them."""
    insert_many(
        connection,
        ledger_posting,
        [
            {"entry_id": entry_id, "position": position, **posting.__dict__}
            for entry_id, entry in entries
            for position, posting in enumerate(entry.postings)
        ],
    )
    insert_many(
        connection,
        ledger_entry,
        [
            {
                "id": entry_id,
                "supply_id": entry.supply_id,
                "day": entry.day,
                "kind": entry.kind,
                "document": entry.document,
                "member_amount": entry.member_amount,
                "recorded_at": at,
            }
            for entry_id, entry in entries
        ],
    )


def keep_settlements(connection: Connection, rows: Sequence[tuple[str, str, Decimal]]) -> None:
    """What an entry settled, as (entry id, invoice id, amount)."""
    names = ("entry_id", "invoice_id", "amount")
    insert_many(connection, settlement, [dict(zip(names, row, strict=True)) for row in rows])


def add_open_items(connection: Connection, supply_of: Mapping[str, str], items: Sequence[OpenItem]) -> None:
    """Items with what is outstanding (zero when credit paid the whole); `supply_of` gives the supply of an invoice."""
    rows = [{**item.__dict__, "supply_id": supply_of[item.invoice_id]} for item in items]
    insert_many(connection, open_item, rows)


def open_items(connection: Connection, supply_id: str, today: date, *, lock: bool = False) -> list[OpenItem]:
    """The account's unpaid items, one for each unpaid instalment where there are any, oldest first.

    Whether a payment plan is kept is judged on `today`.
    """
    return in_parts(connection, unpaid(connection, supply_id, lock=lock), today)


def unpaid(connection: Connection, supply_id: str, *, lock: bool = False) -> list[OpenItem]:
    """What is unpaid of each of the account's invoices, by the invoice's own date whatever was agreed, oldest first."""
    columns = (open_item.c.invoice_id, open_item.c.number, open_item.c.due_date, open_item.c.outstanding)
    query = (
        select(*columns)
        .where(open_item.c.supply_id == supply_id, open_item.c.outstanding > 0)
        .order_by(open_item.c.due_date, open_item.c.number)
    )
    return [OpenItem(*row) for row in connection.execute(query.with_for_update() if lock else query)]


def overdue_items(
    connection: Connection, supply_ids: Iterable[str], today: date
) -> dict[tuple[str, str, str], list[OpenItem]]:
    """What is due and unpaid by account, kind of document and member who owes it, where there is any, oldest first."""
    # None of an item's parts is due before it.
    query = (
        select(open_item, invoice.c.kind, invoice.c.member_id)
        .join(invoice, invoice.c.id == open_item.c.invoice_id)
        .where(open_item.c.supply_id.in_(list(supply_ids)), open_item.c.outstanding > 0, open_item.c.due_date < today)
        .order_by(open_item.c.due_date, open_item.c.number)
    )
    rows = list(connection.execute(query))
    items = [OpenItem(row.invoice_id, row.number, row.due_date, row.outstanding) for row in rows]
    # What rectifies, and charges, are about the service; only what is alien to it is owed apart.
    kinds = {row.invoice_id: FOREIGN if row.kind == FOREIGN else SERVICE for row in rows}
    whose = {row.invoice_id: (row.supply_id, row.member_id) for row in rows}
    found: dict[tuple[str, str, str], list[OpenItem]] = {}
    for part in in_parts(connection, items, today):
        if part.due_date < today:
            supply_id, member_id = whose[part.invoice_id]
            found.setdefault((supply_id, kinds[part.invoice_id], member_id), []).append(part)
    return found


def open_parts(connection: Connection, invoice_ids: Iterable[str], today: date) -> dict[str, tuple[OpenItem, ...]]:
    """What is still to be paid of each invoice that is not paid: one part, or one for each unpaid instalment, in order."""
    columns = (open_item.c.invoice_id, open_item.c.number, open_item.c.due_date, open_item.c.outstanding)
    query = select(*columns).where(open_item.c.invoice_id.in_(list(invoice_ids)), open_item.c.outstanding > 0)
    found: dict[str, tuple[OpenItem, ...]] = {}
    for part in in_parts(connection, [OpenItem(*row) for row in connection.execute(query)], today):
        found[part.invoice_id] = (*found.get(part.invoice_id, ()), part)
    return found


def outstanding_of(connection: Connection, invoice_ids: Iterable[str]) -> dict[str, Decimal]:
    query = select(open_item.c.invoice_id, open_item.c.outstanding).where(open_item.c.invoice_id.in_(list(invoice_ids)))
    return {row.invoice_id: row.outstanding for row in connection.execute(query)}


def reduce_open_items(connection: Connection, takes: Iterable[tuple[str, Decimal]]) -> None:
    statement = (
        update(open_item)
        .where(open_item.c.invoice_id == bindparam("settled"))
        .values(outstanding=open_item.c.outstanding - bindparam("take", type_=open_item.c.outstanding.type))
    )
    rows = [{"settled": invoice_id, "take": amount} for invoice_id, amount in takes]
    if rows:
        connection.execute(statement, rows)


def lock_accounts(connection: Connection, supply_ids: Iterable[str]) -> dict[str, Decimal]:
    """Credit of each account, their rows locked (and made): commands on one account go one after the other."""
    wanted = sorted(set(supply_ids))
    if not wanted:
        return {}
    new = [{"supply_id": supply_id, "amount": ZERO} for supply_id in wanted]
    insert_many(connection, member_credit, new, where_none=True)
    return _credits(connection, wanted, lock=True)


def credit_of(connection: Connection, supply_id: str) -> Decimal:
    return _credits(connection, [supply_id], lock=False).get(supply_id, ZERO)


def _credits(connection: Connection, supply_ids: Sequence[str], *, lock: bool) -> dict[str, Decimal]:
    query = (
        select(member_credit.c.supply_id, member_credit.c.amount)
        .where(member_credit.c.supply_id.in_(supply_ids))
        .order_by(member_credit.c.supply_id)
    )
    return {row.supply_id: row.amount for row in connection.execute(query.with_for_update() if lock else query)}


def change_credits(connection: Connection, changes: Mapping[str, Decimal]) -> None:
    statement = (
        update(member_credit)
        .where(member_credit.c.supply_id == bindparam("account"))
        .values(amount=member_credit.c.amount + bindparam("change", type_=member_credit.c.amount.type))
    )
    rows: list[dict[str, Any]] = [{"account": supply, "change": change} for supply, change in changes.items() if change]
    if rows:
        connection.execute(statement, rows)


def keep_payment(connection: Connection, made: Payment) -> None:
    connection.execute(insert(payment), made.__dict__)


def payment_by_id(connection: Connection, payment_id: str) -> Payment:
    return Payment(**connection.execute(select(payment).where(payment.c.id == payment_id)).mappings().one())


def find_payment(connection: Connection, id_or_number: str) -> Payment | None:
    """By id, or by the number of its receipt."""
    wanted = or_(payment.c.id == id_or_number, payment.c.receipt_number == id_or_number)
    row = connection.execute(select(payment).where(wanted)).mappings().first()
    return Payment(**row) if row else None


def payments(connection: Connection, supply_id: str, *, before: str, limit: int) -> list[Payment]:
    """The last recorded first, of one supply or of all."""
    query = select(payment).order_by(payment.c.id.desc()).limit(limit)
    if supply_id:
        query = query.where(payment.c.supply_id == supply_id)
    if before:
        query = query.where(payment.c.id < before)
    return [Payment(**row) for row in connection.execute(query).mappings()]


def numbers_of(connection: Connection, invoice_ids: Iterable[str]) -> dict[str, str]:
    """Printed numbers of invoices by id."""
    query = select(invoice.c.id, invoice.c.number).where(invoice.c.id.in_(list(invoice_ids)))
    return {row.id: row.number for row in connection.execute(query)}


def balance_before(connection: Connection, supply_id: str, day: date) -> Decimal:
    """What the member owed at the start of a day (negative: the cooperative owed)."""
    total = func.sum(ledger_entry.c.member_amount)
    query = select(total).where(ledger_entry.c.supply_id == supply_id, ledger_entry.c.day < day)
    return connection.execute(query).scalar_one() or ZERO
