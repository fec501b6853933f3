"""Overdue debts with what reminders need to know of them, the reminders that were issued, and accounts on hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import OpenItem
from services.billing.domain.payments.collecting import Candidate, Chosen, decide
from services.billing.domain.payments.mandates import Mandate, Terms
from services.billing.domain.reminders import DIRECT_DEBIT, DISPUTED, IN_CORRECTION, Account, Debt, Due, Told
from services.billing.repository import upsert
from services.billing.repository.corrections import PROPOSED
from services.billing.repository.invoices import CHARGE, FOREIGN
from services.billing.repository.plans import in_parts
from services.billing.repository.remittances import dead_accounts_of
from services.billing.tables import (
    correction,
    direct_debit,
    dispute,
    invoice,
    member_credit,
    open_item,
    reminder,
    reminder_debt,
    reminder_hold,
    reminder_round,
    remittance,
    supply,
)
from services.chassis.bulk import insert_many

#: Reasons of a remittance for leaving a collection out that pass by themselves: it is on its way all the same.
_ON_ITS_WAY = ("in_remittance", "notice")


@dataclass(frozen=True)
class Collecting:
    """How bills are collected by direct debit: the profile's terms, and the mandates by supply."""

    terms: Terms
    mandates: Mapping[str, Mandate]


@dataclass(frozen=True)
class Reminder:
    """As it was issued; `debts` as (invoice id, number, due date, outstanding then)."""

    id: str
    round_id: str
    supply_id: str
    member_id: str
    account_number: str
    former_holder: bool
    step: str
    number: int
    issued_on: date
    pay_until: date
    total: Decimal
    credit: Decimal
    told: Told
    issued_at: datetime
    proof: bool
    received_on: date | None = None
    evidence: str = ""
    received_by: str = ""
    debts: tuple[tuple[str, str, date, Decimal], ...] = ()


@dataclass(frozen=True)
class Hold:
    supply_id: str
    until: date
    why: str
    held_by: str
    held_at: datetime


# ------------------------------------------------------------------------------------------------------ what is overdue
def overdue_supplies(connection: Connection, on: date) -> list[str]:
    """Supplies with something unpaid whose day to pay is over, in order."""
    query = select(open_item.c.supply_id).where(open_item.c.outstanding > 0, open_item.c.due_date < on)
    return list(connection.execute(query.distinct().order_by(open_item.c.supply_id)).scalars())


def accounts(
    connection: Connection, supply_ids: Sequence[str], on: date, collecting: Collecting | None
) -> list[Account]:
    """What is overdue on some accounts, each debt with the steps it has been through and why it may be left alone."""
    query = (
        select(
            open_item,
            invoice.c.kind,
            invoice.c.member_id,
            invoice.c.issue_date,
            invoice.c.issued_at,
            invoice.c.account_number,
        )
        .join(invoice, invoice.c.id == open_item.c.invoice_id)
        .where(open_item.c.supply_id.in_(supply_ids), open_item.c.outstanding > 0, open_item.c.due_date < on)
    )
    rows = {row.invoice_id: row for row in connection.execute(query)}
    items = [OpenItem(row.invoice_id, row.number, row.due_date, row.outstanding) for row in rows.values()]
    parts = [part for part in in_parts(connection, items, on) if part.due_date < on]
    said, withheld = _said(connection, list(rows)), _withheld(connection, list(rows.values()), on, collecting)
    debts: dict[str, list[Debt]] = {}
    for part in parts:
        row = rows[part.invoice_id]
        debts.setdefault(row.supply_id, []).append(
            Debt(
                invoice_id=part.invoice_id,
                number=part.number,
                member_id=row.member_id,
                due_date=part.due_date,
                outstanding=part.outstanding,
                foreign=row.kind in (FOREIGN, CHARGE),
                said=tuple(said.get((part.invoice_id, part.due_date), ())),
                withheld=withheld.get(part.invoice_id, ""),
            )
        )
    numbers = {row.supply_id: row.account_number for row in rows.values()}
    holders, credit, held = _holders(connection, debts), _credit(connection, debts), holds_of(connection, debts, on)
    return [
        Account(
            supply_id,
            numbers[supply_id],
            holders.get(supply_id, ""),
            tuple(found),
            credit.get(supply_id, ZERO),
            held[supply_id].why if supply_id in held else "",
        )
        for supply_id, found in sorted(debts.items())
    ]


