"""The books and events of a rectifying invoice: entry, settlements, what is open of it, and who hears of it."""

from __future__ import annotations

from decimal import Decimal

from coop.billing.events.v1 import events_pb2 as events
from coop.common.v1 import types_pb2 as types

from services.billing.application.issuing import INVOICE_TOPIC, WORK_TOPIC, billed_registers
from services.billing.application.receiving import PAYMENT_TOPIC
from services.billing.application.rectification import Outcome
from services.billing.domain.bill import ZERO, Energy
from services.billing.domain.ledger import OpenItem, credit_entry, debt_on
from services.billing.domain.rectifying import rectification_entry
from services.billing.repository import corrections, ledger
from services.billing.repository.invoices import Details, Issued
from services.billing.rules import Rules
from services.chassis.db import Transaction
from services.chassis.ids import new_id


def book(tx: Transaction, rules: Rules, row: Issued, found: Outcome) -> None:
    """Move the difference. The account's row must be locked."""
    connection, supply_id = tx.connection, row.supply_id
    today = rules.today(tx.clock.now())
    overdue = debt_on(today, ledger.open_items(connection, supply_id, today), ZERO).overdue
    made = found.booking
    revenue: dict[str, Decimal] = {}
    for line in found.change.lines:
        revenue[line.service] = revenue.get(line.service, ZERO) + line.amount
    taxes: dict[str, Decimal] = {}
    for tax in found.change.taxes:
        taxes[tax.kind] = taxes.get(tax.kind, ZERO) + tax.amount
    entry = rectification_entry(supply_id, row.issue_date, row.number, revenue, taxes, made, found.interest)
    if entry is not None:
        entry_id = new_id()
        ledger.keep_entries(connection, [(entry_id, entry)], tx.clock.now())
        ledger.keep_settlements(connection, [(entry_id, invoice_id, amount) for invoice_id, amount in made.takes])
        ledger.reduce_open_items(connection, made.takes)
    ledger.change_credits(connection, {supply_id: made.credit - found.applied})
    item = OpenItem(row.id, row.number, found.due_date, made.opens - found.applied)
    ledger.add_open_items(connection, {row.id: supply_id}, [item])
    if found.applied:
        entry_id = new_id()
        used = credit_entry(supply_id, row.issue_date, row.number, found.applied)
        ledger.keep_entries(connection, [(entry_id, used)], tx.clock.now())
        ledger.keep_settlements(connection, [(entry_id, row.id, found.applied)])
    corrections.keep_instalments(connection, row.id, found.parts)
    if overdue and not debt_on(today, ledger.open_items(connection, supply_id, today), ZERO).overdue:
        tx.emit(PAYMENT_TOPIC, supply_id, events.DebtCleared(supply_id=supply_id, member_id=row.member_id))


def tell(tx: Transaction, row: Issued, details: Details, found: Outcome, method: str, energy: Energy) -> None:
    """Metering learns what is billed of the period now, notifications write to the member, the document is printed."""
    original = found.original
    event = events.InvoiceRectified(
        invoice_id=row.id,
        number=row.number,
        rectified_id=original.id,
        rectified_number=original.number,
        supply_id=row.supply_id,
        service_id=original.service_id,
        member_id=row.member_id,
        account_number=row.account_number,
        period=types.DatePeriod(start=row.period_start.isoformat(), end=row.period_end.isoformat()),
        issue_date=row.issue_date.isoformat(),
        due_date=row.due_date.isoformat(),
        method=method,
        difference=types.Money(amount=str(found.delta - found.interest), currency_code=row.currency),
        import_wh=energy.import_wh,
        hours_expected=energy.hours_expected,
        hours_measured=energy.hours_measured,
        hours_estimated=energy.hours_estimated,
        hours_missing=energy.hours_missing,
        curve_version=energy.curve_version,
        registers=billed_registers(row, details),
        kind=original.kind,
    )
    tx.emit(INVOICE_TOPIC, row.supply_id, event)
    tx.emit(WORK_TOPIC, row.id, events.InvoiceDocumentDue(invoice_id=row.id))
