"""The running service: events in, work items over the event log, gRPC with tokens; metering is a real gRPC server too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest
from coop.billing.events.v1 import events_pb2 as events
from coop.billing.v1 import (
    billing_pb2,
    billing_service_pb2,
    billing_service_pb2_grpc,
    documents_service_pb2,
    fiscal_service_pb2,
    market_service_pb2,
)
from coop.billing.v1.documents_service_pb2_grpc import DocumentsServiceStub
from coop.billing.v1.fiscal_service_pb2_grpc import FiscalServiceStub
from coop.billing.v1.market_service_pb2_grpc import MarketServiceStub
from coop.common.v1.types_pb2 import DatePeriod, Money
from coop.metering.v1 import metering_service_pb2, metering_service_pb2_grpc
from google.protobuf.message import Message

from services.billing.app import build
from services.billing.settings import Settings
from services.chassis.clock import FixedClock
from services.chassis.errors import Forbidden, Invalid, NotFound, Refused, Unauthenticated
from services.chassis.eventlog import EventLog, Record
from services.chassis.eventlog.factory import open_event_log
from services.chassis.ids import new_id
from tests.support.billing import (
    NOW,
    access,
    contract_message,
    member_message,
    no_access,
    supply_message,
)
from tests.support.service_under_test import ServiceUnderTest, eventually, refusal, service_under_test

pb = billing_service_pb2
TOPICS = {
    "MemberChanged": "coop.supplies.member.v1",
    "SupplyChanged": "coop.supplies.supply.v1",
    "AccessGranted": "coop.supplies.access.v1",
    "AccessRevoked": "coop.supplies.access.v1",
}


@dataclass
class FakeMetering(metering_service_pb2_grpc.MeteringServiceServicer):
    """Answers as metering does: one message per service asked, by tariff; remembers what it was asked."""

    asked: list[Any] = field(default_factory=list)
    down_for: int = 0

    def StreamBillableEnergy(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        if self.down_for:
            self.down_for -= 1
            context.abort(grpc.StatusCode.INTERNAL, "broken for a moment")
        self.asked.append(request)
        for query in request.queries:
            days = (_day(query.period.end) - _day(query.period.start)).days
            energy = [("P1", 62_000), ("P2", 55_000), ("P3", 128_000)]
            yield metering_service_pb2.StreamBillableEnergyResponse(
                supply_id=query.supply_id,
                service_id=query.service_id,
                energy=[metering_service_pb2.PeriodEnergy(period=p, import_wh=wh) for p, wh in energy],
                hours_expected=days * 24,
                hours_measured=days * 24,
                curve_version=3,
                hours=_hours(query.period.start, energy) if query.by_hour else [],
            )


def _hours(day: str, energy: list[tuple[str, int]]) -> list[metering_service_pb2.BillableHour]:
    """All of a period's energy in one hour of the first day, noon UTC and later."""
    made = []
    for number, (period, wh) in enumerate(energy):
        hour = metering_service_pb2.BillableHour(period=period, import_wh=wh)
        hour.start.FromJsonString(f"{day}T{12 + number}:00:00Z")
        made.append(hour)
    return made


