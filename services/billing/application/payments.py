"""Payments as they were recorded, with what they paid and what became of them; and their receipts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from services.billing.application.access import check_document, visible_supply
from services.billing.application.documents import Documents, Printed
from services.billing.documents.receipt import render_receipt
from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import Settled
from services.billing.papers.receipt import receipt_document
from services.billing.repository import ledger, read_model, reversals, statements
from services.billing.repository.ledger import Payment
from services.billing.repository.reversals import Reversal
from services.billing.rules import Rules
from services.chassis.context import Principal
from services.chassis.db import Database
from services.chassis.errors import Forbidden, NotFound, Refused

RECEIPT = "receipt"


@dataclass(frozen=True)
class PaymentFound:
    """`settled`: what it paid when it came; `reversals`: what went back, with what that opened again."""

    payment: Payment
    account_number: str
    settled: tuple[Settled, ...]
    reversals: tuple[tuple[Reversal, tuple[Settled, ...]], ...]

    @property
    def left(self) -> Decimal:
        """What can still go back."""
        return self.payment.amount - sum((each.amount for each, _ in self.reversals), ZERO)


class Payments:
    def __init__(self, database: Database, rules: Rules, documents: Documents) -> None:
        self._database = database
        self._rules = rules
        self._documents = documents

    def page(self, caller: Principal, supply_id: str, *, before: str, limit: int) -> list[PaymentFound]:
        """Newest first; of one supply, or of all for the office."""
        with self._database.read() as connection:
            if supply_id:
                visible_supply(connection, caller, supply_id)
            elif caller.kind != "staff":
                raise Forbidden("Say of which of your supplies you want the payments.")
            return self._found(connection, ledger.payments(connection, supply_id, before=before, limit=limit))

    def get(self, caller: Principal, payment_id: str) -> PaymentFound:
        """By id or number of the receipt. NotFound unless the caller may see its supply."""
        with self._database.read() as connection:
            found = ledger.find_payment(connection, payment_id)
            if found is None:
                raise NotFound(f"There is no payment {payment_id!r}; look at the list of your supply.", "NO_DOCUMENT")
            check_document(connection, caller, found.supply_id, f"payment {payment_id!r}")
            return self._found(connection, [found])[0]

    def receipt(self, caller: Principal, payment_id: str) -> Printed:
        """The receipt's PDF: printed when somebody first asks, the same bytes ever after."""
        found = self.get(caller, payment_id)
        made = found.payment

        def render() -> bytes:
            with self._database.read() as connection:
                supply = read_model.supplies(connection, [made.supply_id])[0]
                member = read_model.members(connection, [supply.member_id]).get(supply.member_id)
            if member is None:
                raise Refused(
                    f"The holder of account {supply.account_number} is not known to billing yet; ask again in a moment.",
                    "NO_HOLDER",
                )
            document, language = receipt_document(made, list(found.settled), supply, member, self._rules)
            return render_receipt(document, language, self._documents.seal(made.recorded_at))

        number = made.receipt_number or f"{found.account_number}-{made.paid_on}-{made.id[:13]}"
        name = re.sub(r"[^A-Za-z0-9-]+", "-", number)
        return self._documents.once(RECEIPT, made.id, f"{name}.pdf", render)

    def _found(self, connection: Connection, payments: Sequence[Payment]) -> list[PaymentFound]:
        back = reversals.of_payments(connection, [each.id for each in payments])
        entries = [each.entry_id for each in payments] + [each.entry_id for every in back.values() for each in every]
        settled = statements.settled_by(connection, entries)
        accounts = read_model.account_numbers(connection, {each.supply_id for each in payments})
        return [
            PaymentFound(
                each,
                accounts.get(each.supply_id, ""),
                tuple(settled.get(each.entry_id, ())),
                tuple((undone, tuple(settled.get(undone.entry_id, ()))) for undone in back.get(each.id, ())),
            )
            for each in payments
        ]
