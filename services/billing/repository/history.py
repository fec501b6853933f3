"""What was billed of each service in other months: the consumption that is usual for a supply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Connection, select

from services.billing.domain.outliers import PastBill
from services.billing.domain.season_average import Billed
from services.billing.repository.invoices import SERVICE
from services.billing.tables import invoice, invoice_reading

HOURS_A_DAY = 24


def past_bills(connection: Connection, supply_ids: Sequence[str], months: Iterable[date]) -> dict[str, list[PastBill]]:
    """By supply, the service's invoices of some months; one without any is not there."""
    query = select(invoice.c.supply_id, invoice.c.period_start, invoice.c.total, invoice.c.import_wh).where(
        invoice.c.supply_id.in_(list(supply_ids)),
        invoice.c.period_start.in_(sorted(months)),
        invoice.c.kind == SERVICE,
    )
    found: dict[str, list[PastBill]] = {}
    for row in connection.execute(query):
        found.setdefault(row.supply_id, []).append(PastBill(row.period_start, row.total, row.import_wh))
    return found


def billed(
    connection: Connection, supply_ids: Sequence[str], months: Iterable[date]
) -> dict[str, dict[str, list[Billed]]]:
    """By supply and service, in thousandths and days: electricity by its hours, what registers counted by their readings."""
    found: dict[str, dict[str, list[Billed]]] = {}
    wanted = (
        invoice.c.supply_id.in_(list(supply_ids)),
        invoice.c.period_start.in_(sorted(months)),
        invoice.c.kind == SERVICE,
    )
    curves = select(invoice.c.supply_id, invoice.c.period_start, invoice.c.hours_expected, invoice.c.import_wh)
    for row in connection.execute(curves.where(*wanted, invoice.c.hours_expected > 0)):
        # The day of the clock change makes an hour more or less, never half a day.
        days = (row.hours_expected + HOURS_A_DAY // 2) // HOURS_A_DAY
        used = Billed(row.period_start, days, row.import_wh)
        found.setdefault(row.supply_id, {}).setdefault("electricity", []).append(used)
    registers = select(
        invoice.c.supply_id,
        invoice.c.period_start,
        invoice_reading.c.service,
        invoice_reading.c.period_start.label("first"),
        invoice_reading.c.period_end.label("last"),
        invoice_reading.c.used,
    ).join(invoice_reading, invoice_reading.c.invoice_id == invoice.c.id)
    for read in connection.execute(registers.where(*wanted)):
        used = Billed(read.period_start, (read.last - read.first).days, read.used)
        found.setdefault(read.supply_id, {}).setdefault(read.service, []).append(used)
    return found
