"""What happens to a supply, as its people are told: invoices, readings, codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from coop.billing.events.v1 import events_pb2 as billing_events
from coop.common.v1.types_pb2 import DatePeriod, Money
from coop.identity.events.v1 import events_pb2 as identity_events
from coop.metering.events.v1 import events_pb2 as metering_events
from coop.notifications.v1 import notifications_service_pb2 as pb
from coop.supplies.events.v1 import events_pb2 as supplies_events

from tests.support.notifications import (
    ANA,
    LUIS,
    MEMBER,
    PDF,
    SUPPLY,
    Running,
    eventually,
    invoice,
    parts,
)
from tests.support.smtp import MailServer


def test_a_self_readings_receipt_goes_to_its_giver_alone(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    luis = identity_events.AccountActivated(account_id=LUIS, email="luis@example.org", name="Luis", language="es")
    running.tell("coop.identity.account.v1", LUIS, luis)
    taken = metering_events.SelfReadingTaken(
        supply_id=SUPPLY,
        account_id=LUIS,
        receipt="7Q4M2-K9DXW",
        day="2026-10-28",
        unit="kWh",
        registers=["total"],
        shown=[12_575],
        account_number="5555/1",
        meter="ZIV0040318130",
        enters_cycle="2026-12-01",
    )
    running.tell("coop.metering.reading.v1", SUPPLY, taken)
    eventually(lambda: mailbox.mails)
    (mail,) = mailbox.mails
    text, _ = parts(mail)
    assert (
        mail["To"] == "luis@example.org" and "7Q4M2-K9DXW" in text and "Lectura: 12.575 kWh" in " ".join(text.split())
    )
    assert f"{running.settings.public_url}/s/{SUPPLY}/self-reading/7Q4M2-K9DXW" in text
    (notice,) = running.as_member(LUIS).ListMyNotices(pb.ListMyNoticesRequest()).notices
    assert notice.link == f"/s/{SUPPLY}/self-reading/7Q4M2-K9DXW"
    assert list(running.as_member(ANA).ListMyNotices(pb.ListMyNoticesRequest()).notices) == []


def test_an_invoice_is_told_by_notice_and_mail(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    running.tell("coop.billing.invoice.v1", SUPPLY, invoice(datetime.now(UTC).date()))
    eventually(lambda: mailbox.mails)
    (mail,) = mailbox.mails
    # The holder's own account takes the place of the contact on file; by default with a link.
    assert mail["To"] == "ana@example.org"
    assert f"{running.settings.public_url}/s/{SUPPLY}/invoices/invoice-E2026-000001" in parts(mail)[0]
    assert list(mail.iter_attachments()) == []
    inbox = running.as_member(ANA).ListMyNotices(pb.ListMyNoticesRequest())
    (notice,) = inbox.notices
    assert (notice.kind, notice.supply_id, inbox.unread) == ("invoice_issued", SUPPLY, 1)
    assert notice.title == "Invoice of October 2026: €55.44"
    assert notice.link == f"/s/{SUPPLY}/invoices/invoice-E2026-000001"
    # What bills no supply is told by what it is for, and so is what takes it back.
    charge = invoice(datetime.now(UTC).date())
    charge.invoice_id, charge.number, charge.kind, charge.description = (
        "v1",
        "V-2026-000001",
        "charge",
        "Copy of a certificate",
    )
    running.tell("coop.billing.invoice.v1", SUPPLY, charge)
    back = billing_events.InvoiceRectified(
        invoice_id="r1", number="R-2026-000001", rectified_id="v1", rectified_number="V-2026-000001", kind="charge",
        supply_id=SUPPLY, member_id=MEMBER, account_number="5555/1", period=charge.period, issue_date=charge.issue_date,
        due_date=charge.due_date, difference=Money(amount="-55.44", currency_code="EUR"),
    )  # fmt: skip
    running.tell("coop.billing.invoice.v1", SUPPLY, back)
    eventually(lambda: len(mailbox.mails) == 3)
    told = {notice.kind: notice for notice in running.as_member(ANA).ListMyNotices(pb.ListMyNoticesRequest()).notices}
    assert told["charge_issued"].title == "Invoice V-2026-000001: €55.44"
    assert "Copy of a certificate" in told["charge_issued"].body
    assert "takes invoice V-2026-000001 for supply 5555/1 back" in told["charge_withdrawn"].body


def test_a_rectified_invoice_is_told_with_what_it_changes(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    today = datetime.now(UTC).date()
    rectified = billing_events.InvoiceRectified(
        invoice_id="rectifying",
        number="R-2026-000001",
        rectified_id="invoice-E2026-000001",
        rectified_number="E2026-000001",
        supply_id=SUPPLY,
        member_id=MEMBER,
        account_number="5555/1",
        period=DatePeriod(start="2026-10-01", end="2026-11-01"),
        issue_date=today.isoformat(),
        due_date=today.isoformat(),
        difference=Money(amount="-4.98", currency_code="EUR"),
    )
    running.tell("coop.billing.invoice.v1", SUPPLY, rectified)
    eventually(lambda: mailbox.mails)
    text = " ".join(parts(mailbox.mails[0])[0].split())
    assert "€4.98 are in your favour" in text
    assert f"{running.settings.public_url}/s/{SUPPLY}/invoices/rectifying" in text
    (notice,) = running.as_member(ANA).ListMyNotices(pb.ListMyNoticesRequest()).notices
    assert (notice.kind, notice.title) == ("invoice_rectified", "Rectifying invoice of October 2026: -€4.98")


def test_who_chose_the_document_gets_it_attached(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    chosen = pb.Preferences(invoice_delivery=pb.INVOICE_DELIVERY_ATTACHED)
    answer = running.as_member(ANA).UpdateMyPreferences(
        pb.UpdateMyPreferencesRequest(preferences=chosen, request_id="choice-1")
    )
    assert answer.preferences == chosen
    assert running.as_member(ANA).GetMyPreferences(pb.GetMyPreferencesRequest()).preferences == chosen
    running.tell("coop.billing.invoice.v1", SUPPLY, invoice(datetime.now(UTC).date()))
    eventually(lambda: mailbox.mails)
    (attached,) = mailbox.mails[0].iter_attachments()
    assert (attached.get_filename(), attached.get_payload(decode=True)) == ("E2026-000001.pdf", PDF)


def test_a_family_account_reads_the_notice_and_the_holder_gets_the_mail(running: Running, mailbox: MailServer) -> None:
    running.introduce(relation="family")
    running.tell("coop.billing.invoice.v1", SUPPLY, invoice(datetime.now(UTC).date()))
    eventually(lambda: mailbox.mails)
    assert [str(mail["To"]) for mail in mailbox.mails] == ["file@example.org"]
    assert running.as_member(ANA).ListMyNotices(pb.ListMyNoticesRequest()).unread == 1


def test_an_old_invoice_is_a_notice_only(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    today = datetime.now(UTC).date()
    running.tell("coop.billing.invoice.v1", SUPPLY, invoice(today - timedelta(days=90), "E2026-000001"))
    running.tell("coop.billing.invoice.v1", SUPPLY, invoice(today, "E2026-000002"))
    eventually(lambda: mailbox.mails)
    eventually(lambda: running.as_member(ANA).ListMyNotices(pb.ListMyNoticesRequest()).unread == 2)
    assert len(running.rows()) == 1


def test_an_invoice_that_is_told_before_its_member_waits_for_it(running: Running, mailbox: MailServer) -> None:
    running.tell("coop.billing.invoice.v1", SUPPLY, invoice(datetime.now(UTC).date()))
    running.introduce()
    eventually(lambda: mailbox.mails)
    assert len(mailbox.mails) == 1


def test_the_association_code_is_asked_for_when_the_mail_is_written(running: Running, mailbox: MailServer) -> None:
    due = supplies_events.AssociationCodeDue(
        association_id="a-1", account_id=LUIS, member_id=MEMBER, email="file@example.org", language="es"
    )
    running.tell("coop.supplies.access.v1", LUIS, due)
    eventually(lambda: mailbox.mails)
    assert "ABCD-1234" in parts(mailbox.mails[0])[0]
    assert "ABCD" not in str(running.rows()[0].data)
