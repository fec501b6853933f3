"""Metering and billing in memory."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from coop.billing.v1 import billing_pb2, billing_service_pb2, billing_service_pb2_grpc
from coop.common.v1.types_pb2 import DatePeriod
from coop.metering.v1 import metering_service_pb2 as metering
from coop.metering.v1 import metering_service_pb2_grpc

from services.chassis.errors import NotFound
from tests.unit.gateway.fakes.self_readings import SelfReadings
from tests.unit.gateway.fakes.world import World, billed_periods, day_curve, facts_of, money, register_readings


class Metering(SelfReadings, metering_service_pb2_grpc.MeteringServiceServicer):
    def __init__(self, world: World) -> None:
        self.world = world

    def ListBilledPeriods(self, request: Any, context: Any) -> Any:
        self.world.enter("ListBilledPeriods", request)
        self.world.owned(request.supply_id)
        periods = billed_periods() if request.supply_id == "sup-1" else []
        return metering.ListBilledPeriodsResponse(periods=periods[: request.page_size or 50])

    def GetPublishedPeriods(self, request: Any, context: Any) -> Any:
        self.world.enter("GetPublishedPeriods", request)
        self.world.owned(request.supply_id)
        periods = self.world.published if request.supply_id == "sup-1" else []
        return metering.GetPublishedPeriodsResponse(
            periods=[DatePeriod(start=start, end=end) for start, end in periods],
            policy="month_day" if self.world.from_day else "billed",
            from_day=self.world.from_day,
        )

    def GetCurve(self, request: Any, context: Any) -> Any:
        self.world.enter("GetCurve", request)
        self.world.owned(request.supply_id)
        start, end = date.fromisoformat(request.period.start), date.fromisoformat(request.period.end)
        if not any(first <= start.isoformat() and end.isoformat() <= last for first, last in self.world.published):
            raise NotFound("Those days were not billed.")
        days = []
        for offset in range((end - start).days):
            day = start + timedelta(days=offset)
            odd = day == date(2026, 10, 14)
            days.append(
                day_curve(
                    day,
                    estimated=(16, 17) if odd else (),
                    missing=(4,) if day == date(2026, 10, 20) else (),
                    export=self.world.surplus,
                )
            )
        reasons = ["El contador no respondió: se ha repartido según el perfil."] if self.world.reasons else []
        for hour in (hour for day in days for hour in day.hours if reasons and hour.quality != metering.QUALITY_REAL):
            hour.reason, hour.method = 1, 2
        return metering.GetCurveResponse(days=days, time_zone="Europe/Madrid", tariff="2.0TD", reasons=reasons)

    def ListReadings(self, request: Any, context: Any) -> Any:
        self.world.enter("ListReadings", request)
        self.world.owned(request.supply_id)
        if request.service_id != "e-sup-1":
            return metering.ListReadingsResponse()
        number = int(request.page_token or 0)
        found = register_readings()[number : number + request.page_size]
        more = number + request.page_size < len(register_readings())
        token = str(number + request.page_size) if more else ""
        return metering.ListReadingsResponse(readings=found, next_page_token=token)


class Billing(billing_service_pb2_grpc.BillingServiceServicer):
    def __init__(self, world: World) -> None:
        self.world = world

    def ListInvoices(self, request: Any, context: Any) -> Any:
        self.world.enter("ListInvoices", request)
        self.world.owned(request.supply_id)
        listed = []
        for one in self.world.invoices if request.supply_id == "sup-1" else []:
            bare = billing_pb2.Invoice()
            bare.CopyFrom(one)
            bare.ClearField("lines")
            bare.ClearField("taxes")
            listed.append(bare)
        return billing_service_pb2.ListInvoicesResponse(invoices=listed[: request.page_size or 50])

    def _invoice(self, invoice_id: str) -> Any:
        found = next((one for one in self.world.invoices if invoice_id in (one.id, one.number)), None)
        if found is None:
            raise NotFound(f"Invoice {invoice_id} is unknown.")
        return found

    def GetInvoice(self, request: Any, context: Any) -> Any:
        self.world.enter("GetInvoice", request)
        return billing_service_pb2.GetInvoiceResponse(invoice=self._invoice(request.invoice_id))

    def GetInvoiceFacts(self, request: Any, context: Any) -> Any:
        self.world.enter("GetInvoiceFacts", request)
        facts = facts_of(self._invoice(request.invoice_id))
        if self.world.over is not None:
            facts.lines[0].quarters.CopyFrom(self.world.over)
        return facts

    def GetInvoiceDocument(self, request: Any, context: Any) -> Any:
        self.world.enter("GetInvoiceDocument", request)
        found = self._invoice(request.invoice_id)
        answer = billing_service_pb2.GetInvoiceDocumentResponse
        yield answer(file_name=f"{found.number}.pdf", chunk=b"%PDF-1.4 ")
        yield answer(chunk=b"the invoice")

    def GetDebtState(self, request: Any, context: Any) -> Any:
        self.world.enter("GetDebtState", request)
        self.world.owned(request.supply_id)
        items = [self._open()]
        if self.world.overdue:
            items = self._due()
        if self.world.due_too:
            items += [
                billing_pb2.OpenItem(invoice_id="inv-x", invoice_number="X-7", due_date=due, outstanding=money("12.10"))
                for due in ("2026-11-23", "2026-12-23")
            ]
        return billing_service_pb2.GetDebtStateResponse(
            debt=billing_pb2.DebtState(
                supply_id=request.supply_id, overdue=money("49.24" if self.world.overdue else "0"),
                not_yet_due=money("0" if self.world.overdue else "55.44"), credit=money("0"), open_items=items,
                plans=self.world.plans,
            )
        )  # fmt: skip

    def _open(self) -> Any:
        return billing_pb2.OpenItem(
            invoice_id="inv-123", invoice_number="E-2026-000123", due_date="2026-11-23", outstanding=money("55.44")
        )

    def _due(self) -> list[Any]:
        return [
            billing_pb2.OpenItem(
                invoice_id="inv-61", invoice_number="E-2026-000061", due_date="2026-10-23", outstanding=money("49.24")
            )
        ]

    def GetStatement(self, request: Any, context: Any) -> Any:
        self.world.enter("GetStatement", request)
        self.world.owned(request.supply_id)
        entry, none, due, new = billing_pb2.StatementEntry, money("0"), money("49.24"), money("55.44")
        return billing_service_pb2.GetStatementResponse(
            statement=billing_pb2.Statement(
                supply_id=request.supply_id, period=request.period, opening_balance=money("0"),
                entries=[
                    entry(date="2026-10-02", kind="invoice", document="E-2026-000061", debit=due, credit=none, balance=due),
                    entry(
                        date="2026-10-20", kind="payment", document="E-2026-000061", debit=none, credit=due, balance=none,
                        method="card", payment_id="pay-1", credited=none,
                        settled=[billing_pb2.SettledInvoice(invoice_id="inv-61", invoice_number="E-2026-000061", amount=due)],
                    ),
                    entry(date="2026-11-02", kind="invoice", document="E-2026-000123", debit=new, credit=none, balance=new),
                ],
                closing_balance=money("55.44"),
            )
        )  # fmt: skip

    def GetStatementDocument(self, request: Any, context: Any) -> Any:
        self.world.enter("GetStatementDocument", request)
        yield billing_service_pb2.GetStatementDocumentResponse(file_name="statement.pdf", chunk=b"%PDF-1.4 statement")

    def _certificate(self, number: int, request: Any) -> Any:
        made = billing_pb2.Certificate(
            id=f"cer-{number}", code="7Q4M-2K9D-XW3R-5TBN", supply_id="sup-1", valid_until="2026-12-21", state="valid",
            not_yet_due=[self._open()], number=f"C-2026-{number:06d}", variant="not_yet_due", account_numbers=["877/1"],
            all_supplies=request.all_supplies,
        )  # fmt: skip
        made.issued_at.FromDatetime(self.world.clock.now())
        return made

    def RequestCertificate(self, request: Any, context: Any) -> Any:
        self.world.enter("RequestCertificate", request)
        self.world.owned(request.supply_id)
        answer = billing_service_pb2.RequestCertificateResponse
        if self.world.overdue:
            refusal = billing_service_pb2.CertificateRefusal(
                due=self._due(), total_due=money("49.24"), broken=self.world.broken_plans
            )
            refusal.at.FromDatetime(self.world.clock.now())
            return answer(refused=refusal)
        self.world.certificates.insert(0, self._certificate(len(self.world.certificates) + 1, request))
        return answer(granted=self.world.certificates[0])

    def ListCertificates(self, request: Any, context: Any) -> Any:
        self.world.enter("ListCertificates", request)
        self.world.owned(request.supply_id)
        return billing_service_pb2.ListCertificatesResponse(certificates=self.world.certificates)

    def GetCertificateDocument(self, request: Any, context: Any) -> Any:
        self.world.enter("GetCertificateDocument", request)
        if request.certificate_id not in {one.id for one in self.world.certificates}:
            raise NotFound(f"Certificate {request.certificate_id} is unknown.")
        yield billing_service_pb2.GetCertificateDocumentResponse(
            file_name="certificate.pdf", chunk=b"%PDF-1.4 certificate"
        )

    def VerifyCertificate(self, request: Any, context: Any) -> Any:
        self.world.enter("VerifyCertificate", request)
        if request.code.replace("-", "") != "7Q4M2K9DXW3R5TBN":
            raise NotFound("No certificate has this code.")
        made = billing_service_pb2.VerifyCertificateResponse(
            state="valid",
            valid_until="2026-12-21",
            holder_masked="A*** P***",
            supply_masked="ES0575…0877",
            issuer="Cooperativa Vallesol",
        )
        made.issued_at.FromDatetime(self.world.clock.now())
        return made
