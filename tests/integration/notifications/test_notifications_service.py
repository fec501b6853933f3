"""The running service: events on one side, a mail server and the members' calls on the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import grpc
import pytest
from coop.billing.events.v1 import events_pb2 as billing_events
from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1 import billing_service_pb2_grpc
from coop.common.v1.types_pb2 import DatePeriod, Money
from coop.identity.events.v1 import events_pb2 as identity_events
from coop.identity.v1 import identity_service_pb2 as identity
from coop.identity.v1 import identity_service_pb2_grpc
from coop.metering.events.v1 import events_pb2 as metering_events
from coop.notifications.v1 import notifications_service_pb2 as pb
from coop.notifications.v1.notifications_service_pb2_grpc import NotificationsServiceStub
from coop.supplies.events.v1 import events_pb2 as supplies_events
from coop.supplies.v1 import supplies_pb2, supplies_service_pb2_grpc
from coop.supplies.v1 import supplies_service_pb2 as supplies
from google.protobuf.message import Message
from sqlalchemy import select, update

from services.chassis.config import load
from services.chassis.errors import CoopError
from services.chassis.eventlog import EventLog, Record
from services.chassis.eventlog.factory import open_event_log
from services.chassis.grpc.client import Clients, remote
from services.chassis.grpc.tokens import TokenSigner
from services.chassis.ids import new_id
from services.chassis.service import Process
from services.notifications import tables
from services.notifications.app import build
from services.notifications.consumers import TOPICS
from services.notifications.domain.delivery import State
from services.notifications.settings import Settings
from tests.support.ports import free_port
from tests.support.smtp import MailServer, mail_server

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 20.0
ANA, LUIS, SUPPLY, MEMBER = "account-ana", "account-luis", "supply-1", "member-1"
PDF = b"%PDF-1.4 an invoice"


class Others(
    identity_service_pb2_grpc.IdentityServiceServicer,
    supplies_service_pb2_grpc.SuppliesServiceServicer,
    billing_service_pb2_grpc.BillingServiceServicer,
):
    """Identity, supplies and billing as notifications knows them."""

    def __init__(self) -> None:
        self.tokens = 0
        self.over = False

    def IssueMailToken(self, request: identity.IssueMailTokenRequest, context: Any) -> identity.IssueMailTokenResponse:
        if self.over:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "The account is active already.")
        self.tokens += 1
        return identity.IssueMailTokenResponse(token=f"token-{request.account_id}-{request.purpose}")

    def IssueAssociationCode(
        self, request: supplies.IssueAssociationCodeRequest, _: Any
    ) -> supplies.IssueAssociationCodeResponse:
        return supplies.IssueAssociationCodeResponse(code="ABCD-1234", valid_minutes=10)

    def GetInvoiceDocument(
        self, request: billing.GetInvoiceDocumentRequest, _: Any
    ) -> Iterator[billing.GetInvoiceDocumentResponse]:
        yield billing.GetInvoiceDocumentResponse(file_name="E2026-000001.pdf", chunk=PDF[:5])
        yield billing.GetInvoiceDocumentResponse(chunk=PDF[5:])

    def GetCertificateDocument(
        self, request: billing.GetCertificateDocumentRequest, _: Any
    ) -> Iterator[billing.GetCertificateDocumentResponse]:
        yield billing.GetCertificateDocumentResponse(file_name="certificate.pdf", chunk=PDF)


class Running:
    """Notifications inside the test."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.others = Others()
        self._server = grpc.server(ThreadPoolExecutor(4))
        identity_service_pb2_grpc.add_IdentityServiceServicer_to_server(self.others, self._server)
        supplies_service_pb2_grpc.add_SuppliesServiceServicer_to_server(self.others, self._server)
        billing_service_pb2_grpc.add_BillingServiceServicer_to_server(self.others, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self.smtp_port = free_port()
        environment = {
            "COOP_DATA_DIR": str(folder),
            "COOP_DATABASE_URL": database_url,
            "COOP_PROFILE_DIR": str(ROOT / "profiles" / "demo-es"),
            "COOP_SMTP_ADDRESS": f"127.0.0.1:{self.smtp_port}",
            "COOP_DRAIN_SECONDS": "3",
            **{f"COOP_{name}_ADDRESS": f"127.0.0.1:{port}" for name in ("IDENTITY", "SUPPLIES", "BILLING")},
        }
        self.settings = load(Settings, environment)
        self.process = Process("notifications", self.settings, build)
        self.process.migrate()
        self.log: EventLog = open_event_log(self.settings.event_log_url)
        self.log.ensure_topics(list(TOPICS))
        self.process.start()
        self._identity = TokenSigner(self.settings.keys_dir, "identity")
        self._clients: list[Clients] = []

    def close(self) -> None:
        for clients in self._clients:
            clients.close()
        self.process.stop()
        self.log.close()
        self._server.stop(None)

    def restart(self) -> None:
        """The same service again on the same database, as after a crash or a deployment."""
        self.process.stop()
        self.process = Process("notifications", self.settings, build)
        self.process.start()

    def tell(self, topic: str, key: str, message: Message, event_id: str = "") -> str:
        """Append an event the way another service's outbox does."""
        event_id = event_id or new_id()
        now = datetime.now(UTC).isoformat()
        headers = {"ce_id": event_id, "ce_type": message.DESCRIPTOR.full_name, "ce_source": "test", "ce_time": now}
        self.log.append([Record(topic, key, message.SerializeToString(), headers)])
        return event_id

    def as_member(self, account: str) -> NotificationsServiceStub:
        return self._stub(self._identity.member(account, "session")[0])

    def as_staff(self) -> NotificationsServiceStub:
        return self._stub(self._identity.staff("office", "session", frozenset({"support"}))[0])

    def _stub(self, token: str) -> NotificationsServiceStub:
        clients = Clients(
            {"notifications": f"127.0.0.1:{self.process.port}"}, lambda: {"authorization": f"Bearer {token}"}
        )
        self._clients.append(clients)
        return clients.stub("notifications", NotificationsServiceStub)

    def rows(self) -> list[Any]:
        with self.process.kit.database.read() as connection:
            return list(connection.execute(select(tables.message).order_by(tables.message.c.id)))

    def introduce(self, relation: str = "holder") -> None:
        """An account with access to a supply of a member whose address on file is another one."""
        account = identity_events.AccountActivated(account_id=ANA, email="ana@example.org", name="Ana", language="en")
        self.tell("coop.identity.account.v1", ANA, account)
        member = supplies_events.MemberChanged(
            member_id=MEMBER, name="Ana Prado", email="file@example.org", language="es", version=1
        )
        self.tell("coop.supplies.member.v1", MEMBER, member)
        supply = supplies_pb2.Supply(id=SUPPLY, account_number="5555/1", address=supplies_pb2.Address(street="Mayor 1"))
        self.tell("coop.supplies.supply.v1", SUPPLY, supplies_events.SupplyChanged(supply=supply, version=1))
        access = supplies_events.AccessGranted(account_id=ANA, supply_id=SUPPLY, member_id=MEMBER, relation=relation)
        self.tell("coop.supplies.access.v1", ANA, access)
        eventually(lambda: self._knows(tables.access) and self._knows(tables.account) and self._knows(tables.supply))

    def _knows(self, table: Any) -> bool:
        with self.process.kit.database.read() as connection:
            return connection.execute(select(table)).first() is not None


@pytest.fixture
def running(database_url: str, tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path, database_url)
    yield made
    made.close()


@pytest.fixture
def mailbox(running: Running) -> Iterator[MailServer]:
    with mail_server(running.smtp_port) as server:
        yield server


def eventually(ask: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not ask():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        pause.wait(0.02)


def activation(email: str = "ana@example.org") -> identity_events.ActivationRequested:
    return identity_events.ActivationRequested(account_id=ANA, email=email, name="Ana", language="en")


def invoice(issued: date, number: str = "E2026-000001") -> billing_events.InvoiceIssued:
    return billing_events.InvoiceIssued(
        invoice_id=f"invoice-{number}",
        number=number,
        supply_id=SUPPLY,
        member_id=MEMBER,
        account_number="5555/1",
        period=DatePeriod(start="2026-10-01", end="2026-11-01"),
        issue_date=issued.isoformat(),
        due_date=(issued + timedelta(days=20)).isoformat(),
        total=Money(amount="55.44", currency_code="EUR"),
    )


def parts(mail: EmailMessage) -> tuple[str, str]:
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None and html is not None
    return str(text.get_content()), str(html.get_content())


def test_activation_reaches_the_mailbox_with_a_fresh_link(running: Running, mailbox: MailServer) -> None:
    running.tell("coop.identity.account.v1", ANA, activation())
    eventually(lambda: mailbox.mails)
    (mail,) = mailbox.mails
    text, html = parts(mail)
    link = f"{running.settings.public_url}/activate?token=token-{ANA}-1"
    assert link in text and link in html
    assert mail["To"] == "ana@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "Hello Ana" in text
    # No secret is kept: neither in the database nor in what the event log carries.
    assert "token-" not in str(running.rows()[0].data)


def test_one_event_gives_one_mail_however_often_it_is_told(running: Running, mailbox: MailServer) -> None:
    event_id = running.tell("coop.identity.account.v1", ANA, activation())
    eventually(lambda: mailbox.mails)
    running.tell("coop.identity.account.v1", ANA, activation(), event_id)
    running.tell("coop.identity.account.v1", "other", activation("other@example.org"))
    eventually(lambda: mailbox.to("other@example.org"))
    assert len(mailbox.to("ana@example.org")) == 1


def test_a_mail_waits_for_a_mail_server_that_is_down(running: Running) -> None:
    running.tell("coop.identity.account.v1", ANA, activation())
    eventually(lambda: [row for row in running.rows() if row.last_error])
    with mail_server(running.smtp_port) as server:
        eventually(lambda: server.mails)
        eventually(lambda: running.rows()[0].state == State.DELIVERED)
    # Waiting for the server is no failed attempt of the mail.
    assert running.rows()[0].attempts == 1


def test_a_mail_that_somebody_waits_for_overtakes_a_bill_run(running: Running) -> None:
    running.introduce()
    today = datetime.now(UTC).date()
    for number in range(30):
        running.tell("coop.billing.invoice.v1", SUPPLY, invoice(today, f"E2026-{number:06d}"))
    running.tell("coop.identity.account.v1", ANA, activation())
    eventually(lambda: len(running.rows()) == 31)
    with mail_server(running.smtp_port) as server:
        eventually(lambda: len(server.mails) == 31)
    # The mail in hand when it came is finished first.
    assert any("/activate?token=" in parts(mail)[0] for mail in server.mails[:2])


def test_an_address_refused_for_good_fails_and_holds_nobody_up(running: Running, mailbox: MailServer) -> None:
    mailbox.answers["nobody"] = "550 No such user here"
    running.tell("coop.identity.account.v1", ANA, activation("nobody@example.org"))
    running.tell("coop.identity.account.v1", ANA, activation("ana@example.org"))
    eventually(lambda: mailbox.mails)
    eventually(lambda: {row.state for row in running.rows()} == {State.FAILED, State.DELIVERED})
    listed = running.as_staff().ListMessages(pb.ListMessagesRequest(state="failed")).messages
    assert [(found.to_masked, found.last_error) for found in listed] == [
        ("n***@example.org", "The mail server answered 550 No such user here")
    ]


def test_a_mail_whose_reason_is_over_is_not_sent(running: Running, mailbox: MailServer) -> None:
    running.others.over = True
    running.tell("coop.identity.account.v1", ANA, activation())
    eventually(lambda: [row for row in running.rows() if row.state == State.FAILED])
    assert "active already" in running.rows()[0].last_error
    assert mailbox.mails == []


def test_a_crash_after_the_server_took_it_repeats_the_same_message_id(running: Running, mailbox: MailServer) -> None:
    running.tell("coop.identity.account.v1", ANA, activation())
    eventually(lambda: running.rows() and running.rows()[0].state == State.DELIVERED)
    # What the database says after a kill between the server's 250 and our own note of it, the lease being over.
    with running.process.kit.database.write() as tx:
        lost = {"state": State.QUEUED, "attempts": 0, "delivered_at": None, "next_attempt_at": datetime.now(UTC)}
        tx.execute(update(tables.message).values(**lost))
    running.restart()
    eventually(lambda: len(mailbox.mails) == 2)
    assert mailbox.mails[0]["Message-ID"] == mailbox.mails[1]["Message-ID"]


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
        )
        running.tell("coop.billing.payment.v1", SUPPLY, paid)
    eventually(lambda: mailbox.mails)
    (mail,) = mailbox.mails
    assert mail["To"] == "ana@example.org" and "€55.44" in mail["Subject"]
    assert f"{running.settings.public_url}/s/{SUPPLY}/statement" in parts(mail)[0]
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
    eventually(lambda: len({str(mail["Subject"]) for mail in mailbox.mails}) == 3)
    said = {str(mail["Subject"]): parts(mail)[0] for mail in mailbox.mails}
    assert "- E-2, due 23 November 2026: €55.44" in said["The certificate cannot be given yet"]
    assert "Wrong holder" in said["Your certificate C-2026-000001 was revoked"]
    assert "€55.44 of it is to be paid" in said["What came of your dispute about invoice E-2"]


def test_the_association_code_is_asked_for_when_the_mail_is_written(running: Running, mailbox: MailServer) -> None:
    due = supplies_events.AssociationCodeDue(
        association_id="a-1", account_id=LUIS, member_id=MEMBER, email="file@example.org", language="es"
    )
    running.tell("coop.supplies.access.v1", LUIS, due)
    eventually(lambda: mailbox.mails)
    assert "ABCD-1234" in parts(mailbox.mails[0])[0]
    assert "ABCD" not in str(running.rows()[0].data)


def test_notices_are_their_accounts_own(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    running.tell("coop.billing.invoice.v1", SUPPLY, invoice(datetime.now(UTC).date()))
    mine, other = running.as_member(ANA), running.as_member(LUIS)
    eventually(lambda: mine.ListMyNotices(pb.ListMyNoticesRequest()).unread)
    (notice,) = mine.ListMyNotices(pb.ListMyNoticesRequest()).notices
    assert list(other.ListMyNotices(pb.ListMyNoticesRequest()).notices) == []
    with pytest.raises(CoopError) as refused, remote():
        other.MarkNoticeRead(pb.MarkNoticeReadRequest(notice_id=notice.id))
    assert refused.value.code == "NOT_FOUND"
    mine.MarkNoticeRead(pb.MarkNoticeReadRequest(notice_id=notice.id))
    assert mine.ListMyNotices(pb.ListMyNoticesRequest()).unread == 0
    with pytest.raises(CoopError) as forbidden, remote():
        mine.ListMessages(pb.ListMessagesRequest())
    assert forbidden.value.code == "PERMISSION_DENIED"


def test_long_inboxes_come_in_pages(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    today = datetime.now(UTC).date()
    for number in range(5):
        running.tell("coop.billing.invoice.v1", SUPPLY, invoice(today - timedelta(days=90), f"E2026-00000{number}"))
    mine = running.as_member(ANA)
    eventually(lambda: mine.ListMyNotices(pb.ListMyNoticesRequest()).unread == 5)
    seen: list[str] = []
    token = ""
    while True:
        answer = mine.ListMyNotices(pb.ListMyNoticesRequest(page_size=2, page_token=token))
        seen += [notice.id for notice in answer.notices]
        token = answer.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)
