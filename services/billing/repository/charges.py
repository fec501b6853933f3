"""Charges: what was ordered to be invoiced besides supplying, and which invoice it became."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from services.billing.domain.charging import Charge
from services.billing.tables import charge


@dataclass(frozen=True)
class Ordered:
    """A charge as it is kept. `collection_id`: the returned debit that brought it. `series` and `sequence`: the number for
    which a code was asked, None before, and `payer` the snapshots of holder and supply that it was asked for. `invoice_id`:
    None until its invoice is issued.
    """

    id: str
    supply_id: str
    concept: str
    net: Decimal
    text: str
    day: date
    collection_id: str | None
    made_by: str
    made_at: datetime
    series: str | None = None
    sequence: int | None = None
    payer: dict[str, Any] | None = None
    refusal: str | None = None
    dropped_by: str | None = None
    dropped_at: datetime | None = None
    dropped_why: str | None = None
    invoice_id: str | None = None

    @property
    def charge(self) -> Charge:
        return Charge(self.concept, self.net, self.text, self.day)


OPEN = (charge.c.invoice_id.is_(None), charge.c.dropped_at.is_(None))


def keep(connection: Connection, made: Ordered) -> None:
    connection.execute(insert(charge), made.__dict__)


def get(connection: Connection, charge_id: str, *, lock: bool = False) -> Ordered:
    """The charge of an id that is known to be one; with `lock` whoever issues it too waits."""
    query = select(charge).where(charge.c.id == charge_id)
    return _ordered(connection.execute(query.with_for_update() if lock else query).mappings().one())


def find(connection: Connection, charge_id: str, *, lock: bool = False) -> Ordered | None:
    query = select(charge).where(charge.c.id == charge_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return _ordered(row) if row else None


def of_collection(connection: Connection, collection_id: str) -> Ordered | None:
    """The charge that a returned debit brought."""
    row = connection.execute(select(charge).where(charge.c.collection_id == collection_id)).mappings().first()
    return _ordered(row) if row else None


def of_invoice(connection: Connection, invoice_id: str) -> Ordered | None:
    row = connection.execute(select(charge).where(charge.c.invoice_id == invoice_id)).mappings().first()
    return _ordered(row) if row else None


def waiting(connection: Connection, *, before: str, limit: int) -> list[Ordered]:
    """Those that have no invoice and were not given up, the newest first; after the id `before`, "" the first."""
    query = select(charge).where(*OPEN)
    if before:
        query = query.where(charge.c.id < before)
    return [_ordered(row) for row in connection.execute(query.order_by(charge.c.id.desc()).limit(limit)).mappings()]


def open_figures(connection: Connection) -> tuple[int, int, datetime | None]:
    """How many of them the tax office refused, how many others there are, and since when the oldest of all waits."""
    refused = func.count(charge.c.refusal)
    query = select(refused, func.count() - refused, func.min(charge.c.made_at)).where(*OPEN)
    return tuple(connection.execute(query).one())  # type: ignore[return-value]


def waiting_for(connection: Connection, series: str, sequence: int) -> str | None:
    """The id of the charge that asked a code for a number and is not issued yet."""
    query = select(charge.c.id).where(
        charge.c.series == series, charge.c.sequence == sequence, charge.c.invoice_id.is_(None)
    )
    return connection.execute(query).scalar_one_or_none()


def reserve(connection: Connection, charge_id: str, series: str, sequence: int, payer: dict[str, Any]) -> None:
    """Note the number for which a code is asked, and for whom."""
    _change(connection, charge_id, series=series, sequence=sequence, payer=payer, refusal=None)


def release(connection: Connection, charge_id: str, why: str) -> None:
    """The code was refused: the number is free again, and the charge waits for what the tax office said to be put right."""
    _change(connection, charge_id, series=None, sequence=None, payer=None, refusal=why)


def drop(connection: Connection, charge_id: str, by: str, why: str, at: datetime) -> None:
    """Give up a charge that holds no number."""
    _change(connection, charge_id, dropped_by=by, dropped_at=at, dropped_why=why)


def issued(connection: Connection, charge_id: str, invoice_id: str) -> None:
    _change(connection, charge_id, invoice_id=invoice_id)


def _change(connection: Connection, charge_id: str, **values: Any) -> None:
    connection.execute(update(charge).where(charge.c.id == charge_id).values(values))


def _ordered(row: Any) -> Ordered:
    return Ordered(**row)
