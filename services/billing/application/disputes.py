"""Invoices in dispute: opened and closed by the office, with what the holder says and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from coop.billing.events.v1 import events_pb2 as events
from coop.common.v1 import types_pb2 as types
from sqlalchemy import Connection

from services.billing.application.issuing import INVOICE_TOPIC
from services.billing.domain.bill import ZERO
from services.billing.repository import disputes, invoices, ledger
from services.billing.repository.disputes import Dispute
from services.billing.repository.invoices import Issued
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id

LONGEST_TEXT = 500


@dataclass(frozen=True)
class DisputeFound:
    """A dispute, the invoice it is about, and what of that is unpaid now."""

    dispute: Dispute
    invoice: Issued
    outstanding: Decimal


class Disputes:
    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, key: RequestKey, actor: str, invoice: str, reason: str) -> DisputeFound:
        """`invoice`: printed number or id. Refused for one that is paid, or in dispute already."""
        said = _text(reason, "what the holder says against the invoice", "reason")

        def action() -> str:
            row = self._locked(tx, invoice)
            before = disputes.open_of(tx.connection, row.id)
            if before is not None:
                raise Refused(
                    f"Invoice {row.number} has been in dispute since {before.opened_at:%Y-%m-%d}: close that dispute first.",
                    "ALREADY_DISPUTED",
                )
            if ledger.outstanding_of(tx.connection, [row.id]).get(row.id, ZERO) == ZERO:
                raise Refused(
                    f"Nothing of invoice {row.number} is unpaid, so there is nothing to leave out of a certificate; what "
                    "was charged wrongly is corrected with 'coopctl bill rectify'.",
                    "NOTHING_UNPAID",
                )
            made = Dispute(new_id(), row.id, row.supply_id, said, actor, tx.clock.now())
            disputes.keep(tx.connection, made)
            opened = events.DisputeOpened(
                dispute_id=made.id,
                invoice_id=row.id,
                invoice_number=row.number,
                supply_id=row.supply_id,
                member_id=row.member_id,
                reason=said,
            )
            tx.emit(INVOICE_TOPIC, row.supply_id, opened)
            return made.id

        with self._database.write() as tx:
            return _found(tx.connection, tx.once(key, action))

    def close(self, key: RequestKey, actor: str, invoice: str, outcome: str) -> DisputeFound:
        """What is due of the invoice counts again. Refused for an invoice that is not in dispute."""
        said = _text(outcome, "how the dispute ended", "outcome")

        def action() -> str:
            row = self._locked(tx, invoice)
            found = disputes.open_of(tx.connection, row.id)
            if found is None:
                raise Refused(
                    f"Invoice {row.number} is not in dispute; 'coopctl invoices dispute list' says which are.",
                    "NOT_DISPUTED",
                )
            disputes.close(tx.connection, found.id, said, actor, tx.clock.now())
            left = ledger.outstanding_of(tx.connection, [row.id]).get(row.id, ZERO)
            closed = events.DisputeClosed(
                dispute_id=found.id,
                invoice_id=row.id,
                invoice_number=row.number,
                supply_id=row.supply_id,
                member_id=row.member_id,
                outcome=said,
                outstanding=types.Money(amount=f"{left:.2f}", currency_code=row.currency),
                due_date=row.due_date.isoformat(),
            )
            tx.emit(INVOICE_TOPIC, row.supply_id, closed)
            return found.id

        with self._database.write() as tx:
            return _found(tx.connection, tx.once(key, action))

    def list(self, *, with_closed: bool, before: str, limit: int) -> list[DisputeFound]:
        """Newest first."""
        with self._database.read() as connection:
            found = disputes.listed(connection, with_closed=with_closed, before=before, limit=limit)
            return [_found(connection, each.id) for each in found]

    @staticmethod
    def _locked(tx: Transaction, invoice: str) -> Issued:
        """The invoice, its account locked: no certificate is made of it meanwhile."""
        row = invoices.find(tx.connection, invoice.strip())
        if row is None:
            raise NotFound(
                f"There is no invoice {invoice!r}; copy its number from the invoice, such as E-2026-000123.",
                "NO_INVOICE",
            )
        ledger.lock_accounts(tx.connection, [row.supply_id])
        return row


def _found(connection: Connection, dispute_id: str) -> DisputeFound:
    made = disputes.by_id(connection, dispute_id)
    row = invoices.find(connection, made.invoice_id)
    assert row is not None
    return DisputeFound(made, row, ledger.outstanding_of(connection, [row.id]).get(row.id, ZERO))


def _text(given: str, what: str, field: str) -> str:
    said = given.strip()
    if not 1 <= len(said) <= LONGEST_TEXT:
        raise Invalid(f"Say in 1 to {LONGEST_TEXT} characters {what}; {len(said)} were given.", field=field)
    return said
