"""Files of banks and collectors, their movements, what these paid, and what people decided."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, exists, func, insert, select, text, update

from services.billing.domain.ledger import TAKEN_OFF
from services.billing.domain.payments.movements import BankMovement
from services.billing.tables import (
    bank_decision,
    bank_file,
    bank_movement,
    bank_movement_payment,
    payment,
    payment_reversal,
)
from services.chassis.bulk import insert_many

NEW, MATCHED, SETTLED, QUEUED, RETURN, IGNORED = "new", "matched", "settled", "queued", "return", "ignored"
STATES = (NEW, MATCHED, SETTLED, QUEUED, RETURN, IGNORED)
#: What nobody knows yet whose it is, and what an import that was killed did not look at yet: its money is on UNMATCHED.
WAITING = (NEW, QUEUED, RETURN)
TAKEN, REFUSED = "taken", "refused"
#: Values of one IN list; SQLite takes 32,766 parameters.
_PIECE = 1000


@dataclass(frozen=True)
class StoredFile:
    id: str
    sha256: str
    file_name: str
    format: str
    state: str
    problem: str
    findings: Sequence[str]
    movements: int
    fresh: int
    imported_by: str
    imported_at: datetime


@dataclass(frozen=True)
class Movement:
    """A movement as its file told it, and what became of it."""

    id: str
    file_id: str
    bank_reference: str
    source: str
    format: str
    account: str
    booked_on: date
    valued_on: date
    amount: Decimal
    currency: str
    end_to_end: str
    mandate: str
    references: Sequence[str]
    party_name: str
    party_iban: str
    return_reason: str
    kind: str
    texts: Sequence[str]
    line: int
    state: str
    rule: str
    sentence: str
    candidates: Sequence[str]
    entry_id: str | None

    def told(self) -> BankMovement:
        """What the file said, for the rules that match it."""
        return BankMovement(
            account=self.account,
            booked_on=self.booked_on,
            valued_on=self.valued_on,
            cents=int(self.amount.scaleb(2)),
            currency=self.currency,
            bank_reference=self.bank_reference,
            end_to_end=self.end_to_end,
            mandate=self.mandate,
            references=tuple(self.references),
            party_name=self.party_name,
            party_iban=self.party_iban,
            return_reason=self.return_reason,
            kind=self.kind,
            texts=tuple(self.texts),
            line=self.line,
        )


@dataclass(frozen=True)
class Decision:
    id: str
    movement_id: str
    decision: str
    target: str
    why: str
    actor: str
    at: datetime


def lock(connection: Connection) -> None:
    """One file after the other; on SQLite writers queue anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('acometida-bank-files'))"))


def keep_file(connection: Connection, file: StoredFile) -> None:
    connection.execute(insert(bank_file), vars(file))


def keep_movements(connection: Connection, movements: Sequence[Movement]) -> None:
    insert_many(connection, bank_movement, [vars(each) for each in movements])


def file_by_id(connection: Connection, file_id: str) -> StoredFile:
    return StoredFile(**connection.execute(select(bank_file).where(bank_file.c.id == file_id)).mappings().one())


def files(connection: Connection, *, before: str, limit: int) -> list[StoredFile]:
    """The latest first, those after the one with the id `before`."""
    query = select(bank_file).order_by(bank_file.c.id.desc()).limit(limit)
    query = query.where(bank_file.c.id < before) if before else query
    return [StoredFile(**row) for row in connection.execute(query).mappings()]


def known_references(connection: Connection, references: Collection[str]) -> set[str]:
    """Which of the references movements have that are kept already."""
    found: set[str] = set()
    wanted = sorted(references)
    for start in range(0, len(wanted), _PIECE):
        piece = wanted[start : start + _PIECE]
        query = select(bank_movement.c.bank_reference).where(bank_movement.c.bank_reference.in_(piece))
        found.update(connection.execute(query).scalars())
    return found


def was_taken(connection: Connection, sha256: str) -> bool:
    """Whether the very same file was taken before."""
    query = select(bank_file.c.id).where(bank_file.c.sha256 == sha256, bank_file.c.state == TAKEN).limit(1)
    return connection.execute(query).first() is not None


def formats_between(connection: Connection, account: str, first: date, last: date) -> set[str]:
    """The formats in which movements of an account booked on these days came."""
    query = select(bank_movement.c.format).where(
        bank_movement.c.account == account,
        bank_movement.c.source == "statement",
        bank_movement.c.booked_on >= first,
        bank_movement.c.booked_on <= last,
    )
    return set(connection.execute(query.distinct()).scalars())


