"""Events in: read models kept, mails queued, notices written."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from coop.identity.events.v1 import events_pb2 as identity
from coop.metering.events.v1 import events_pb2 as metering
from coop.supplies.events.v1 import events_pb2 as supplies

from services.chassis.db import Transaction
from services.chassis.subscription import Envelope, Subscription
from services.notifications import repository
from services.notifications.billing_events import BillingEvents
from services.notifications.telling import Story, Teller, wait_for
from services.notifications.templates import Renderer

TOPICS = (
    "coop.identity.account.v1",
    "coop.supplies.member.v1",
    "coop.supplies.supply.v1",
    "coop.supplies.access.v1",
    "coop.billing.invoice.v1",
    "coop.billing.payment.v1",
    "coop.billing.certificate.v1",
    "coop.metering.reading.v1",
)


class Consumers:
    """The handlers; each runs in the transaction that also remembers the event as handled."""

    def __init__(self, renderer: Renderer, zone: ZoneInfo, wake: Callable[[], None]) -> None:
        self._zone = zone
        self._teller = Teller(renderer, wake)
        self._of_billing = BillingEvents(self._teller, zone)

    def subscription(self) -> Subscription:
        return Subscription(
            group=repository.GROUP,
            topics=TOPICS,
            handlers={
                identity.ActivationRequested: self.activation_requested,
                identity.RegistrationRepeated: self.registration_repeated,
                identity.AccountActivated: self.account_known,
                identity.AccountUpdated: self.account_known,
                identity.PasswordResetRequested: self.password_reset_requested,
                identity.PasswordChanged: self.password_changed,
                supplies.MemberChanged: self.member_changed,
                supplies.SupplyChanged: self.supply_changed,
                supplies.AccessGranted: self.access_granted,
                supplies.AccessRevoked: self.access_revoked,
                supplies.AssociationNoticeDue: self.association_notice_due,
                supplies.AssociationCodeDue: self.association_code_due,
                metering.SelfReadingTaken: self.self_reading_taken,
                **self._of_billing.handlers,
            },
            # A mail that cannot be queued must not hold back the mails of others.
            on_permanent_failure="continue",
        )

    # -------------------------------------------------------------------------------------------- identity
    def activation_requested(self, tx: Transaction, event: identity.ActivationRequested, envelope: Envelope) -> None:
        data = {"account_id": event.account_id, "name": event.name}
        self._teller.mail(tx, envelope, "activation", event.email, event.language, data)

    def registration_repeated(self, tx: Transaction, event: identity.RegistrationRepeated, envelope: Envelope) -> None:
        self._teller.mail(tx, envelope, "registration_repeated", event.email, event.language, {})

    def account_known(
        self, tx: Transaction, event: identity.AccountActivated | identity.AccountUpdated, envelope: Envelope
    ) -> None:
        repository.put_account(tx.connection, event.account_id, event.email, event.name, event.language)

    def password_reset_requested(
        self, tx: Transaction, event: identity.PasswordResetRequested, envelope: Envelope
    ) -> None:
        data = {"account_id": event.account_id}
        self._teller.mail(tx, envelope, "password_reset", event.email, event.language, data)

    def password_changed(self, tx: Transaction, event: identity.PasswordChanged, envelope: Envelope) -> None:
        data = {"at": envelope.time.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")}
        self._teller.mail(tx, envelope, "password_changed", event.email, event.language, data)
        self._teller.notice(tx, envelope, "password_changed", event.account_id, data, link="/account")

    # -------------------------------------------------------------------------------------------- supplies
    def member_changed(self, tx: Transaction, event: supplies.MemberChanged, envelope: Envelope) -> None:
        repository.put_member(tx.connection, event.member_id, event.email, event.name, event.language, event.version)

    def supply_changed(self, tx: Transaction, event: supplies.SupplyChanged, envelope: Envelope) -> None:
        changed = event.supply
        repository.put_supply(tx.connection, changed.id, changed.account_number, changed.address.street, event.version)

    def access_granted(self, tx: Transaction, event: supplies.AccessGranted, envelope: Envelope) -> None:
        repository.grant(tx.connection, event.account_id, event.supply_id, event.relation)

    def access_revoked(self, tx: Transaction, event: supplies.AccessRevoked, envelope: Envelope) -> None:
        repository.revoke(tx.connection, event.account_id, event.supply_id)

    def association_notice_due(self, tx: Transaction, event: supplies.AssociationNoticeDue, envelope: Envelope) -> None:
        data = {"accounts": list(event.account_numbers)}
        if event.email:
            self._teller.mail(tx, envelope, "association_notice", event.email, event.language, data)
        self._teller.notice(tx, envelope, "association_notice", event.account_id, data, link="/supplies")

    def association_code_due(self, tx: Transaction, event: supplies.AssociationCodeDue, envelope: Envelope) -> None:
        data = {"association_id": event.association_id}
        self._teller.mail(tx, envelope, "association_code", event.email, event.language, data)

    # -------------------------------------------------------------------------------------------- metering
    def self_reading_taken(self, tx: Transaction, event: metering.SelfReadingTaken, envelope: Envelope) -> None:
        """The receipt goes to whoever gave the reading, and to nobody else who may see the supply."""
        giver = repository.account_of(tx.connection, event.account_id)
        if giver is None:
            wait_for(tx, envelope, f"account {event.account_id} of the self-reading {event.receipt}")
        data = {
            "receipt": event.receipt,
            "account_number": event.account_number,
            "meter": event.meter,
            "read_on": event.day,
            "shown": [list(one) for one in zip(event.registers, event.shown, strict=True)],
            "unit": {"m3": "m³"}.get(event.unit, event.unit),
            "enters_cycle": event.enters_cycle,
            "doubtful": event.doubtful,
        }
        story = Story("self_reading_taken", event.supply_id, f"/s/{event.supply_id}/self-reading/{event.receipt}", data)
        self._teller.alone(tx, envelope, story, event.account_id, giver)
