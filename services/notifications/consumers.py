"""Events in: read models kept, mails queued, notices written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from coop.billing.events.v1 import events_pb2 as billing
from coop.identity.events.v1 import events_pb2 as identity
from coop.metering.events.v1 import events_pb2 as metering
from coop.supplies.events.v1 import events_pb2 as supplies

from services.chassis.clock import local_date
from services.chassis.db import Transaction
from services.chassis.errors import Unavailable
from services.chassis.ids import new_id
from services.chassis.subscription import Envelope, Subscription
from services.notifications import repository
from services.notifications.domain.delivery import invoice_is_mailed
from services.notifications.domain.recipients import of_invoice
from services.notifications.templates import Renderer, newest_version

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
PATIENCE = timedelta(minutes=10)
"""Topics are read independently: an invoice may be seen before its member. So long an event waits for what it names;
after that it goes on with what is known."""


class Consumers:
    """The handlers; each runs in the transaction that also remembers the event as handled."""

    def __init__(self, renderer: Renderer, zone: ZoneInfo, wake: Callable[[], None]) -> None:
        self._renderer = renderer
        self._zone = zone
        self._wake = wake

    def subscription(self) -> Subscription:
        return Subscription(
            group="notifications",
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
                billing.InvoiceIssued: self.invoice_issued,
                billing.InvoiceRectified: self.invoice_rectified,
                billing.DirectDebitReturned: self.direct_debit_returned,
                billing.CertificateIssued: self.certificate_issued,
                billing.CertificateRefused: self.certificate_refused,
                billing.DisputeOpened: self.dispute_opened,
                billing.DisputeClosed: self.dispute_closed,
                billing.CertificateRevoked: self.certificate_revoked,
                billing.PaymentReceived: self.payment_received,
                billing.PaymentRefunded: self.payment_refunded,
                metering.SelfReadingTaken: self.self_reading_taken,
            },
            # A mail that cannot be queued must not hold back the mails of others.
            on_permanent_failure="continue",
        )

    # -------------------------------------------------------------------------------------------- identity
    def activation_requested(self, tx: Transaction, event: identity.ActivationRequested, envelope: Envelope) -> None:
        data = {"account_id": event.account_id, "name": event.name}
        self._mail(tx, envelope, "activation", event.email, event.language, data)

    def registration_repeated(self, tx: Transaction, event: identity.RegistrationRepeated, envelope: Envelope) -> None:
        self._mail(tx, envelope, "registration_repeated", event.email, event.language, {})

    def account_known(
        self, tx: Transaction, event: identity.AccountActivated | identity.AccountUpdated, envelope: Envelope
    ) -> None:
        repository.put_account(tx.connection, event.account_id, event.email, event.name, event.language)

    def password_reset_requested(
        self, tx: Transaction, event: identity.PasswordResetRequested, envelope: Envelope
    ) -> None:
        data = {"account_id": event.account_id}
        self._mail(tx, envelope, "password_reset", event.email, event.language, data)

    def password_changed(self, tx: Transaction, event: identity.PasswordChanged, envelope: Envelope) -> None:
        data = {"at": envelope.time.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")}
        self._mail(tx, envelope, "password_changed", event.email, event.language, data)
        self._notice(tx, envelope, "password_changed", event.account_id, data, link="/account")

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
            self._mail(tx, envelope, "association_notice", event.email, event.language, data)
        self._notice(tx, envelope, "association_notice", event.account_id, data, link="/supplies")

    def association_code_due(self, tx: Transaction, event: supplies.AssociationCodeDue, envelope: Envelope) -> None:
        data = {"association_id": event.association_id}
        self._mail(tx, envelope, "association_code", event.email, event.language, data)

    # --------------------------------------------------------------------------------------------- billing
    def invoice_issued(self, tx: Transaction, event: billing.InvoiceIssued, envelope: Envelope) -> None:
        self._tell_of(tx, envelope, "invoice_issued", event, {"total": event.total.amount})

    def invoice_rectified(self, tx: Transaction, event: billing.InvoiceRectified, envelope: Envelope) -> None:
        difference = event.difference.amount
        more = {
            "rectified_number": event.rectified_number,
            "total": difference,
            "amount": difference.removeprefix("-"),
            "in_favour": difference.startswith("-"),
        }
        self._tell_of(tx, envelope, "invoice_rectified", event, more)

    def _tell_of(
        self,
        tx: Transaction,
        envelope: Envelope,
        kind: str,
        event: billing.InvoiceIssued | billing.InvoiceRectified,
        figures: dict[str, Any],
    ) -> None:
        """A notice for each reader of the supply and, while it is news, a mail to whom invoices are sent."""
        on_file = repository.contact_of(tx.connection, event.member_id)
        if on_file is None:
            self._wait_for(tx, envelope, f"member {event.member_id} of invoice {event.number}")
        readers = repository.readers_of(tx.connection, event.supply_id)
        link = f"/s/{event.supply_id}/invoices/{event.invoice_id}"
        data = {
            "invoice_id": event.invoice_id,
            "number": event.number,
            "account_number": event.account_number,
            "start": event.period.start,
            "due_date": event.due_date,
            "path": link,
            **figures,
        }
        for reader in readers:
            self._notice(tx, envelope, kind, reader.account_id, data, link, event.supply_id)
        today = local_date(tx.clock.now(), self._zone)
        if not invoice_is_mailed(date.fromisoformat(event.issue_date), today):
            return
        for to in of_invoice(readers, on_file):
            more = {"name": to.name, "delivery": to.delivery}
            self._mail(tx, envelope, kind, to.email, to.language, data | more)

    def direct_debit_returned(self, tx: Transaction, event: billing.DirectDebitReturned, envelope: Envelope) -> None:
        """A notice for each reader of the supply and, while it is news, a mail to whom its invoices are sent."""
        on_file = repository.contact_of(tx.connection, event.member_id)
        if on_file is None:
            self._wait_for(tx, envelope, f"member {event.member_id} of invoice {event.invoice_number}")
        readers = repository.readers_of(tx.connection, event.supply_id)
        link = f"/s/{event.supply_id}/invoices/{event.invoice_id}"
        data = {
            "number": event.invoice_number,
            "account_number": event.account_number,
            "amount": event.amount.amount,
            "returned_on": event.day,
            "reason_code": event.reason_code,
            "iban": event.iban_masked,
            "collected_again": event.collected_again,
            "mandate_ended": event.mandate_ended,
            "path": link,
        }
        for reader in readers:
            self._notice(tx, envelope, "direct_debit_returned", reader.account_id, data, link, event.supply_id)
        if invoice_is_mailed(date.fromisoformat(event.day), local_date(tx.clock.now(), self._zone)):
            for to in of_invoice(readers, on_file):
                more = {"name": to.name}
                self._mail(tx, envelope, "direct_debit_returned", to.email, to.language, data | more)

    def certificate_issued(self, tx: Transaction, event: billing.CertificateIssued, envelope: Envelope) -> None:
        supply = repository.supply_of(tx.connection, event.supply_id)
        asked_by = repository.account_of(tx.connection, event.account_id) if event.account_id else None
        on_file = repository.contact_of(tx.connection, event.member_id)
        if supply is None or (on_file is None and asked_by is None):
            self._wait_for(tx, envelope, f"supply {event.supply_id} of certificate {event.certificate_id}")
        link = f"/s/{event.supply_id}/certificates/{event.certificate_id}"
        data = {
            "certificate_id": event.certificate_id,
            "account_number": supply.account_number if supply else "",
            "valid_until": event.valid_until,
            "path": link,
        }
        for reader in repository.readers_of(tx.connection, event.supply_id):
            self._notice(tx, envelope, "certificate_issued", reader.account_id, data, link, event.supply_id)
        to = asked_by or on_file
        if to is not None and to.email:
            self._mail(tx, envelope, "certificate_issued", to.email, to.language, data | {"name": to.name})

    def payment_received(self, tx: Transaction, event: billing.PaymentReceived, envelope: Envelope) -> None:
        """The confirmation of a payment by card, for the holder; other ways of paying have papers of their own."""
        if event.method != "card":
            return
        supply = repository.supply_of(tx.connection, event.supply_id)
        on_file = repository.contact_of(tx.connection, event.member_id)
        if supply is None or on_file is None:
            self._wait_for(tx, envelope, f"supply {event.supply_id} of payment {event.payment_id}")
        link = f"/s/{event.supply_id}/statement"
        data = {
            "amount": event.amount.amount,
            "paid_on": event.paid_on,
            "number": event.invoice_number,
            "account_number": supply.account_number if supply else "",
            "path": link,
        }
        readers = repository.readers_of(tx.connection, event.supply_id)
        for reader in readers:
            self._notice(tx, envelope, "payment_received", reader.account_id, data, link, event.supply_id)
        for to in of_invoice(readers, on_file):
            self._mail(tx, envelope, "payment_received", to.email, to.language, data | {"name": to.name})

    def payment_refunded(self, tx: Transaction, event: billing.PaymentRefunded, envelope: Envelope) -> None:
        """To everybody who reads the supply and, by mail, to whom its invoices are sent."""
        supply = repository.supply_of(tx.connection, event.supply_id)
        on_file = repository.contact_of(tx.connection, event.member_id)
        if supply is None or on_file is None:
            self._wait_for(tx, envelope, f"supply {event.supply_id} of the refund {event.reversal_id}")
        link = f"/s/{event.supply_id}/statement"
        data = {
            "amount": event.amount.amount,
            "refunded_on": event.day,
            "account_number": supply.account_number if supply else "",
            "path": link,
        }
        readers = repository.readers_of(tx.connection, event.supply_id)
        for reader in readers:
            self._notice(tx, envelope, "payment_refunded", reader.account_id, data, link, event.supply_id)
        for to in of_invoice(readers, on_file):
            self._mail(tx, envelope, "payment_refunded", to.email, to.language, data | {"name": to.name})

    def certificate_refused(self, tx: Transaction, event: billing.CertificateRefused, envelope: Envelope) -> None:
        """To whoever asked, with what is due; the office says it to whom it asked for."""
        if not event.account_id:
            return
        asked_by = repository.account_of(tx.connection, event.account_id)
        supply = repository.supply_of(tx.connection, event.supply_id)
        if asked_by is None or supply is None:
            self._wait_for(tx, envelope, f"account {event.account_id} that asked for a certificate")
        link = f"/s/{event.supply_id}/invoices"
        data = {
            "account_number": supply.account_number if supply else "",
            "all_supplies": event.all_supplies,
            "due": [[item.number, item.due_date, item.outstanding.amount] for item in event.due],
            "total": event.total_due.amount,
            "path": link,
        }
        self._notice(tx, envelope, "certificate_refused", event.account_id, data, link, event.supply_id)
        if asked_by is not None:
            more = {"name": asked_by.name}
            self._mail(tx, envelope, "certificate_refused", asked_by.email, asked_by.language, data | more)

    def certificate_revoked(self, tx: Transaction, event: billing.CertificateRevoked, envelope: Envelope) -> None:
        supply = repository.supply_of(tx.connection, event.supply_id)
        asked_by = repository.account_of(tx.connection, event.account_id) if event.account_id else None
        on_file = repository.contact_of(tx.connection, event.member_id)
        if supply is None or (on_file is None and asked_by is None):
            self._wait_for(tx, envelope, f"supply {event.supply_id} of certificate {event.number}")
        link = f"/s/{event.supply_id}/certificates"
        data = {
            "number": event.number,
            "account_number": supply.account_number if supply else "",
            "why": event.why,
            "path": link,
        }
        for reader in repository.readers_of(tx.connection, event.supply_id):
            self._notice(tx, envelope, "certificate_revoked", reader.account_id, data, link, event.supply_id)
        to = asked_by or on_file
        if to is not None and to.email:
            self._mail(tx, envelope, "certificate_revoked", to.email, to.language, data | {"name": to.name})

    def dispute_opened(self, tx: Transaction, event: billing.DisputeOpened, envelope: Envelope) -> None:
        self._tell_of_dispute(tx, envelope, "dispute_opened", event, {"reason": event.reason})

    def dispute_closed(self, tx: Transaction, event: billing.DisputeClosed, envelope: Envelope) -> None:
        figures = {"outcome": event.outcome, "outstanding": event.outstanding.amount, "due_date": event.due_date}
        self._tell_of_dispute(tx, envelope, "dispute_closed", event, figures)

    def _tell_of_dispute(
        self,
        tx: Transaction,
        envelope: Envelope,
        kind: str,
        event: billing.DisputeOpened | billing.DisputeClosed,
        more: dict[str, Any],
    ) -> None:
        """A notice for each reader of the supply, and a mail to whom its invoices are sent."""
        on_file = repository.contact_of(tx.connection, event.member_id)
        supply = repository.supply_of(tx.connection, event.supply_id)
        if on_file is None or supply is None:
            self._wait_for(tx, envelope, f"member {event.member_id} of the disputed invoice {event.invoice_number}")
        link = f"/s/{event.supply_id}/invoices/{event.invoice_id}"
        account = supply.account_number if supply else ""
        data = {"number": event.invoice_number, "account_number": account, "path": link, **more}
        readers = repository.readers_of(tx.connection, event.supply_id)
        for reader in readers:
            self._notice(tx, envelope, kind, reader.account_id, data, link, event.supply_id)
        for to in of_invoice(readers, on_file):
            self._mail(tx, envelope, kind, to.email, to.language, data | {"name": to.name})

    # -------------------------------------------------------------------------------------------- metering
    def self_reading_taken(self, tx: Transaction, event: metering.SelfReadingTaken, envelope: Envelope) -> None:
        """The receipt goes to whoever gave the reading, and to nobody else who may see the supply."""
        giver = repository.account_of(tx.connection, event.account_id)
        if giver is None:
            self._wait_for(tx, envelope, f"account {event.account_id} of the self-reading {event.receipt}")
        link = f"/s/{event.supply_id}/self-reading/{event.receipt}"
        data = {
            "receipt": event.receipt,
            "account_number": event.account_number,
            "meter": event.meter,
            "read_on": event.day,
            "shown": [list(one) for one in zip(event.registers, event.shown, strict=True)],
            "unit": {"m3": "m³"}.get(event.unit, event.unit),
            "enters_cycle": event.enters_cycle,
            "doubtful": event.doubtful,
            "path": link,
        }
        self._notice(tx, envelope, "self_reading_taken", event.account_id, data, link, event.supply_id)
        if giver is not None:
            more = {"name": giver.name}
            self._mail(tx, envelope, "self_reading_taken", giver.email, giver.language, data | more)

    # --------------------------------------------------------------------------------------------- helpers
    def _mail(
        self, tx: Transaction, envelope: Envelope, kind: str, email: str, language: str, data: dict[str, Any]
    ) -> None:
        queued = repository.queue(
            tx.connection,
            {
                "id": new_id(),
                "event_id": envelope.event_id,
                "kind": kind,
                "recipient": email,
                "language": self._renderer.language(language),
                "template_version": newest_version(kind),
                "data": data,
                "created_at": tx.clock.now(),
            },
        )
        if queued:
            tx.on_commit(self._wake)

    def _notice(
        self,
        tx: Transaction,
        envelope: Envelope,
        kind: str,
        account_id: str,
        data: dict[str, Any],
        link: str,
        supply_id: str = "",
    ) -> None:
        repository.add_notice(
            tx.connection,
            {
                "id": new_id(),
                "event_id": envelope.event_id,
                "account_id": account_id,
                "kind": kind,
                "template_version": newest_version(kind),
                "data": data,
                "supply_id": supply_id,
                "link": link,
                "created_at": tx.clock.now(),
            },
        )

    @staticmethod
    def _wait_for(tx: Transaction, envelope: Envelope, what: str) -> None:
        """Raises Unavailable, which the consumer takes for a passing trouble, while what is named may still arrive."""
        if tx.clock.now() - envelope.time < PATIENCE:
            raise Unavailable(f"The event that tells of {what} has not arrived yet.", "NOT_KNOWN_YET")