def lock_new(connection: Connection, limit: int) -> list[Movement]:
    """Movements that nobody looked at yet, the oldest first, locked for whoever does now."""
    query = (
        select(bank_movement)
        .where(bank_movement.c.state == NEW)
        .order_by(bank_movement.c.id)
        .limit(limit)
        .with_for_update()
    )
    return [Movement(**row) for row in connection.execute(query).mappings()]


def find(connection: Connection, movement_id: str, *, lock_it: bool = False) -> Movement | None:
    query = select(bank_movement).where(bank_movement.c.id == movement_id)
    row = connection.execute(query.with_for_update() if lock_it else query).mappings().first()
    return Movement(**row) if row else None


def list_movements(
    connection: Connection, states: Collection[str], file_id: str, *, after: str, limit: int
) -> list[Movement]:
    """In the order in which they came; all states when none is given."""
    query = select(bank_movement).order_by(bank_movement.c.id).limit(limit)
    if states:
        query = query.where(bank_movement.c.state.in_(sorted(states)))
    if file_id:
        query = query.where(bank_movement.c.file_id == file_id)
    if after:
        query = query.where(bank_movement.c.id > after)
    return [Movement(**row) for row in connection.execute(query).mappings()]


def counts(connection: Connection, file_id: str) -> dict[str, tuple[int, Decimal]]:
    """By state, how many movements a file brought first and their sum."""
    query = (
        select(bank_movement.c.state, func.count(), func.sum(bank_movement.c.amount))
        .where(bank_movement.c.file_id == file_id)
        .group_by(bank_movement.c.state)
    )
    return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


def waiting_figures(connection: Connection) -> tuple[int, datetime | None]:
    """How many movements wait for somebody, and when the oldest of them was imported."""
    query = (
        select(func.count(), func.min(bank_file.c.imported_at))
        .join(bank_file, bank_file.c.id == bank_movement.c.file_id)
        .where(bank_movement.c.state.in_(WAITING))
    )
    count, since = connection.execute(query).one()
    return count, since


def put(
    connection: Connection, movement_id: str, state: str, rule: str, sentence: str, candidates: Sequence[str] = ()
) -> None:
    connection.execute(
        update(bank_movement)
        .where(bank_movement.c.id == movement_id)
        .values(state=state, rule=rule, sentence=sentence, candidates=list(candidates))
    )


def keep_payment(connection: Connection, movement_id: str, payment_id: str) -> None:
    connection.execute(insert(bank_movement_payment), {"movement_id": movement_id, "payment_id": payment_id})


def keep_decision(connection: Connection, decision: Decision) -> None:
    connection.execute(insert(bank_decision), vars(decision))


def payments_of(connection: Connection, movement_ids: Collection[str]) -> dict[str, list[str]]:
    """Ids of the payments of movements, by movement; without those that were taken off their accounts again."""
    query = (
        select(bank_movement_payment)
        .where(bank_movement_payment.c.movement_id.in_(list(movement_ids)), _stands())
        .order_by(bank_movement_payment.c.payment_id)
    )
    found: dict[str, list[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.movement_id, []).append(row.payment_id)
    return found


def decisions_of(connection: Connection, movement_ids: Collection[str]) -> dict[str, Decision]:
    """The decision about each of the movements about which there is one."""
    query = select(bank_decision).where(bank_decision.c.movement_id.in_(list(movement_ids)))
    rows = connection.execute(query.order_by(bank_decision.c.id)).mappings()
    return {row["movement_id"]: Decision(**row) for row in rows}


def accounts_paid_from(connection: Connection, ibans: Iterable[str]) -> Mapping[str, set[str]]:
    """Supplies that movements from these accounts paid before, by account."""
    query = (
        select(bank_movement.c.party_iban, payment.c.supply_id)
        .join(bank_movement_payment, bank_movement_payment.c.movement_id == bank_movement.c.id)
        .join(payment, payment.c.id == bank_movement_payment.c.payment_id)
        .where(bank_movement.c.party_iban.in_(sorted(set(ibans))), _stands())
        .distinct()
    )
    found: dict[str, set[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.party_iban, set()).add(row.supply_id)
    return found


def _stands() -> ColumnElement[bool]:
    """A movement's payment was not taken off its account again."""
    payment_id = bank_movement_payment.c.payment_id
    return ~exists().where(payment_reversal.c.payment_id == payment_id, payment_reversal.c.kind == TAKEN_OFF)
