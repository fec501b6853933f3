"""What supplies hears from identity: the confirmed address of each account."""

from collections.abc import Callable

from coop.identity.events.v1 import events_pb2 as identity

from services.chassis.consumer import Envelope, Subscription
from services.chassis.db import Transaction
from services.chassis.emails import email_key
from services.supplies import access_repository


def subscription(wake_worker: Callable[[], None]) -> Subscription:
    def keep_contact(
        tx: Transaction, event: identity.AccountActivated | identity.AccountUpdated, envelope: Envelope
    ) -> None:
        access_repository.put_contact(tx, event.account_id, email_key(event.email))
        # A request of this account may be waiting for it.
        tx.on_commit(wake_worker)

    return Subscription(
        group="supplies",
        topics=("coop.identity.account.v1",),
        handlers={identity.AccountActivated: keep_contact, identity.AccountUpdated: keep_contact},
        on_permanent_failure="continue",
    )
