"""Orders of card payments, and notifications that were refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, update

from services.billing.domain.payments.card_orders import AUTHORISED, CREATED, EXPIRED, State
from services.billing.repository import upsert
from services.billing.tables import card_order, card_order_count, refused_notification, supply

_COUNT = "orders"


@dataclass(frozen=True)
class CardOrder:
    """One attempt. `currency` is the ISO 4217 number that the bank was told; `invoice_id` None for a debt of several."""

    order_number: str
    sequence: int
    supply_id: str
    invoice_id: str | None
    amount: Decimal
    currency: str
    merchant_code: str
    terminal: str
    signature_version: str
    state: State
    payer: str
    created_at: datetime
    settled_at: datetime | None = None
    response: str = ""
    authorisation: str = ""
    payment_id: str | None = None


@dataclass(frozen=True)
class RefusedNotification:
    """What came as a notification and was not believed. `claims`: its parameters by name, none checked unless `signed`."""

    id: int
    received_at: datetime
    order_number: str
    reason: str
    why: str
    signed: bool
    claims: Mapping[str, str]


def next_sequence(connection: Connection) -> int:
    """The sequence of a new order: 1, 2, …; those who ask at once wait for each other."""
    first = upsert(connection, card_order_count).on_conflict_do_nothing()
    connection.execute(first, {"name": _COUNT, "last": 0})
    counted = (
        update(card_order_count)
        .where(card_order_count.c.name == _COUNT)
        .values(last=card_order_count.c.last + 1)
        .returning(card_order_count.c.last)
    )
    return int(connection.execute(counted).scalar_one())


def keep(connection: Connection, made: CardOrder) -> None:
    connection.execute(insert(card_order), made.__dict__)


def find(connection: Connection, order_number: str, *, lock: bool = False) -> CardOrder | None:
    query = select(card_order).where(card_order.c.order_number == order_number)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return CardOrder(**row) if row else None


def settle(connection: Connection, settled: CardOrder) -> None:
    """Writes what the bank said of an order. An authorised one is never written again."""
    changes = {
        name: getattr(settled, name) for name in ("state", "settled_at", "response", "authorisation", "payment_id")
    }
    statement = (
        update(card_order)
        .where(card_order.c.order_number == settled.order_number, card_order.c.state != AUTHORISED)
        .values(changes)
    )
    changed = connection.execute(statement).rowcount
    if changed != 1:
        raise RuntimeError(
            f"the order {settled.order_number} was authorised already: it is settled under its lock only"
        )


def orders(
    connection: Connection, state: str, supply_id: str, given_up: datetime, before: int, limit: int
) -> list[CardOrder]:
    """The newest first, of a state and a supply unless these are empty; `given_up`: orders made before it are expired."""
    query = select(card_order).order_by(card_order.c.sequence.desc()).limit(limit)
    if before:
        query = query.where(card_order.c.sequence < before)
    if supply_id:
        query = query.where(card_order.c.supply_id == supply_id)
    if state:
        query = query.where(_in_state(state, given_up))
    return [CardOrder(**row) for row in connection.execute(query).mappings()]


def _in_state(state: str, given_up: datetime) -> ColumnElement[bool]:
    if state == EXPIRED:
        return and_(card_order.c.state == CREATED, card_order.c.created_at < given_up)
    if state == CREATED:
        return and_(card_order.c.state == CREATED, card_order.c.created_at >= given_up)
    return card_order.c.state == state


def keep_refused(connection: Connection, refused: RefusedNotification) -> None:
    """Writes it down; its id is given by the database."""
    row = {name: value for name, value in refused.__dict__.items() if name != "id"}
    connection.execute(insert(refused_notification), row)


def refused(connection: Connection, order_number: str, before: int, limit: int) -> Sequence[RefusedNotification]:
    """The newest first, those of one order when it is named."""
    query = select(refused_notification).order_by(refused_notification.c.id.desc()).limit(limit)
    if before:
        query = query.where(refused_notification.c.id < before)
    if order_number:
        query = query.where(refused_notification.c.order_number == order_number)
    return [RefusedNotification(**row) for row in connection.execute(query).mappings()]


def count_doubted(connection: Connection, since: datetime) -> int:
    """Refused notifications that had the bank's signature: they speak of money that may have moved."""
    query = select(func.count()).where(refused_notification.c.signed, refused_notification.c.received_at >= since)
    return connection.execute(query).scalar_one()


def account_numbers(connection: Connection, supply_ids: Iterable[str]) -> dict[str, str]:
    """Account number by supply."""
    query = select(supply.c.supply_id, supply.c.account_number).where(supply.c.supply_id.in_(list(supply_ids)))
    return {row.supply_id: row.account_number for row in connection.execute(query)}
