"""What was billed of each service in other months: the consumption that is usual for a supply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, select

from services.billing.domain.outliers import PastBill
from services.billing.domain.season_average import Billed
from services.billing.repository import corrections
from services.billing.repository.invoices import SERVICE
from services.billing.tables import invoice, invoice_reading, rectification

HOURS_A_DAY = 24
_ENERGY = (invoice.c.hours_expected, invoice.c.import_wh)
_WAS_RECTIFIED = exists().where(rectification.c.rectified_id == invoice.c.id).label("was_rectified")


def past_bills(connection: Connection, supply_ids: Sequence[str], months: Iterable[date]) -> dict[str, list[PastBill]]:
    """By supply, the service's invoices of some months as they stand today; one without any is not there."""
    wanted = _wanted(supply_ids, months)
    columns = (invoice.c.id, invoice.c.supply_id, invoice.c.period_start, invoice.c.total, invoice.c.import_wh)
    rows = connection.execute(select(*columns, _WAS_RECTIFIED).where(*wanted)).all()
    rectified = _rectified(connection, rows)
    found: dict[str, list[PastBill]] = {}
    for row in rows:
        total, import_wh = row.total, row.import_wh
        if row.id in rectified:
            whole = corrections.rectification_by(connection, rectified[row.id].id)
            assert whole is not None
            total, import_wh = whole.corrected.total, rectified[row.id].import_wh
        found.setdefault(row.supply_id, []).append(PastBill(row.period_start, total, import_wh))
    return found


def billed(
    connection: Connection, supply_ids: Sequence[str], months: Iterable[date]
) -> dict[str, dict[str, list[Billed]]]:
    """By supply and service, in thousandths and days: electricity by its hours, what registers counted by their readings.

    Of a month that was rectified, what is right.
    """
    found: dict[str, dict[str, list[Billed]]] = {}
    wanted = _wanted(supply_ids, months)
    curves = select(invoice.c.id, invoice.c.supply_id, invoice.c.period_start, *_ENERGY, _WAS_RECTIFIED)
    invoices = connection.execute(curves.where(*wanted)).all()
    rectified = _rectified(connection, invoices)
    for row in invoices:
        right = rectified.get(row.id, row)
        if right.hours_expected > 0:
            # The day of the clock change makes an hour more or less, never half a day.
            days = (right.hours_expected + HOURS_A_DAY // 2) // HOURS_A_DAY
            used = Billed(row.period_start, days, right.import_wh)
            found.setdefault(row.supply_id, {}).setdefault("electricity", []).append(used)
    registers = select(
        invoice.c.id,
        invoice.c.supply_id,
        invoice.c.period_start,
        invoice_reading.c.service,
        invoice_reading.c.period_start.label("first"),
        invoice_reading.c.period_end.label("last"),
        invoice_reading.c.used,
    ).join(invoice_reading, invoice_reading.c.invoice_id == invoice.c.id)
    # What the display of an hourly meter said is on the bill too, and is counted by its hours.
    registers = registers.where(invoice_reading.c.service != "electricity")
    rows = [row for row in connection.execute(registers.where(*wanted)) if row.id not in rectified]
    if rectified:
        rows += connection.execute(registers.where(invoice.c.id.in_([right.id for right in rectified.values()])))
    for read in rows:
        used = Billed(read.period_start, (read.last - read.first).days, read.used)
        found.setdefault(read.supply_id, {}).setdefault(read.service, []).append(used)
    return found


def _wanted(supply_ids: Sequence[str], months: Iterable[date]) -> tuple[ColumnElement[bool], ...]:
    return (
        invoice.c.supply_id.in_(list(supply_ids)),
        invoice.c.period_start.in_(sorted(months)),
        invoice.c.kind == SERVICE,
    )


def _rectified(connection: Connection, rows: Sequence[Row[Any]]) -> dict[str, Any]:
    """Of the invoices that were rectified, by their id: id, hours and energy of what rectified each of them last."""
    ids = [row.id for row in rows if row.was_rectified]
    if not ids:
        return {}
    last = invoice.alias("last")
    query = (
        select(rectification.c.rectified_id, last.c.id, last.c.hours_expected, last.c.import_wh)
        .select_from(rectification)
        .join(last, last.c.id == rectification.c.invoice_id)
        .where(rectification.c.rectified_id.in_(ids))
        .order_by(rectification.c.rectified_id, rectification.c.revision)
    )
    return {row.rectified_id: row for row in connection.execute(query)}
