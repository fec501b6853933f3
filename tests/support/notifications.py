"""Notifications inside the test: events on one side, a mail server and the members' calls on the other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import grpc
from coop.billing.events.v1 import events_pb2 as billing_events
from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1 import billing_service_pb2_grpc, reminders_service_pb2_grpc
from coop.billing.v1 import reminders_service_pb2 as reminders
from coop.common.v1.types_pb2 import DatePeriod, Money
from coop.identity.events.v1 import events_pb2 as identity_events
from coop.identity.v1 import identity_service_pb2 as identity
from coop.identity.v1 import identity_service_pb2_grpc
from coop.notifications.v1.notifications_service_pb2_grpc import NotificationsServiceStub
from coop.supplies.events.v1 import events_pb2 as supplies_events
from coop.supplies.v1 import supplies_pb2, supplies_service_pb2_grpc
from coop.supplies.v1 import supplies_service_pb2 as supplies
from google.protobuf.message import Message
from sqlalchemy import select

from services.chassis.environment import load
from services.chassis.eventlog import EventLog, Record
from services.chassis.eventlog.factory import open_event_log
from services.chassis.grpc.client import Clients
from services.chassis.grpc.tokens import TokenSigner
from services.chassis.ids import new_id
from services.chassis.service import Process
from services.local.ports import free_port
from services.notifications import tables
from services.notifications.app import build
from services.notifications.consumers import TOPICS
from services.notifications.settings import Settings
from tests.support.service_under_test import eventually

ROOT = Path(__file__).resolve().parents[2]
ANA, LUIS, SUPPLY, MEMBER = "account-ana", "account-luis", "supply-1", "member-1"
PDF = b"%PDF-1.4 an invoice"


class Others(
    identity_service_pb2_grpc.IdentityServiceServicer,
    supplies_service_pb2_grpc.SuppliesServiceServicer,
    billing_service_pb2_grpc.BillingServiceServicer,
    reminders_service_pb2_grpc.RemindersServiceServicer,
):
    """Identity, supplies and billing as notifications knows them."""

    def __init__(self) -> None:
        self.tokens = 0
        self.over = False
        self.owed = ["55.44"]

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

    def GetReminder(self, request: reminders.GetReminderRequest, _: Any) -> reminders.GetReminderResponse:
        money = [Money(amount=amount, currency_code="EUR") for amount in self.owed]
        debts = [
            reminders.ReminderDebt(number=f"E2026-00000{number}", due_date="2026-10-22", outstanding=amount)
            for number, amount in enumerate(money, start=1)
        ]
        total = money[0] if money else Money(amount="0.00", currency_code="EUR")
        return reminders.GetReminderResponse(reminder=reminders.Reminder(open_now=debts, owed_now=total))

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
        reminders_service_pb2_grpc.add_RemindersServiceServicer_to_server(self.others, self._server)
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
            {"notifications": f"127.0.0.1:{self.process.port}"},
            lambda: {"authorization": f"Bearer {token}"},
            deadline_s=30,
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