def _said(connection: Connection, invoice_ids: Sequence[str]) -> dict[tuple[str, date], list[tuple[str, date]]]:
    query = (
        select(reminder_debt.c.invoice_id, reminder_debt.c.due_date, reminder_debt.c.step, reminder.c.issued_on)
        .join(reminder, reminder.c.id == reminder_debt.c.reminder_id)
        .where(reminder_debt.c.invoice_id.in_(invoice_ids))
        .order_by(reminder.c.id)
    )
    found: dict[tuple[str, date], list[tuple[str, date]]] = {}
    for row in connection.execute(query):
        found.setdefault((row.invoice_id, row.due_date), []).append((row.step, row.issued_on))
    return found


def _withheld(connection: Connection, rows: Sequence[Any], on: date, collecting: Collecting | None) -> dict[str, str]:
    """Why invoices are left alone whatever their account's state; the strongest reason of each."""
    ids = [row.invoice_id for row in rows]
    disputed = select(dispute.c.invoice_id).where(dispute.c.invoice_id.in_(ids), dispute.c.closed_at.is_(None))
    correcting = select(correction.c.invoice_id).where(correction.c.invoice_id.in_(ids), correction.c.state == PROPOSED)
    contested = set(connection.execute(disputed).scalars())
    found = dict.fromkeys(_on_their_way(connection, rows, contested, on, collecting), DIRECT_DEBIT)
    found |= dict.fromkeys(connection.execute(correcting).scalars(), IN_CORRECTION)
    return found | dict.fromkeys(contested, DISPUTED)


def _on_their_way(
    connection: Connection, rows: Sequence[Any], disputed: set[str], on: date, collecting: Collecting | None
) -> list[str]:
    """Invoices whose direct debit the bank has, or that the next remittance would collect."""
    earlier: dict[str, list[Any]] = {}
    query = (
        select(
            direct_debit.c.invoice_id, direct_debit.c.open_invoice_id, direct_debit.c.reason_code, remittance.c.number
        )
        .join(remittance, remittance.c.id == direct_debit.c.remittance_id)
        .where(direct_debit.c.invoice_id.in_([row.invoice_id for row in rows]))
        .order_by(direct_debit.c.id)
    )
    for each in connection.execute(query):
        earlier.setdefault(each.invoice_id, []).append(each)
    found = []
    for row in rows:
        before = earlier.get(row.invoice_id, [])
        open_in = next((each.number for each in before if each.open_invoice_id), "")
        mandate = collecting.mandates.get(row.supply_id) if collecting else None
        if open_in:
            found.append(row.invoice_id)
        elif mandate is not None and collecting is not None:
            item = Candidate(
                invoice_id=row.invoice_id,
                number=row.number,
                member_id=row.member_id,
                issued_on=row.issue_date,
                amount=row.outstanding,
                mandate=mandate,
                attempts=len(before),
                returned=tuple(each.reason_code for each in before if each.reason_code),
                disputed=row.invoice_id in disputed,
                dead=dead_accounts_of(connection, mandate.id, on),
                issued_at=row.issued_at,
            )
            outcome = decide(item, on, collecting.terms)
            if isinstance(outcome, Chosen) or outcome.code in _ON_ITS_WAY:
                found.append(row.invoice_id)
    return found


def _holders(connection: Connection, supply_ids: Iterable[str]) -> dict[str, str]:
    query = select(supply.c.supply_id, supply.c.member_id).where(supply.c.supply_id.in_(list(supply_ids)))
    return {row.supply_id: row.member_id for row in connection.execute(query)}


def _credit(connection: Connection, supply_ids: Iterable[str]) -> dict[str, Decimal]:
    query = select(member_credit).where(member_credit.c.supply_id.in_(list(supply_ids)))
    return {row.supply_id: row.amount for row in connection.execute(query)}


# ------------------------------------------------------------------------------------------------- what was reminded of
def keep_round(connection: Connection, round_id: str, as_of: date, by: str, at: datetime) -> None:
    row = {"id": round_id, "as_of": as_of, "started_by": by, "started_at": at}
    connection.execute(insert(reminder_round), row)


def keep(connection: Connection, reminder_id: str, round_id: str, on: date, due: Due, told: Told, at: datetime) -> None:
    """Writes a reminder with its debts. The key of a debt and its step refuses a second one."""
    row = {
        "id": reminder_id,
        "round_id": round_id,
        "supply_id": due.account.supply_id,
        "member_id": due.member_id,
        "account_number": due.account.account_number,
        "former_holder": due.former_holder,
        "step": due.step.code,
        "number": due.step.number,
        "issued_on": on,
        "pay_until": due.pay_until,
        "total": due.total,
        "credit": due.account.credit,
        "told": told.state(),
        "issued_at": at,
        "proof": due.step.proof,
        "evidence": "",
        "received_by": "",
    }
    connection.execute(insert(reminder), row)
    debts = [
        {
            "invoice_id": debt.invoice_id,
            "due_date": debt.due_date,
            "step": due.step.code,
            "reminder_id": reminder_id,
            "number": debt.number,
            "outstanding": debt.outstanding,
        }
        for debt in due.debts
    ]
    insert_many(connection, reminder_debt, debts)


