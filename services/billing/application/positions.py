"""What accounts come to: now, for a certificate; and by the entries that one of before rests on, to check it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection

from services.billing.application.access import no_document
from services.billing.domain.certificates import position_hash
from services.billing.domain.position import HOLDER, SUPPLY, AccountPosition, Position, same_items
from services.billing.repository import certificates, disputes, ledger, plans, positions
from services.billing.repository.certificates import Certificate
from services.billing.repository.corrections import instalments_of
from services.billing.rules import Rules
from services.chassis.db import Database, Transaction
from services.chassis.errors import Refused


@dataclass(frozen=True)
class LaterEntry:
    """Booked after a certificate with a day up to its own; `amount` is the change of what is owed."""

    supply_id: str
    day: date
    kind: str
    document: str
    amount: Decimal
    recorded_at: datetime


@dataclass(frozen=True)
class CheckedPosition:
    """A certificate beside what the ledger's entries of then give now."""

    certificate: Certificate
    position: Position
    ledger_hash: str
    later: tuple[LaterEntry, ...]

    @property
    def agrees(self) -> bool:
        return self.ledger_hash == self.certificate.position_hash and not self.position.due

    @property
    def entries(self) -> int:
        return sum(len(account.entries) for account in self.position.accounts)


class Positions:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    def now(self, tx: Transaction, supply_ids: Sequence[str], member_id: str, *, all_supplies: bool) -> Position:
        """The position of a holder in accounts whose rows are locked: what others were invoiced there is not theirs.

        Read from the ledger's entries and compared with the open invoices that payments go by: Refused when these differ.
        """
        connection, at = tx.connection, tx.clock.now()
        today = self._rules.today(at)
        found = tuple(self._account(connection, supply_id, member_id, today) for supply_id in supply_ids)
        disputed = tuple(disputes.open_of_accounts(connection, supply_ids))
        return self._position(connection, HOLDER if all_supplies else SUPPLY, at, found, disputed)

    @staticmethod
    def _account(connection: Connection, supply_id: str, member_id: str, today: date) -> AccountPosition:
        """Compared as a whole, whoever was invoiced."""
        entries = positions.entries_of(connection, supply_id)
        agreed = plans.of_account(connection, supply_id)
        whole = positions.account(connection, supply_id, entries, "", agreed, today)
        _compare(connection, whole, today)
        if positions.all_invoiced_to(connection, supply_id, member_id):
            return whole
        return positions.account(connection, supply_id, entries, member_id, agreed, today)

    def check(self, wanted: str) -> CheckedPosition:
        """The position of a certificate (number, code or id) by the entries that it names, and what was booked since.

        Refused for one that names none: it was made before certificates did.
        """
        with self._database.read() as connection:
            certificate = certificates.find(connection, wanted)
            if certificate is None:
                raise no_document(f"certificate {wanted!r}")
            kept = certificate.position
            if "accounts" not in kept:
                raise Refused(
                    f"Certificate {certificate.number} does not name the entries it rests on: it was made by an earlier "
                    "version. Revoke it and issue another one.",
                    "NO_ENTRIES_NAMED",
                )
            # Of the plans that it names, as they were at its instant: what was agreed since changes nothing.
            agreed = plans.named_at(connection, kept.get("plans", ()), certificate.issued_at)
            found = tuple(
                positions.account(
                    connection,
                    each["supply_id"],
                    each["entries"],
                    each["of_member"],
                    [plan for plan in agreed if plan.supply_id == each["supply_id"]],
                    self._rules.today(certificate.issued_at),
                )
                for each in kept["accounts"]
            )
            named = [dispute_id for dispute_id, _ in kept["disputes"]]
            disputed = tuple(disputes.open_at(connection, named, certificate.issued_at))
            position = self._position(connection, kept["scope"], certificate.issued_at, found, disputed)
            later = tuple(
                LaterEntry(account.supply_id, *row)
                for account in found
                for row in positions.written_since(connection, account.supply_id, account.entries, position.today)
            )
        return CheckedPosition(certificate, position, position_hash(position.state()), later)

    def _position(
        self,
        connection: Connection,
        scope: str,
        at: datetime,
        accounts: tuple[AccountPosition, ...],
        disputed: tuple[tuple[str, str], ...],
    ) -> Position:
        position = Position(scope, at, self._rules.today(at), accounts, disputed, frozenset())
        rectified = instalments_of(connection, [item.invoice_id for item in position.items])
        return replace(position, in_parts=frozenset(each for each, parts in rectified.items() if len(parts) > 1))


def _compare(connection: Connection, account: AccountPosition, today: date) -> None:
    open_items = ledger.open_items(connection, account.supply_id, today)
    credit = ledger.credit_of(connection, account.supply_id)
    if not same_items(open_items, account.items) or credit != account.credit:
        raise Refused(
            f"The ledger and the open invoices of supply {account.supply_id} differ: nothing is certified of it until the "
            "office has found out why.",
            "BOOKS_DIFFER",
        )
