"""The audit log: appended in the transaction of what it records, sealed entry by entry, checked from the first."""

from collections.abc import Iterator

from sqlalchemy import Connection, insert, select, update

from services.chassis.attempts import address_prefix
from services.chassis.context import caller
from services.chassis.db import Transaction
from services.identity.domain.audit import GENESIS, AuditEntry, ChainBreak, find_break
from services.identity.tables import audit_entry, audit_head


def lock(tx: Transaction) -> tuple[int, str]:
    """The sequence and seal of the last entry; whoever else wants to append waits until this transaction ends."""
    head = tx.execute(
        select(audit_head.c.sequence, audit_head.c.seal).where(audit_head.c.id == 1).with_for_update()
    ).one()
    return head.sequence, head.seal


def append(tx: Transaction, action: str, subject: str, *, actor: str = "", **detail: str) -> None:
    """Records that ``actor`` (the caller unless said) did ``action`` to ``subject``.

    ``detail`` carries ids, counts and reasons only: no names, addresses, passwords or tokens.
    """
    principal = caller()
    sequence, seal = lock(tx)
    entry = AuditEntry(
        sequence=sequence + 1,
        at=tx.clock.now(),
        actor=actor or principal.actor,
        action=action,
        subject=subject,
        origin=address_prefix(principal.client_address) if principal.client_address else "",
        detail=detail,
        previous=seal,
    )
    sealed = entry.seal()
    tx.execute(
        insert(audit_entry).values(
            sequence=entry.sequence,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            subject=entry.subject,
            origin=entry.origin,
            detail=entry.detail,
            previous=entry.previous,
            seal=sealed,
        )
    )
    tx.execute(update(audit_head).where(audit_head.c.id == 1).values(sequence=entry.sequence, seal=sealed))


def verify(connection: Connection) -> ChainBreak | None:
    """Reads the whole log and gives the first place where it was tampered with, or None. Use a consistent snapshot."""
    return find_break(_entries(connection), head(connection))


def head(connection: Connection) -> tuple[int, str]:
    """The sequence and seal of the last entry as it stands, without holding it."""
    found = connection.execute(select(audit_head.c.sequence, audit_head.c.seal).where(audit_head.c.id == 1)).first()
    return (found.sequence, found.seal) if found else (0, GENESIS)


def _entries(connection: Connection) -> Iterator[tuple[AuditEntry, str]]:
    rows = connection.execution_options(yield_per=1000).execute(select(audit_entry).order_by(audit_entry.c.sequence))
    for row in rows:
        entry = AuditEntry(
            row.sequence, row.at, row.actor, row.action, row.subject, row.origin, row.detail, row.previous
        )
        yield entry, row.seal