def sums_of_round(connection: Connection, round_id: str) -> tuple[int, Decimal]:
    """How many reminders a round issued, and of how much."""
    query = select(func.count(), func.coalesce(func.sum(reminder.c.total), ZERO)).where(reminder.c.round_id == round_id)
    count, total = connection.execute(query).one()
    return count, total


def by_id(connection: Connection, reminder_id: str, *, lock: bool = False) -> Reminder | None:
    query = select(reminder).where(reminder.c.id == reminder_id)
    found = _reminders(connection, query.with_for_update() if lock else query)
    return found[0] if found else None


def page(
    connection: Connection, *, supply_id: str, step: str, round_id: str, proof_missing: bool, before: str, limit: int
) -> list[Reminder]:
    """The newest first; of a supply, a step, a round, or those whose proof of receipt is missing."""
    query = select(reminder).order_by(reminder.c.id.desc()).limit(limit)
    for column, wanted in ((reminder.c.supply_id, supply_id), (reminder.c.step, step), (reminder.c.round_id, round_id)):
        if wanted:
            query = query.where(column == wanted)
    if proof_missing:
        query = query.where(reminder.c.proof.is_(True), reminder.c.received_on.is_(None))
    return _reminders(connection, query.where(reminder.c.id < before) if before else query)


def note_receipt(connection: Connection, reminder_id: str, received_on: date, evidence: str, by: str) -> None:
    values = {"received_on": received_on, "evidence": evidence, "received_by": by}
    connection.execute(update(reminder).where(reminder.c.id == reminder_id).values(values))


def _reminders(connection: Connection, query: Select[Any]) -> list[Reminder]:
    rows = list(connection.execute(query).mappings())
    asked = (
        select(reminder_debt)
        .where(reminder_debt.c.reminder_id.in_([row["id"] for row in rows]))
        .order_by(reminder_debt.c.due_date, reminder_debt.c.number)
    )
    debts: dict[str, list[tuple[str, str, date, Decimal]]] = {}
    for row in connection.execute(asked):
        debts.setdefault(row.reminder_id, []).append((row.invoice_id, row.number, row.due_date, row.outstanding))
    return [Reminder(**{**row, "told": Told.of(row["told"])}, debts=tuple(debts.get(row["id"], ()))) for row in rows]


# --------------------------------------------------------------------------------------------------------------- holds
def hold(connection: Connection, made: Hold) -> None:
    """One of an account: a new one takes the place of the one before."""
    statement = upsert(connection, reminder_hold).values(made.__dict__)
    fresh = {name: value for name, value in made.__dict__.items() if name != "supply_id"}
    connection.execute(statement.on_conflict_do_update(index_elements=[reminder_hold.c.supply_id], set_=fresh))


def release(connection: Connection, supply_id: str) -> bool:
    found = connection.execute(reminder_hold.delete().where(reminder_hold.c.supply_id == supply_id))
    return found.rowcount > 0


def holds_of(connection: Connection, supply_ids: Iterable[str], on: date) -> dict[str, Hold]:
    """Holds that have not ended on a day, by supply."""
    query = select(reminder_hold).where(reminder_hold.c.supply_id.in_(list(supply_ids)), reminder_hold.c.until > on)
    return {row["supply_id"]: Hold(**row) for row in connection.execute(query).mappings()}


def holds(connection: Connection, on: date, after: str, limit: int) -> list[tuple[Hold, str]]:
    """Every hold that has not ended, with its account number, in order of the supply's id."""
    query = (
        select(reminder_hold, supply.c.account_number)
        .outerjoin(supply, supply.c.supply_id == reminder_hold.c.supply_id)
        .where(reminder_hold.c.until > on, reminder_hold.c.supply_id > after)
        .order_by(reminder_hold.c.supply_id)
        .limit(limit)
    )
    names = [column.name for column in reminder_hold.columns]
    return [
        (Hold(**{name: row[name] for name in names}), row["account_number"] or "")
        for row in connection.execute(query).mappings()
    ]
