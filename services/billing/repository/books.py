"""The books looked at from both sides: what is kept for speed against what the ledger says, summed by the database.

Each check is a sum that is zero when both sides agree; only what does not agree comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, literal_column, select, union_all

from services.billing.domain.ledger import MEMBER_ACCOUNTS, MEMBER_CREDIT, RECEIVABLE, UNMATCHED
from services.billing.repository.bank_files import WAITING
from services.billing.repository.corrections import PAYING
from services.billing.repository.invoices import RECTIFYING
from services.billing.tables import (
    bank_movement,
    invoice,
    ledger_entry,
    ledger_posting,
    member_credit,
    open_item,
    payment,
    payment_reversal,
    settlement,
)

#: The one subject of the check that the queue of movements and the ledger agree.
_QUEUE = literal("queue")


@dataclass(frozen=True)
class Difference:
    """`what` names the check, `subject` the account, invoice, entry or payment; `amount` is by how much they differ."""

    what: str
    subject: str
    amount: Decimal


def differences(connection: Connection, limit: int) -> Iterator[Difference]:
    """At most `limit` of each check, in the order of their subjects."""
    for what, query in _checks().items():
        for row in connection.execute(query.limit(limit)):
            yield Difference(what, row.subject, row.amount)


def balances(connection: Connection) -> list[tuple[str, Decimal]]:
    """Balance of every account of the chart, by name."""
    query = select(ledger_posting.c.account, func.sum(ledger_posting.c.amount)).group_by(ledger_posting.c.account)
    return sorted((row[0], row[1]) for row in connection.execute(query))


def entry_count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(ledger_entry)).scalar_one()


def _checks() -> dict[str, Select[Any]]:
    posted = select(ledger_posting.c.entry_id.label("subject"), ledger_posting.c.amount.label("amount"))
    of_member = ledger_posting.c.account.in_(MEMBER_ACCOUNTS)
    return {
        "entry does not balance": _apart(posted),
        "entry says another change of what is owed than its postings": _apart(
            posted.where(of_member), _minus(ledger_entry.c.id, ledger_entry.c.member_amount)
        ),
        "open items are not what the ledger has as owed": _apart(
            _by_supply(RECEIVABLE), _minus(open_item.c.supply_id, open_item.c.outstanding)
        ),
        "credit is not what the ledger has as credit": _apart(
            _by_supply(MEMBER_CREDIT), _plus(member_credit.c.supply_id, member_credit.c.amount)
        ),
        "invoice is not open by what is left to settle": _apart(
            _plus(open_item.c.invoice_id, open_item.c.outstanding),
            _plus(settlement.c.invoice_id, settlement.c.amount),
            _minus(invoice.c.id, invoice.c.total, invoice.c.kind != RECTIFYING),
            _opened_by_rectification(),
        ),
        "entry settles another amount than it posts": _apart(
            posted.join(ledger_entry, ledger_entry.c.id == ledger_posting.c.entry_id).where(
                ledger_entry.c.kind.in_(PAYING), ledger_posting.c.account == RECEIVABLE
            ),
            _plus(settlement.c.entry_id, settlement.c.amount)
            .join(ledger_entry, ledger_entry.c.id == settlement.c.entry_id)
            .where(ledger_entry.c.kind.in_(PAYING)),
        ),
        "payment is not what its entry posts": _apart(
            posted.where(~of_member, ledger_posting.c.entry_id.in_(select(payment.c.entry_id))),
            _minus(payment.c.entry_id, payment.c.amount),
        ),
        "payment left another credit than its entry posts": _apart(
            posted.where(
                ledger_posting.c.account == MEMBER_CREDIT, ledger_posting.c.entry_id.in_(select(payment.c.entry_id))
            ),
            _plus(payment.c.entry_id, payment.c.credited),
        ),
        "what went back is not what its entry posts": _apart(
            posted.where(~of_member, ledger_posting.c.entry_id.in_(select(payment_reversal.c.entry_id))),
            _plus(payment_reversal.c.entry_id, payment_reversal.c.amount),
        ),
        "more went back than was paid": _more_back_than_paid(),
        "movements that wait are not what is set down as unmatched": _apart(
            _plus(_QUEUE, ledger_posting.c.amount, ledger_posting.c.account == UNMATCHED),
            _plus(_QUEUE, bank_movement.c.amount, bank_movement.c.state.in_(WAITING)),
        ),
    }


def _plus(subject: ColumnElement[Any], amount: ColumnElement[Any], *only: ColumnElement[bool]) -> Select[Any]:
    return select(subject.label("subject"), amount.label("amount")).where(*only)


def _minus(subject: ColumnElement[Any], amount: ColumnElement[Any], *only: ColumnElement[bool]) -> Select[Any]:
    return select(subject.label("subject"), (-amount).label("amount")).where(*only)


def _by_supply(account: str) -> Select[Any]:
    return (
        select(ledger_entry.c.supply_id.label("subject"), ledger_posting.c.amount.label("amount"))
        .join(ledger_entry, ledger_entry.c.id == ledger_posting.c.entry_id)
        .where(ledger_posting.c.account == account)
    )


def _opened_by_rectification() -> Select[Any]:
    """A rectifying invoice is open by what its entry says, which is not its total."""
    return (
        select(invoice.c.id.label("subject"), (-ledger_posting.c.amount).label("amount"))
        .join(ledger_entry, ledger_entry.c.id == ledger_posting.c.entry_id)
        .join(invoice, and_(invoice.c.number == ledger_entry.c.document, invoice.c.kind == RECTIFYING))
        .where(ledger_entry.c.kind == "rectification", ledger_posting.c.detail == "opened")
    )


def _apart(*sides: Select[Any]) -> Select[Any]:
    """Subjects whose amounts do not sum to zero."""
    both = union_all(*sides).subquery()
    total = func.sum(both.c.amount)
    query = select(both.c.subject, total.label("amount")).group_by(both.c.subject)
    return query.having(total != literal_column("0")).order_by(both.c.subject)


def _more_back_than_paid() -> Select[Any]:
    back = func.sum(payment_reversal.c.amount)
    return (
        select(payment.c.id.label("subject"), (back - payment.c.amount).label("amount"))
        .join(payment_reversal, payment_reversal.c.payment_id == payment.c.id)
        .group_by(payment.c.id, payment.c.amount)
        .having(back > payment.c.amount)
        .order_by(payment.c.id)
    )
