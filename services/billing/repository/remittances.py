"""Remittances, their collections, and what could be collected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, insert, select, update

from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import OpenItem
from services.billing.domain.payments.collecting import Candidate, Excluded
from services.billing.domain.payments.mandates import Mandate
from services.billing.domain.payments.returns import REASONS
from services.billing.repository.invoices import Issued
from services.billing.repository.plans import in_parts
from services.billing.tables import (
    direct_debit,
    dispute,
    invoice,
    mandate,
    open_item,
    remittance,
    remittance_exclusion,
)
from services.chassis.bulk import insert_many

#: Of ids in one statement.
_AT_ONCE = 1000
_WRONG = [code for code, reason in REASONS.items() if reason.account_wrong]


@dataclass(frozen=True)
class Remittance:
    """`state`: "proposed", "approved", "settled" or "discarded"; `sha256` of its file, "" before its approval."""

    id: str
    number: str
    collect_on: date
    state: str
    without_mandate: int
    proposed_by: str
    proposed_at: datetime
    approved_by: str = ""
    approved_at: datetime | None = None
    sha256: str = ""
    settled_by: str = ""
    settled_at: datetime | None = None


@dataclass(frozen=True)
class DirectDebit:
    """A collection; its states are those of the table."""

    id: str
    end_to_end: str
    remittance_id: str
    position: int
    invoice_id: str
    open_invoice_id: str | None
    supply_id: str
    mandate_id: str
    iban: str
    holder: str
    amended: bool
    amount: Decimal
    state: str
    why: str = ""
    payment_id: str | None = None
    reversal_id: str | None = None
    returned_on: date | None = None
    reason_code: str = ""


@dataclass(frozen=True)
class Exclusion:
    number: str
    account_number: str
    amount: Decimal
    code: str
    why: str


# --------------------------------------------------------------------------------------------------------- proposals
def candidates(
    connection: Connection, collect_on: date, today: date, mandates: Mapping[str, Mandate], only: str = ""
) -> tuple[list[Candidate], int]:
    """What is unpaid and due by a day, of supplies with a mandate in force; and how many items there are of the others.

    Of a payment plan that is kept today, the instalments due by that day.

    `only`: collections of that remittance are not counted as being in one: what would be proposed in its place.
    """
    columns = (open_item, invoice.c.issue_date, invoice.c.issued_at, invoice.c.member_id)
    query = (
        select(*columns)
        .join(invoice, invoice.c.id == open_item.c.invoice_id)
        .where(open_item.c.outstanding > 0, open_item.c.due_date <= collect_on)
        .order_by(open_item.c.number)
    )
    rows = list(connection.execute(query))
    mine = [row for row in rows if row.supply_id in mandates]
    due = _due_amounts(connection, mine, collect_on, today)
    earlier = _earlier(connection)
    dead = _dead_accounts(connection)
    contested = set(connection.execute(select(dispute.c.invoice_id).where(dispute.c.closed_at.is_(None))).scalars())
    found = []
    for row in mine:
        if not due.get(row.invoice_id):
            continue
        given, before = mandates[row.supply_id], [each for each in earlier.get(row.invoice_id, ()) if each[0] != only]
        found.append(
            Candidate(
                invoice_id=row.invoice_id,
                number=row.number,
                member_id=row.member_id,
                issued_on=row.issue_date,
                amount=due[row.invoice_id],
                mandate=given,
                attempts=len(before),
                returned=tuple(reason for _, _, reason, _ in before if reason),
                open_in=next((number for _, number, _, is_open in before if is_open), ""),
                disputed=row.invoice_id in contested,
                dead=dead.get(given.id, frozenset()),
                issued_at=row.issued_at,
            )
        )
    return found, len(rows) - len(mine)


def _due_amounts(connection: Connection, rows: Sequence[Any], collect_on: date, today: date) -> dict[str, Decimal]:
    """What is due by the day of each item: of a plan, the instalments due by then."""
    due: dict[str, Decimal] = {}
    for some in _batches(rows):
        items = [OpenItem(row.invoice_id, row.number, row.due_date, row.outstanding) for row in some]
        for part in in_parts(connection, items, today):
            if part.due_date <= collect_on:
                due[part.invoice_id] = due.get(part.invoice_id, ZERO) + part.outstanding
    return due


def _earlier(connection: Connection) -> dict[str, list[tuple[str, str, str, bool]]]:
    """Collections of unpaid invoices so far: (remittance, its number, reason of return, whether it is open), in order."""
    columns = (
        direct_debit.c.invoice_id,
        direct_debit.c.remittance_id,
        remittance.c.number,
        direct_debit.c.reason_code,
        direct_debit.c.open_invoice_id,
    )
    query = (
        select(*columns)
        .join(remittance, remittance.c.id == direct_debit.c.remittance_id)
        .join(open_item, open_item.c.invoice_id == direct_debit.c.invoice_id)
        .where(open_item.c.outstanding > 0)
        .order_by(direct_debit.c.id)
    )
    found: dict[str, list[tuple[str, str, str, bool]]] = {}
    for row in connection.execute(query):
        entry = (row.remittance_id, row.number, row.reason_code, row.open_invoice_id is not None)
        found.setdefault(row.invoice_id, []).append(entry)
    return found


def dead_accounts_of(connection: Connection, mandate_id: str, on: date) -> frozenset[str]:
    """Accounts of a mandate that a bank had said by a day cannot be debited."""
    query = select(direct_debit.c.iban).where(
        direct_debit.c.mandate_id == mandate_id,
        direct_debit.c.reason_code.in_(_WRONG),
        direct_debit.c.returned_on <= on,
    )
    return frozenset(connection.execute(query).scalars())


def _dead_accounts(connection: Connection) -> dict[str, frozenset[str]]:
    """Accounts that a bank said cannot be debited, by mandate in force."""
    query = (
        select(direct_debit.c.mandate_id, direct_debit.c.iban)
        .join(mandate, mandate.c.id == direct_debit.c.mandate_id)
        .where(mandate.c.cancelled_on.is_(None), direct_debit.c.reason_code.in_(_WRONG))
    )
    found: dict[str, frozenset[str]] = {}
    for row in connection.execute(query):
        found[row.mandate_id] = found.get(row.mandate_id, frozenset()) | {row.iban}
    return found


def keep(connection: Connection, made: Remittance, debits: Sequence[DirectDebit], excluded: Sequence[Excluded]) -> None:
    connection.execute(insert(remittance), made.__dict__)
    insert_many(connection, direct_debit, [each.__dict__ for each in debits])
    rows = [
        {
            "remittance_id": made.id,
            "position": position,
            "invoice_id": each.candidate.invoice_id,
            "amount": each.candidate.amount,
            "code": each.code,
            "why": each.why,
        }
        for position, each in enumerate(excluded)
    ]
    insert_many(connection, remittance_exclusion, rows)


# ----------------------------------------------------------------------------------------------------------- reading
def find(connection: Connection, id_or_number: str, *, lock: bool = False) -> Remittance | None:
    query = select(remittance).where((remittance.c.id == id_or_number) | (remittance.c.number == id_or_number))
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Remittance(**row) if row else None


def lock(connection: Connection, ids: Iterable[str]) -> dict[str, Remittance]:
    """Their rows locked until the transaction ends: what changes collections goes one after the other."""
    query = select(remittance).where(remittance.c.id.in_(sorted(set(ids)))).order_by(remittance.c.id).with_for_update()
    return {row["id"]: Remittance(**row) for row in connection.execute(query).mappings()}


def page(connection: Connection, before: str, limit: int) -> list[Remittance]:
    """The newest first, those before an id."""
    query = select(remittance).order_by(remittance.c.id.desc()).limit(limit)
    rows = connection.execute(query.where(remittance.c.id < before) if before else query).mappings()
    return [Remittance(**row) for row in rows]


def sums(connection: Connection, remittance_ids: Iterable[str]) -> dict[str, dict[str, tuple[int, Decimal]]]:
    """Count and amount of the collections in each state, by remittance."""
    columns = (direct_debit.c.remittance_id, direct_debit.c.state, func.count(), func.sum(direct_debit.c.amount))
    query = (
        select(*columns)
        .where(direct_debit.c.remittance_id.in_(list(remittance_ids)))
        .group_by(direct_debit.c.remittance_id, direct_debit.c.state)
    )
    found: dict[str, dict[str, tuple[int, Decimal]]] = {}
    for remittance_id, state, count, amount in connection.execute(query):
        found.setdefault(remittance_id, {})[state] = (count, amount)
    return found


def debits(
    connection: Connection, remittance_id: str, state: str = "", *, after: int = -1, limit: int | None = None
) -> list[DirectDebit]:
    """The collections of a remittance in order, those of a state and after a position."""
    query = (
        select(direct_debit)
        .where(direct_debit.c.remittance_id == remittance_id, direct_debit.c.position > after)
        .order_by(direct_debit.c.position)
    )
    if state:
        query = query.where(direct_debit.c.state == state)
    return _debits(connection, query.limit(limit) if limit is not None else query)


def by_end_to_end(connection: Connection, names: Iterable[str]) -> dict[str, DirectDebit]:
    found: dict[str, DirectDebit] = {}
    for some in _batches(sorted(set(names))):
        for each in _debits(connection, select(direct_debit).where(direct_debit.c.end_to_end.in_(some))):
            found[each.end_to_end] = each
    return found


def count_returned(connection: Connection, invoice_id: str) -> int:
    """How often collections of an invoice came back."""
    query = select(func.count()).where(direct_debit.c.invoice_id == invoice_id, direct_debit.c.reason_code != "")
    return connection.execute(query).scalar_one()


def exclusions(connection: Connection, remittance_id: str, after: int, limit: int) -> list[tuple[int, Exclusion]]:
    """What a proposal left out, as (position, exclusion), after a position."""
    query = (
        select(remittance_exclusion, invoice.c.number, invoice.c.account_number)
        .join(invoice, invoice.c.id == remittance_exclusion.c.invoice_id)
        .where(remittance_exclusion.c.remittance_id == remittance_id, remittance_exclusion.c.position > after)
        .order_by(remittance_exclusion.c.position)
        .limit(limit)
    )
    return [
        (row.position, Exclusion(row.number, row.account_number, row.amount, row.code, row.why))
        for row in connection.execute(query)
    ]


def count_excluded(connection: Connection, remittance_ids: Iterable[str]) -> dict[str, int]:
    mine = remittance_exclusion.c.remittance_id
    query = select(mine, func.count()).where(mine.in_(list(remittance_ids))).group_by(mine)
    return {row[0]: row[1] for row in connection.execute(query)}


def open_of(connection: Connection, invoice_ids: Iterable[str]) -> dict[str, str]:
    """Numbers of the remittances that are collecting invoices, or are proposed to, by invoice."""
    query = (
        select(direct_debit.c.invoice_id, remittance.c.number)
        .join(remittance, remittance.c.id == direct_debit.c.remittance_id)
        .where(direct_debit.c.open_invoice_id.in_(list(invoice_ids)))
    )
    return {row.invoice_id: row.number for row in connection.execute(query)}


def invoices_of(connection: Connection, ids: Iterable[str]) -> dict[str, Issued]:
    found: dict[str, Issued] = {}
    for some in _batches(sorted(set(ids))):
        for row in connection.execute(select(invoice).where(invoice.c.id.in_(some))).mappings():
            found[row["id"]] = Issued(**row)
    return found


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """So few that their ids fit into one statement on every database."""
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def _debits(connection: Connection, query: Select[Any]) -> list[DirectDebit]:
    return [DirectDebit(**row) for row in connection.execute(query).mappings()]


# ---------------------------------------------------------------------------------------------------------- changing
def change(connection: Connection, remittance_id: str, **values: Any) -> None:
    connection.execute(update(remittance).where(remittance.c.id == remittance_id).values(**values))


def change_debits(connection: Connection, remittance_id: str, was: str, **values: Any) -> None:
    """All collections of a remittance that are in a state."""
    mine = (direct_debit.c.remittance_id == remittance_id) & (direct_debit.c.state == was)
    connection.execute(update(direct_debit).where(mine).values(**values))


def change_each(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Collections by their id in "debit"; the other names of every row are the columns that change."""
    if not rows:
        return
    names = [name for name in rows[0] if name != "debit"]
    values = {name: bindparam(f"new_{name}", type_=direct_debit.c[name].type) for name in names}
    statement = update(direct_debit).where(direct_debit.c.id == bindparam("debit")).values(**values)
    connection.execute(
        statement, [{"debit": row["debit"], **{f"new_{name}": row[name] for name in names}} for row in rows]
    )
