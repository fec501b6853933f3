"""What billing announces, as members are told: invoices, payments, certificates, disputes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from coop.billing.events.v1 import events_pb2 as billing
from sqlalchemy import Row

from services.chassis.clock import local_date
from services.chassis.db import Transaction
from services.chassis.subscription import Envelope
from services.notifications import repository
from services.notifications.domain.delivery import invoice_is_mailed
from services.notifications.domain.recipients import Contact
from services.notifications.telling import Story, Teller, wait_for

#: A document that bills no supply.
CHARGE = "charge"


class BillingEvents:
    def __init__(self, teller: Teller, zone: ZoneInfo) -> None:
        self._teller = teller
        self._zone = zone

    @property
    def handlers(self) -> Mapping[type, Callable[..., None]]:
        return {
            billing.InvoiceIssued: self.invoice_issued,
            billing.InvoiceRectified: self.invoice_rectified,
            billing.DirectDebitReturned: self.direct_debit_returned,
            billing.PaymentReceived: self.payment_received,
            billing.PaymentRefunded: self.payment_refunded,
            billing.CertificateIssued: self.certificate_issued,
            billing.CertificateRefused: self.certificate_refused,
            billing.CertificateRevoked: self.certificate_revoked,
            billing.DisputeOpened: self.dispute_opened,
            billing.DisputeClosed: self.dispute_closed,
            billing.ReminderIssued: self.reminder_issued,
            billing.PaymentPlanAgreed: self.plan_agreed,
            billing.PaymentPlanOver: self.plan_over,
            billing.BillRunProposed: self.bill_run_proposed,
        }

    # -------------------------------------------------------------------------------------------- invoices
    def invoice_issued(self, tx: Transaction, event: billing.InvoiceIssued, envelope: Envelope) -> None:
        if event.kind == CHARGE:
            figures = {"total": event.total.amount, "description": event.description}
            self._invoice(tx, envelope, "charge_issued", event, figures)
            return
        self._invoice(tx, envelope, "invoice_issued", event, {"total": event.total.amount})

    def invoice_rectified(self, tx: Transaction, event: billing.InvoiceRectified, envelope: Envelope) -> None:
        difference = event.difference.amount
        figures = {
            "rectified_number": event.rectified_number,
            "total": difference,
            "amount": difference.removeprefix("-"),
            "in_favour": difference.startswith("-"),
        }
        kind = "charge_withdrawn" if event.kind == CHARGE else "invoice_rectified"
        self._invoice(tx, envelope, kind, event, figures)

    def _invoice(
        self,
        tx: Transaction,
        envelope: Envelope,
        kind: str,
        event: billing.InvoiceIssued | billing.InvoiceRectified,
        figures: dict[str, Any],
    ) -> None:
        on_file = repository.contact_of(tx.connection, event.member_id)
        if on_file is None:
            wait_for(tx, envelope, f"member {event.member_id} of invoice {event.number}")
        data = {
            "invoice_id": event.invoice_id,
            "number": event.number,
            "account_number": event.account_number,
            "start": event.period.start,
            "due_date": event.due_date,
            **figures,
        }
        story = Story(kind, event.supply_id, f"/s/{event.supply_id}/invoices/{event.invoice_id}", data)
        self._teller.readers(tx, envelope, story, on_file, mailed=self._is_news(tx, event.issue_date))

    # -------------------------------------------------------------------------------------------- payments
    def direct_debit_returned(self, tx: Transaction, event: billing.DirectDebitReturned, envelope: Envelope) -> None:
        on_file = repository.contact_of(tx.connection, event.member_id)
        if on_file is None:
            wait_for(tx, envelope, f"member {event.member_id} of invoice {event.invoice_number}")
        data = {
            "number": event.invoice_number,
            "account_number": event.account_number,
            "amount": event.amount.amount,
            "returned_on": event.day,
            "reason_code": event.reason_code,
            "iban": event.iban_masked,
            "collected_again": event.collected_again,
            "mandate_ended": event.mandate_ended,
            "covered": event.covered,
        }
        link = f"/s/{event.supply_id}/invoices/{event.invoice_id}"
        story = Story("direct_debit_returned", event.supply_id, link, data)
        self._teller.readers(tx, envelope, story, on_file, mailed=self._is_news(tx, event.day))

    def payment_received(self, tx: Transaction, event: billing.PaymentReceived, envelope: Envelope) -> None:
        """The confirmation of a payment by card, for the holder; other ways of paying have papers of their own."""
        if event.method != "card":
            return
        account, on_file = self._account_and_holder(tx, envelope, event, f"payment {event.payment_id}")
        data = {
            "amount": event.amount.amount,
            "paid_on": event.paid_on,
            "number": event.invoice_number,
            "receipt": event.receipt_number,
            "account_number": account,
        }
        story = Story("payment_received", event.supply_id, f"/s/{event.supply_id}/statement", data)
        self._teller.readers(tx, envelope, story, on_file)

    def payment_refunded(self, tx: Transaction, event: billing.PaymentRefunded, envelope: Envelope) -> None:
        account, on_file = self._account_and_holder(tx, envelope, event, f"the refund {event.reversal_id}")
        data = {"amount": event.amount.amount, "refunded_on": event.day, "account_number": account}
        story = Story("payment_refunded", event.supply_id, f"/s/{event.supply_id}/statement", data)
        self._teller.readers(tx, envelope, story, on_file)

    # ---------------------------------------------------------------------------------------- certificates
    def certificate_issued(self, tx: Transaction, event: billing.CertificateIssued, envelope: Envelope) -> None:
        account, to = self._account_and_asker(tx, envelope, event, f"certificate {event.certificate_id}")
        data = {
            "certificate_id": event.certificate_id,
            "account_number": account,
            "valid_until": event.valid_until,
        }
        link = f"/s/{event.supply_id}/certificates/{event.certificate_id}"
        self._teller.readers_and(tx, envelope, Story("certificate_issued", event.supply_id, link, data), to)

    def certificate_refused(self, tx: Transaction, event: billing.CertificateRefused, envelope: Envelope) -> None:
        """To whoever asked, with what is due; the office says it to whom it asked for."""
        if not event.account_id:
            return
        asked_by = repository.account_of(tx.connection, event.account_id)
        supply = repository.supply_of(tx.connection, event.supply_id)
        if asked_by is None or supply is None:
            wait_for(tx, envelope, f"account {event.account_id} that asked for a certificate")
        data = {
            "account_number": supply.account_number if supply else "",
            "all_supplies": event.all_supplies,
            "due": [[item.number, item.due_date, item.outstanding.amount] for item in event.due],
            "total": event.total_due.amount,
        }
        story = Story("certificate_refused", event.supply_id, f"/s/{event.supply_id}/invoices", data)
        self._teller.alone(tx, envelope, story, event.account_id, asked_by)

    def certificate_revoked(self, tx: Transaction, event: billing.CertificateRevoked, envelope: Envelope) -> None:
        account, to = self._account_and_asker(tx, envelope, event, f"certificate {event.number}")
        data = {"number": event.number, "account_number": account, "why": event.why}
        story = Story("certificate_revoked", event.supply_id, f"/s/{event.supply_id}/certificates", data)
        self._teller.readers_and(tx, envelope, story, to)

    # -------------------------------------------------------------------------------------------- disputes
    def dispute_opened(self, tx: Transaction, event: billing.DisputeOpened, envelope: Envelope) -> None:
        self._dispute(tx, envelope, "dispute_opened", event, {"reason": event.reason})

    def dispute_closed(self, tx: Transaction, event: billing.DisputeClosed, envelope: Envelope) -> None:
        figures = {"outcome": event.outcome, "outstanding": event.outstanding.amount, "due_date": event.due_date}
        self._dispute(tx, envelope, "dispute_closed", event, figures)

    def _dispute(
        self,
        tx: Transaction,
        envelope: Envelope,
        kind: str,
        event: billing.DisputeOpened | billing.DisputeClosed,
        figures: dict[str, Any],
    ) -> None:
        account, on_file = self._account_and_holder(tx, envelope, event, f"the disputed invoice {event.invoice_number}")
        data = {"number": event.invoice_number, "account_number": account, **figures}
        story = Story(kind, event.supply_id, f"/s/{event.supply_id}/invoices/{event.invoice_id}", data)
        self._teller.readers(tx, envelope, story, on_file)

    # ------------------------------------------------------------------------------------------- reminders
    def reminder_issued(self, tx: Transaction, event: billing.ReminderIssued, envelope: Envelope) -> None:
        """To whose debt it is. Of somebody who left the supply, whoever reads it now is told nothing."""
        on_file = repository.contact_of(tx.connection, event.member_id)
        if on_file is None:
            wait_for(tx, envelope, f"member {event.member_id} of the reminder {event.reminder_id}")
        data = {
            "reminder_id": event.reminder_id,
            "account_number": event.account_number,
            "step": event.number,
            "proof": event.proof,
            "debts": [[each.number, each.due_date, each.outstanding.amount] for each in event.debts],
            "total": event.total.amount,
            "credit": event.credit.amount if event.credit.amount.strip("0.") else "",
            "pay_until": event.pay_until,
            "cut_off_months": event.cut_off_months,
            "protected_until": event.protected_until,
            "former_holder": event.former_holder,
        }
        story = Story("reminder", event.supply_id, f"/s/{event.supply_id}/invoices", data)
        self._debtor(tx, envelope, story, on_file, former=event.former_holder)

    def _debtor(
        self, tx: Transaction, envelope: Envelope, story: Story, on_file: Contact | None, *, former: bool
    ) -> None:
        if former:
            self._teller.by_mail_alone(tx, envelope, story, on_file)
        else:
            self._teller.readers(tx, envelope, story, on_file)

    # --------------------------------------------------------------------------------------- payment plans
    def plan_agreed(self, tx: Transaction, event: billing.PaymentPlanAgreed, envelope: Envelope) -> None:
        figures = {
            "instalments": [[each.due_date, each.amount.amount] for each in event.instalments],
            "total": event.total.amount,
        }
        self._plan(tx, envelope, "payment_plan_agreed", event, figures)

    def plan_over(self, tx: Transaction, event: billing.PaymentPlanOver, envelope: Envelope) -> None:
        figures = {
            "outcome": event.outcome,
            "position": event.instalment,
            "count": event.instalments,
            "due_date": event.due_date,
            "missing": event.missing.amount,
            "outstanding": event.outstanding.amount,
            "reason": event.reason,
        }
        self._plan(tx, envelope, "payment_plan_over", event, figures)

    def _plan(
        self,
        tx: Transaction,
        envelope: Envelope,
        kind: str,
        event: billing.PaymentPlanAgreed | billing.PaymentPlanOver,
        figures: dict[str, Any],
    ) -> None:
        on_file = repository.contact_of(tx.connection, event.member_id)
        if on_file is None:
            wait_for(tx, envelope, f"member {event.member_id} of the payment plan {event.plan_id}")
        data = {
            "account_number": event.account_number,
            "numbers": list(event.invoice_numbers),
            "former_holder": event.former_holder,
            **figures,
        }
        story = Story(kind, event.supply_id, f"/s/{event.supply_id}/statement", data)
        self._debtor(tx, envelope, story, on_file, former=event.former_holder)

    # -------------------------------------------------------------------------------------------- the office
    def bill_run_proposed(self, tx: Transaction, event: billing.BillRunProposed, envelope: Envelope) -> None:
        data = {
            "period": event.period,
            "start": f"{event.period}-01",
            "contracts": event.contracts,
            "already_invoiced": event.already_invoiced,
            "would_invoice": event.would_invoice,
            "total": event.total.amount,
            "held": [[each.reason, each.contracts] for each in event.held],
        }
        self._teller.office(tx, envelope, "bill_run_proposed", data)

    # --------------------------------------------------------------------------------------------- whom it is about
    def _account_and_holder(
        self, tx: Transaction, envelope: Envelope, event: Any, what: str
    ) -> tuple[str, Contact | None]:
        """The account number and the holder of the event's supply; waits for both."""
        supply = repository.supply_of(tx.connection, event.supply_id)
        on_file = repository.contact_of(tx.connection, event.member_id)
        if supply is None or on_file is None:
            wait_for(tx, envelope, f"supply {event.supply_id} of {what}")
        return supply.account_number if supply else "", on_file

    def _account_and_asker(
        self, tx: Transaction, envelope: Envelope, event: Any, what: str
    ) -> tuple[str, Row[Any] | Contact | None]:
        """The account number of the event's supply, and who asked for the paper: an account, else the holder on file."""
        supply = repository.supply_of(tx.connection, event.supply_id)
        asked_by = repository.account_of(tx.connection, event.account_id) if event.account_id else None
        to = asked_by or repository.contact_of(tx.connection, event.member_id)
        if supply is None or to is None:
            wait_for(tx, envelope, f"supply {event.supply_id} of {what}")
        return supply.account_number if supply else "", to

    def _is_news(self, tx: Transaction, day: str) -> bool:
        return invoice_is_mailed(date.fromisoformat(day), local_date(tx.clock.now(), self._zone))