def _day(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(text)


@dataclass
class Running:
    service: ServiceUnderTest
    log: EventLog
    metering: FakeMetering

    def tell(self, *messages: Message) -> None:
        for message in messages:
            name = message.DESCRIPTOR.name
            headers = {"ce_id": new_id(), "ce_type": message.DESCRIPTOR.full_name, "ce_source": "supplies"}
            self.log.append([Record(TOPICS[name], "key", message.SerializeToString(), headers)])

    @property
    def staff(self) -> Any:
        return self.service.as_staff("billing")

    def settle(self, expected: int) -> None:
        """Waits until billing knows this many supplies."""
        eventually(lambda: self.preview().run.contracts >= expected)

    def preview(self) -> Any:
        return list(self.staff.PreviewBillRun(pb.PreviewBillRunRequest(period="2026-10", issue_date="2026-11-02")))[-1]

    def bill(self, period: str = "2026-10", issue_date: str = "2026-11-02") -> Any:
        started = self.staff.StartBillRun(
            pb.StartBillRunRequest(period=period, issue_date=issue_date, request_id=new_id())
        )
        return list(self.staff.WatchBillRun(pb.WatchBillRunRequest(bill_run_id=started.run.id), timeout=60))[-1]


@pytest.fixture
def running(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    metering = FakeMetering()
    server = grpc.server(ThreadPoolExecutor(4))
    metering_service_pb2_grpc.add_MeteringServiceServicer_to_server(metering, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    # The default address of metering is a setting's default; the test's own server listens elsewhere.
    monkeypatch.setattr(Settings, "addresses", property(lambda _: {"metering": f"127.0.0.1:{port}"}))
    try:
        with (
            service_under_test(
                "billing",
                Settings,
                build,
                billing_service_pb2_grpc.BillingServiceStub,
                folder=tmp_path,
                database_url=database_url,
                clock=FixedClock(NOW),
            ) as service,
            open_event_log(service.process.settings.event_log_url) as log,
        ):
            log.ensure_topics(sorted(set(TOPICS.values())))
            yield Running(service, log, metering)
    finally:
        server.stop(0)


def fetched(stream: Any) -> tuple[str, bytes]:
    parts = list(stream)
    assert [part.file_name for part in parts[1:]] == [""] * (len(parts) - 1)
    return parts[0].file_name, b"".join(part.chunk for part in parts)


def test_the_whole_way_from_events_to_paper(running: Running) -> None:
    running.tell(member_message("ana"), supply_message("ana"), access("account-ana", "ana"))
    running.settle(1)
    preview = running.preview()
    assert (preview.run.invoiced, preview.run.total.amount, preview.run.state) == (
        1,
        "55.44",
        billing_pb2.BILL_RUN_STATE_COMPLETED,
    )
    first = running.bill("2026-09", "2026-10-02")
    last = running.bill()
    assert (last.run.invoiced, last.run.held, last.run.total) == (1, 0, Money(amount="55.44", currency_code="EUR"))
    assert list(last.held) == [] and last.run.completed_at.seconds > 0

    member = running.service.as_member("account-ana")
    listed = member.ListInvoices(pb.ListInvoicesRequest(supply_id="ana", page_size=1))
    (newest,) = listed.invoices
    assert (newest.number, newest.total.amount, newest.state) == (
        "E-2026-000002",
        "55.44",
        billing_pb2.INVOICE_STATE_OPEN,
    )
    assert newest.previous_total.amount == first.run.total.amount and not newest.lines
    older = member.ListInvoices(pb.ListInvoicesRequest(supply_id="ana", page_size=1, page_token=listed.next_page_token))
    assert older.next_page_token == ""
    assert older.invoices[0].state == billing_pb2.INVOICE_STATE_OVERDUE

    invoice = member.GetInvoice(pb.GetInvoiceRequest(invoice_id="E-2026-000002")).invoice
    assert [(line.concept, line.period, line.amount.amount) for line in invoice.lines] == [
        ("power", "P1", "10.82"),
        ("power", "P2", "0.28"),
        ("energy", "P1", "12.15"),
        ("energy", "P2", "7.04"),
        ("energy", "P3", "11.78"),
        ("bono_social_financing", "", "0.77"),
        ("meter_rental", "", "0.83"),
    ]
    assert [(tax.tax, tax.rate, tax.base.amount, tax.amount.amount) for tax in invoice.taxes] == [
        ("iee", "0.0511269632", "42.07", "2.15"),
        ("iva", "0.21", "45.82", "9.62"),
    ]
    more = Decimal(last.run.total.amount) - Decimal(first.run.total.amount)
    assert sum(Decimal(effect.amount.amount) for effect in invoice.effects) == more != 0
    assert {(effect.cause, effect.more, effect.unit) for effect in invoice.effects} == {
        ("days", "1", "day"),
        ("taxes", "", ""),
    }
    assert (invoice.lines[0].price_unit, invoice.lines[0].days, invoice.lines[0].year_days) == ("kw_year", 31, 365)
    assert list(invoice.lines[0].taxed_by) == [tax.code for tax in invoice.taxes]
    facts = member.GetInvoiceFacts(pb.GetInvoiceFactsRequest(invoice_id="E-2026-000002"))
    assert (len(facts.lines), len(facts.taxes)) == (len(invoice.lines), len(invoice.taxes))
    assert all(row.start <= "2026-10-01" and row.source for each in (*facts.lines, *facts.taxes) for row in each.rows)
    assert facts.lines[2].rows[0].value == invoice.lines[2].unit_price and list(facts.lines[2].segments) == [0]
    assert invoice.lines[2].description == "Energía consumida"
    assert (invoice.lines[2].quantity, invoice.lines[2].unit_price) == ("62", "0.196")
    assert {(each.period, each.wh) for each in invoice.consumption} == {("P1", 62000), ("P2", 55000), ("P3", 128000)}
    assert (invoice.period.start, invoice.period.end, invoice.due_date) == ("2026-10-01", "2026-11-01", "2026-11-23")

    name, pdf = fetched(member.GetInvoiceDocument(pb.GetInvoiceDocumentRequest(invoice_id=invoice.id)))
    assert name == "E-2026-000002.pdf" and pdf.startswith(b"%PDF-")
    again = running.service.as_service("notifications").GetInvoiceDocument(
        pb.GetInvoiceDocumentRequest(invoice_id=invoice.id)
    )
    assert fetched(again) == (name, pdf)
    told = replace(running.service, stub_type=DocumentsServiceStub).as_member("account-ana")
    full = told.GetInvoiceText(documents_service_pb2.GetInvoiceTextRequest(invoice_id=invoice.id))
    assert (full.supply_id, full.number, full.language) == ("ana", "E-2026-000002", "es")
    assert any("55,44" in text for piece in full.pieces for text in piece.texts)
    anybody = replace(running.service, stub_type=DocumentsServiceStub).stub()
    genuine = anybody.VerifyDocument(documents_service_pb2.VerifyDocumentRequest(content=pdf))
    assert (genuine.verdict, genuine.kind, genuine.number) == ("genuine", "invoice", "E-2026-000002")
    assert genuine.issued_at.ToDatetime(UTC) == NOW
    (signing,) = anybody.GetSigningCertificates(documents_service_pb2.GetSigningCertificatesRequest()).certificates
    assert signing.in_use and genuine.certificate_sha256 == signing.sha256
    assert "Vallesol" in genuine.signed_by and "Vallesol" in signing.subject and "BEGIN CERTIFICATE" in signing.pem
    altered = anybody.VerifyDocument(documents_service_pb2.VerifyDocumentRequest(content=pdf[:900] + b"?" + pdf[901:]))
    assert (altered.verdict, altered.number, altered.signed_by) == ("altered", "", "")

    fiscal = replace(running.service, stub_type=FiscalServiceStub).as_staff("auditor")
    assert fiscal.VerifyFiscalRecords(fiscal_service_pb2.VerifyFiscalRecordsRequest()).records == 2
    november = fiscal_service_pb2.StreamFiscalRecordsRequest(first_day="2026-11-01", last_day="2026-11-30")
    name, records = fetched(fiscal.StreamFiscalRecords(november))
    assert name == "verifactu-00000002-00000002.xml" and b">E-2026-000002</" in records

    asked = pb.RequestCertificateRequest(supply_id="ana", request_id=new_id())
    refused = member.RequestCertificate(asked).refused
    assert [item.invoice_number for item in refused.due] == ["E-2026-000001"]
    assert refused.total_due.amount == first.run.total.amount

    paid = running.staff.RecordPayment(
        pb.RecordPaymentRequest(
            invoice="E-2026-000001",
            amount=refused.total_due,
            method="transfer",
            paid_on="2026-11-20",
            request_id=new_id(),
        )
    )
    assert (paid.debt.overdue.amount, paid.debt.not_yet_due.amount) == ("0.00", "55.44")
    assert running.service.await_event(events.DebtCleared)[1].supply_id == "ana"
    assert member.GetDebtState(pb.GetDebtStateRequest(supply_id="ana")).debt == paid.debt

    statement = member.GetStatement(pb.GetStatementRequest(supply_id="ana")).statement
    assert (statement.opening_balance.amount, statement.closing_balance.amount) == ("0.00", "55.44")
    assert [entry.kind for entry in statement.entries] == ["invoice", "invoice", "payment"]
    name, pdf = fetched(
        member.GetStatementDocument(
            pb.GetStatementDocumentRequest(supply_id="ana", period=DatePeriod(start="2026-10-01", end="2026-12-01"))
        )
    )
    assert name.endswith(".pdf") and pdf.startswith(b"%PDF-")

    granted = member.RequestCertificate(pb.RequestCertificateRequest(supply_id="ana", request_id=new_id())).granted
    assert [item.invoice_number for item in granted.not_yet_due] == ["E-2026-000002"]
    assert (granted.state, granted.valid_until) == ("valid", "2026-12-21")
    name, pdf = fetched(member.GetCertificateDocument(pb.GetCertificateDocumentRequest(certificate_id=granted.id)))
    again = running.service.as_service("notifications").GetCertificateDocument(
        pb.GetCertificateDocumentRequest(certificate_id=granted.id)
    )
    assert name == "C-2026-000001.pdf" and fetched(again) == (name, pdf)
    verified = running.service.stub().VerifyCertificate(pb.VerifyCertificateRequest(code=granted.code.lower()))
    assert (verified.state, verified.holder_masked, verified.supply_masked) == (
        "valid",
        "A*** P***",
        "****************77HA",
    )
    assert "Vallesol" in verified.issuer
    listed_certificates = member.ListCertificates(pb.ListCertificatesRequest(supply_id="ana")).certificates
    assert [each.id for each in listed_certificates] == [granted.id]
    revoked = running.staff.RevokeCertificate(
        pb.RevokeCertificateRequest(certificate_id=granted.id, why="Sold the house", request_id=new_id())
    ).certificate
    assert revoked.state == "revoked"


def test_what_is_not_mine_does_not_exist_for_me(running: Running) -> None:
    """A member's token used directly against billing reaches only that member's data: always NOT_FOUND."""
    running.tell(member_message("ana"), supply_message("ana"), access("account-ana", "ana"))
    running.settle(1)
    running.bill()
    certificate = running.staff.RequestCertificate(
        pb.RequestCertificateRequest(supply_id="ana", request_id=new_id())
    ).granted
    stranger = running.service.as_member("account-luis")
    calls = [
        lambda: stranger.ListInvoices(pb.ListInvoicesRequest(supply_id="ana")),
        lambda: stranger.GetInvoice(pb.GetInvoiceRequest(invoice_id="E-2026-000001")),
        lambda: list(stranger.GetInvoiceDocument(pb.GetInvoiceDocumentRequest(invoice_id="E-2026-000001"))),
        lambda: (
            replace(running.service, stub_type=DocumentsServiceStub)
            .as_member("account-luis")
            .GetInvoiceText(documents_service_pb2.GetInvoiceTextRequest(invoice_id="E-2026-000001"))
        ),
        lambda: stranger.GetDebtState(pb.GetDebtStateRequest(supply_id="ana")),
        lambda: stranger.GetStatement(pb.GetStatementRequest(supply_id="ana")),
        lambda: list(stranger.GetStatementDocument(pb.GetStatementDocumentRequest(supply_id="ana"))),
        lambda: stranger.RequestCertificate(pb.RequestCertificateRequest(supply_id="ana", request_id=new_id())),
        lambda: stranger.ListCertificates(pb.ListCertificatesRequest(supply_id="ana")),
        lambda: list(stranger.GetCertificateDocument(pb.GetCertificateDocumentRequest(certificate_id=certificate.id))),
    ]
    assert [type(refusal(call)) for call in calls] == [NotFound] * len(calls)
    running.tell(no_access("account-ana", "ana"))
    ana = running.service.as_member("account-ana")

    def gone() -> bool:
        try:
            ana.GetDebtState(pb.GetDebtStateRequest(supply_id="ana"))
        except grpc.RpcError as error:
            return bool(error.code() == grpc.StatusCode.NOT_FOUND)
        return False

    eventually(gone)


def test_who_may_call(running: Running) -> None:
    member = running.service.as_member("account-ana")
    start = pb.StartBillRunRequest(period="2026-10", request_id=new_id())
    assert isinstance(refusal(lambda: member.StartBillRun(start)), Forbidden)
    assert isinstance(refusal(lambda: running.service.as_staff("metering").StartBillRun(start)), Forbidden)
    assert isinstance(refusal(lambda: running.service.stub().GetBillRun(pb.GetBillRunRequest())), Unauthenticated)
    listing = pb.ListInvoicesRequest(supply_id="ana")
    assert isinstance(refusal(lambda: running.service.as_service("notifications").ListInvoices(listing)), Forbidden)


def test_refusals_travel_with_reason_and_field(running: Running) -> None:
    staff = running.staff
    wrong = refusal(lambda: staff.StartBillRun(pb.StartBillRunRequest(period="2026-13", request_id=new_id())))
    assert isinstance(wrong, Invalid) and wrong.violations[0].field == "period"
    early = refusal(lambda: staff.StartBillRun(pb.StartBillRunRequest(period="2026-11", request_id=new_id())))
    assert isinstance(early, Refused) and early.reason == "PERIOD_NOT_OVER"
    nameless = refusal(lambda: staff.StartBillRun(pb.StartBillRunRequest(period="2026-10")))
    assert isinstance(nameless, Invalid) and nameless.violations[0].field == "request_id"
    unknown = refusal(
        lambda: staff.RecordPayment(
            pb.RecordPaymentRequest(
                invoice="E-2026-000009",
                amount=Money(amount="1.00", currency_code="EUR"),
                method="cash",
                request_id=new_id(),
            )
        )
    )
    assert isinstance(unknown, NotFound) and "E-2026-000009" in unknown.message
    for call in (
        lambda: staff.GetInvoice(pb.GetInvoiceRequest(invoice_id="E-2026-000009")),
        lambda: staff.ListInvoices(pb.ListInvoicesRequest(supply_id="nothing")),
        lambda: list(staff.WatchBillRun(pb.WatchBillRunRequest(bill_run_id="nothing"))),
    ):
        assert isinstance(refusal(call), NotFound)
    token = refusal(lambda: staff.ListInvoices(pb.ListInvoicesRequest(supply_id="nothing", page_token="x")))
    assert isinstance(token, Invalid) and token.violations[0].field == "page_token"


def test_hours_come_from_metering_and_their_prices_from_the_office(running: Running) -> None:
    running.tell(member_message("ana"), supply_message("ana", contract_message("ana", product_code="indexada-2026")))
    running.settle(1)
    assert [held.reason for held in running.preview().held] == ["NO_MARKET_PRICE"]

    market = replace(running.service, stub_type=MarketServiceStub).as_staff("billing")
    content = b"start;price\n" + b"".join(f"2026-10-01T{hour}:00Z;100\n".encode() for hour in (12, 13, 14)) + b"x;1\n"
    request = market_service_pb2.UploadMarketPricesRequest(request_id=new_id(), file_name="p.csv", content=content)
    answer = market.UploadMarketPrices(request)
    assert (answer.added, answer.refused, answer.refused_rows[0].line) == (3, 1, 5)
    assert running.metering.asked[-1].queries[0].by_hour
    assert running.bill().run.invoiced == 1
    invoice = running.staff.GetInvoice(pb.GetInvoiceRequest(invoice_id="E-2026-000001")).invoice
    amounts = {line.period: line.amount.amount for line in invoice.lines if line.concept == "energy"}
    # 0.112 × 1.167 + 0.097553 = 0.228257; 0.112 × 1.163 + 0.029267 = 0.159523; 0.112 × 1.18 + 0.003292 = 0.135452
    assert amounts == {"P1": "14.15", "P2": "8.77", "P3": "17.34"}
    facts = running.staff.GetInvoiceFacts(pb.GetInvoiceFactsRequest(invoice_id=invoice.id))
    assert len(json.loads(facts.bundle)["segments"][0]["priced_hours"]) == 3
    listed = market.ListMarketPrices(market_service_pb2.ListMarketPricesRequest(month="2026-10", page_size=2))
    assert [(price.start, price.price) for price in listed.prices] == [
        ("2026-10-01T14:00+02:00", "100.00"),
        ("2026-10-01T15:00+02:00", "100.00"),
    ]
    rest = market_service_pb2.ListMarketPricesRequest(month="2026-10", page_token=listed.next_page_token)
    assert [price.version for price in market.ListMarketPrices(rest).prices] == [1]
    assert (listed.hours_expected, listed.hours_missing) == (745, 742)
    stranger = replace(running.service, stub_type=MarketServiceStub).as_staff("auditor")
    assert isinstance(refusal(lambda: stranger.UploadMarketPrices(request)), Forbidden)


def test_a_price_change_inside_the_month_is_two_questions(running: Running) -> None:
    """Two contracts of one service in a month: its answers name no days, so each call asks for it once."""
    running.tell(
        member_message("ana"),
        supply_message(
            "ana",
            contract_message("old", to="2026-10-11"),
            contract_message("new", **{"from": "2026-10-11", "product_code": "plana-2026"}),
        ),
    )
    running.settle(1)
    running.metering.asked.clear()
    assert running.bill().run.invoiced == 1
    asked = [[(q.period.start, q.period.end) for q in request.queries] for request in running.metering.asked]
    assert asked == [[("2026-10-01", "2026-10-11")], [("2026-10-11", "2026-11-01")]]
    invoice = running.staff.GetInvoice(pb.GetInvoiceRequest(invoice_id="E-2026-000001")).invoice
    assert (invoice.import_wh, invoice.hours_expected) == (490_000, 744)


def test_metering_that_fails_for_a_moment_only_delays_the_run(running: Running) -> None:
    running.tell(member_message("ana"), supply_message("ana"))
    running.settle(1)
    running.metering.down_for = 2
    assert running.bill().run.invoiced == 1


def test_every_issued_invoice_gets_its_document_without_being_asked(running: Running) -> None:
    names = [f"s{number}" for number in range(5)]
    for number, name in enumerate(names):
        running.tell(member_message(name), supply_message(name, account=f"{number}/1"))
    running.settle(5)
    running.bill()
    folder = running.service.process.settings.data_dir / "documents"
    eventually(lambda: sum(1 for path in folder.rglob("*") if path.is_file()) == 5)
