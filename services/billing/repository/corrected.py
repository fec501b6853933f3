"""Issued invoices as they stand after what rectified them: histories and comparisons speak of what is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from services.billing.repository import corrections, invoices
from services.billing.repository.invoices import Details, Issued
from services.billing.tables import invoice, rectification


def as_corrected(connection: Connection, found: Sequence[Issued], until: datetime) -> list[Issued]:
    """The same invoices, each rectified by `until` with the energy, the total and the id of what rectified it last.

    Lines and taxes of one of them are those of `details`, its energy by period and its readings are kept under the new id.
    """
    ids = [each.id for each in found]
    query = (
        select(rectification.c.rectified_id, rectification.c.invoice_id)
        .join(invoice, invoice.c.id == rectification.c.invoice_id)
        .where(rectification.c.rectified_id.in_(ids), invoice.c.issued_at <= until)
        .order_by(rectification.c.rectified_id, rectification.c.revision)
    )
    last = {row.rectified_id: row.invoice_id for row in connection.execute(query)} if ids else {}
    return [_with(connection, each, last[each.id]) if each.id in last else each for each in found]


def _with(connection: Connection, original: Issued, rectifying_id: str) -> Issued:
    made, link = invoices.find(connection, rectifying_id), corrections.rectification_by(connection, rectifying_id)
    assert made is not None and link is not None
    return replace(
        original,
        id=made.id,
        net=link.corrected.net,
        total=link.corrected.total,
        import_wh=made.import_wh,
        hours_expected=made.hours_expected,
        hours_measured=made.hours_measured,
        hours_estimated=made.hours_estimated,
        hours_missing=made.hours_missing,
        curve_version=made.curve_version,
        printed=made.printed,
    )


def details(connection: Connection, found: Issued) -> Details:
    """Of an invoice as `as_corrected` gives it: all lines and taxes that it should have had."""
    said = invoices.details(connection, found.id)
    link = corrections.rectification_by(connection, found.id)
    return said if link is None else replace(said, lines=link.corrected.lines, taxes=link.corrected.taxes)
