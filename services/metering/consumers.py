"""Events of supplies and billing in, read models of metering out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coop.billing.events.v1.events_pb2 import InvoiceIssued, InvoiceRectified
from coop.supplies.events.v1.events_pb2 import AccessGranted, AccessRevoked, SupplyChanged

from services.chassis.db import Transaction
from services.chassis.subscription import Envelope, Handler, Subscription
from services.metering.application import learn

TOPICS = ("coop.supplies.supply.v1", "coop.supplies.access.v1", "coop.billing.invoice.v1")


def subscriptions() -> list[Subscription]:
    """One group: a supply, an account and an invoice are each handled in the order of their events."""
    handlers: dict[Any, Handler] = {
        SupplyChanged: _of(learn.supply_changed),
        AccessGranted: _of(learn.access_granted),
        AccessRevoked: _of(learn.access_revoked),
        InvoiceIssued: _of(learn.invoice_issued),
        InvoiceRectified: _of(learn.invoice_rectified),
    }
    return [Subscription("metering", TOPICS, handlers)]


def _of(use_case: Callable[[Transaction, Any], None]) -> Handler:
    def handle(tx: Transaction, message: Any, envelope: Envelope) -> None:
        use_case(tx, message)

    return handle
