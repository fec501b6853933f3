"""Reading invoices: one with everything, or a supply's list, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.billing.application.access import check_document, no_document, visible_supply
from services.billing.repository import invoices, ledger
from services.billing.repository.invoices import Details, Issued
from services.billing.rules import Rules
from services.chassis.context import Principal
from services.chassis.db import Database


@dataclass(frozen=True)
class InvoiceFound:
    """An invoice, what is unpaid of it, and the total of the one before; `details` only where asked for."""

    invoice: Issued
    outstanding: Decimal
    today: date
    previous_total: Decimal | None
    details: Details | None = None


class Invoices:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    def get(self, caller: Principal, id_or_number: str) -> InvoiceFound:
        """By id or printed number; NotFound unless the caller may see its supply."""
        with self._database.read() as connection:
            found = invoices.find(connection, id_or_number.strip())
            if found is None:
                raise no_document(f"invoice {id_or_number!r}")
            check_document(connection, caller, found.supply_id, f"invoice {id_or_number!r}")
            before = invoices.of_supply(connection, found.supply_id, before=found.period_start, limit=1)
            outstanding = ledger.outstanding_of(connection, [found.id])[found.id]
            details = invoices.details(connection, found.id)
        return InvoiceFound(found, outstanding, self._today(), before[0].total if before else None, details)

    def list(self, caller: Principal, supply_id: str, *, before: date | None, limit: int) -> list[InvoiceFound]:
        """Newest first, those of periods that began before a day, without lines."""
        with self._database.read() as connection:
            visible_supply(connection, caller, supply_id)
            # One more than asked: the last one's predecessor gives its "more or less than last time".
            found = invoices.of_supply(connection, supply_id, before=before, limit=limit + 1)
            outstanding = ledger.outstanding_of(connection, [each.id for each in found])
        totals = [each.total for each in found[1:]] + [None]
        return [
            InvoiceFound(each, outstanding[each.id], self._today(), previous)
            for each, previous in list(zip(found, totals, strict=True))[:limit]
        ]

    def _today(self) -> date:
        return self._rules.today(self._database.clock.now())
