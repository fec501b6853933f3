"""Up to which day the registers of a supply were billed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, func, select

from services.billing.repository.invoices import SERVICE
from services.billing.tables import invoice, invoice_reading


def last_read(connection: Connection, supply_ids: Sequence[str], before: date) -> dict[str, dict[str, date]]:
    """By supply and service kind, the latest end of a reading on an invoice of a period that begins before a day."""
    query = (
        select(invoice.c.supply_id, invoice_reading.c.service, func.max(invoice_reading.c.period_end))
        .join(invoice_reading, invoice_reading.c.invoice_id == invoice.c.id)
        .where(invoice.c.supply_id.in_(list(supply_ids)), invoice.c.kind == SERVICE, invoice.c.period_start < before)
        .group_by(invoice.c.supply_id, invoice_reading.c.service)
    )
    found: dict[str, dict[str, date]] = {}
    for supply_id, service, end in connection.execute(query):
        found.setdefault(supply_id, {})[service] = end
    return found
