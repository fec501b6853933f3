"""Payments, refunds, returned debits and certificates, as members are told."""

from __future__ import annotations

from datetime import UTC, datetime

from coop.billing.events.v1 import events_pb2 as billing_events
from coop.common.v1.types_pb2 import Money
from coop.notifications.v1 import notifications_service_pb2 as pb

from tests.support.notifications import (
    ANA,
    MEMBER,
    PDF,
    SUPPLY,
    Running,
    eventually,
    parts,
)
from tests.support.smtp import MailServer


def test_a_card_payment_is_confirmed_to_its_holder_and_other_ways_of_paying_are_not(
    running: Running, mailbox: MailServer
) -> None:
    running.introduce()
    for method, amount in (("transfer", "10.00"), ("card", "55.44")):
        paid = billing_events.PaymentReceived(
            payment_id=f"payment-{method}",
            invoice_number="E2026-000001",
            supply_id=SUPPLY,
            member_id=MEMBER,
            amount=Money(amount=amount, currency_code="EUR"),
            paid_on="2026-11-21",
            method=method,
            receipt_number="RC-2026-000007",
        )
        running.tell("coop.billing.payment.v1", SUPPLY, paid)
    eventually(lambda: mailbox.mails)
    (mail,) = mailbox.mails
    assert mail["To"] == "ana@example.org" and "€55.44" in mail["Subject"]
    assert f"{running.settings.public_url}/s/{SUPPLY}/statement" in parts(mail)[0]
    assert "Receipt: RC-2026-000007" in parts(mail)[0]
    (notice,) = running.as_member(ANA).ListMyNotices(pb.ListMyNoticesRequest()).notices
    assert (notice.kind, notice.title) == ("payment_received", "Payment received: €55.44")


def test_a_refund_is_told_by_mail_and_notice(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    refunded = billing_events.PaymentRefunded(
        reversal_id="reversal-1",
        payment_id="payment-1",
        supply_id=SUPPLY,
        member_id=MEMBER,
        amount=Money(amount="10.00", currency_code="EUR"),
        day="2026-11-21",
        method="transfer",
    )
    running.tell("coop.billing.payment.v1", SUPPLY, refunded)
    eventually(lambda: mailbox.mails)
    (mail,) = mailbox.mails
    assert mail["To"] == "ana@example.org" and "€10.00" in mail["Subject"]
    (notice,) = running.as_member(ANA).ListMyNotices(pb.ListMyNoticesRequest()).notices
    assert (notice.kind, notice.title) == ("payment_refunded", "Refund: €10.00")


def test_a_returned_debit_is_told_with_its_reason_and_a_masked_account(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    returned = billing_events.DirectDebitReturned(
        collection_id="collection-1",
        supply_id=SUPPLY,
        member_id=MEMBER,
        account_number="5555/1",
        invoice_id="invoice-1",
        invoice_number="E2026-000001",
        amount=Money(amount="55.44", currency_code="EUR"),
        day=datetime.now(UTC).date().isoformat(),
        reason_code="AM04",
        iban_masked="ES79 **** 6789",
    )
    running.tell("coop.billing.payment.v1", SUPPLY, returned)
    eventually(lambda: mailbox.mails)
    text = " ".join(parts(mailbox.mails[0])[0].split())
    assert "collected from account ES79 **** 6789. Reason: there was not enough money in the account (AM04)." in text
    assert f"{running.settings.public_url}/s/{SUPPLY}/invoices/invoice-1" in text
    (notice,) = running.as_member(ANA).ListMyNotices(pb.ListMyNoticesRequest()).notices
    assert (notice.kind, notice.title) == ("direct_debit_returned", "Direct debit returned by the bank: €55.44")


def test_a_certificate_goes_to_who_asked_with_its_paper(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    issued = billing_events.CertificateIssued(
        certificate_id="certificate-1", supply_id=SUPPLY, member_id=MEMBER, account_id=ANA, valid_until="2026-12-21"
    )
    running.tell("coop.billing.certificate.v1", SUPPLY, issued)
    eventually(lambda: mailbox.mails)
    (mail,) = mailbox.mails
    assert mail["To"] == "ana@example.org"
    assert [part.get_payload(decode=True) for part in mail.iter_attachments()] == [PDF]
    assert "21 December 2026" in parts(mail)[0]


def test_a_refused_and_a_revoked_certificate_and_a_closed_dispute_are_told(
    running: Running, mailbox: MailServer
) -> None:
    running.introduce()
    refused = billing_events.CertificateRefused(
        request_id="r-1",
        supply_id=SUPPLY,
        member_id=MEMBER,
        account_id=ANA,
        due=[
            billing_events.DueInvoice(
                number="E-2", due_date="2026-11-23", outstanding=Money(amount="55.44", currency_code="EUR")
            )
        ],
        total_due=Money(amount="55.44", currency_code="EUR"),
    )
    revoked = billing_events.CertificateRevoked(
        certificate_id="c-1",
        supply_id=SUPPLY,
        member_id=MEMBER,
        why="Wrong holder",
        number="C-2026-000001",
        account_id=ANA,
    )
    running.tell("coop.billing.certificate.v1", SUPPLY, refused)
    running.tell("coop.billing.certificate.v1", SUPPLY, revoked)
    closed = billing_events.DisputeClosed(
        invoice_id="i-2",
        invoice_number="E-2",
        supply_id=SUPPLY,
        member_id=MEMBER,
        outcome="The reading was right.",
        outstanding=Money(amount="55.44", currency_code="EUR"),
        due_date="2026-11-23",
    )
    running.tell("coop.billing.invoice.v1", SUPPLY, closed)
    euros = Money(amount="55.44", currency_code="EUR")
    plan = {
        "plan_id": "p-1",
        "supply_id": SUPPLY,
        "member_id": MEMBER,
        "account_number": "5555/1",
        "invoice_numbers": ["E-2"],
    }
    part = billing_events.PlanInstalment(due_date="2026-12-10", amount=euros)
    agreed = billing_events.PaymentPlanAgreed(**plan, instalments=[part], total=euros)
    paid = billing_events.PaymentPlanOver(**plan, outcome="paid", instalments=1, former_holder=True)
    running.tell("coop.billing.invoice.v1", SUPPLY, agreed)
    running.tell("coop.billing.invoice.v1", SUPPLY, paid)
    eventually(lambda: len({str(mail["Subject"]) for mail in mailbox.mails}) == 5)
    said = {str(mail["Subject"]): parts(mail)[0] for mail in mailbox.mails}
    assert "- E-2, due 23 November 2026: €55.44" in said["The certificate cannot be given yet"]
    assert "Wrong holder" in said["Your certificate C-2026-000001 was revoked"]
    assert "€55.44 of it is to be paid" in said["What came of your dispute about invoice E-2"]
    agreed_mail = said["Payment plan agreed for supply 5555/1"]
    assert "- Instalment 1 of 1, by 10 December 2026: €55.44" in agreed_mail and f"/s/{SUPPLY}/statement" in agreed_mail
    assert "está pagado del todo: E-2" in said["Plan de pagos terminado, suministro 5555/1"], (
        "to the contact on file alone"
    )
    notices = running.as_member(ANA).ListMyNotices(pb.ListMyNoticesRequest()).notices
    assert [each.title for each in notices if "plan" in each.title] == ["Payment plan agreed: €55.44"]
