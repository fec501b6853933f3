"""The services behind the gateway, in memory: real gRPC servers with the real protos, access rules and tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import grpc
from coop.billing.v1 import billing_pb2, billing_service_pb2, billing_service_pb2_grpc
from coop.common.v1.types_pb2 import DatePeriod, Money
from coop.identity.v1 import identity_service_pb2 as identity
from coop.identity.v1 import identity_service_pb2_grpc
from coop.metering.v1 import metering_service_pb2 as metering
from coop.metering.v1 import metering_service_pb2_grpc
from coop.notifications.v1 import notifications_service_pb2 as notifications
from coop.notifications.v1 import notifications_service_pb2_grpc
from coop.supplies.v1 import supplies_pb2, supplies_service_pb2, supplies_service_pb2_grpc

from services.chassis.clock import FixedClock
from services.chassis.context import caller
from services.chassis.errors import CoopError, Invalid, NotFound, Refused, Unauthenticated
from services.chassis.grpc.server import ServicerSpec, bind, build_server
from services.chassis.grpc.tokens import TokenSigner, TokenVerifier
from services.chassis.periods import day_start, hours_in_day

MADRID = ZoneInfo("Europe/Madrid")
PASSWORD = "cuatro palabras bien mías"
OTHER_SUPPLY = "sup-of-somebody-else"


@dataclass
class World:
    """What the fake services know. Tests change it; `failing` maps a method to the error it answers with."""

    clock: FixedClock
    failing: dict[str, CoopError] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    sessions: set[str] = field(default_factory=lambda: {"good-token"})
    current: str = "sup-1"
    supplies: list[Any] = field(default_factory=list)
    invoices: list[Any] = field(default_factory=list)
    overdue: bool = False
    certificates: list[Any] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

    def enter(self, method: str, request: Any) -> None:
        """Every fake method passes here."""
        self.calls.append(method)
        self.requests.append(request)
        self.addresses.append(caller().client_address)
        if method in self.failing:
            raise self.failing[method]

    def owned(self, supply_id: str) -> None:
        if supply_id not in {supply.id for supply in self.supplies}:
            raise NotFound(f"Supply {supply_id} is unknown.")


def money(amount: str) -> Money:
    return Money(amount=amount, currency_code="EUR")


def supply(supply_id: str, number: str, cups: str, street: str) -> supplies_pb2.Supply:
    contract = supplies_pb2.Contract(
        id=f"c-{supply_id}", number="C-1", product_code="fija-2026", tariff="2.0TD",
        powers=[supplies_pb2.ContractedPower(period=p, watts=4600) for p in ("P1", "P2")],
    )  # fmt: skip
    return supplies_pb2.Supply(
        id=supply_id, account_number=number, cups=cups, member_id="m-1", holder_name="Ana Pérez Soler",
        address=supplies_pb2.Address(street=street, postcode="44999", municipality="Vallesol", province="Teruel"),
        time_zone="Europe/Madrid", relation="holder",
        services=[supplies_pb2.SupplyService(
            id=f"e-{supply_id}", kind=supplies_pb2.SERVICE_KIND_ELECTRICITY, state=supplies_pb2.SERVICE_STATE_CONNECTED,
            connected_on="2020-01-01", contracts=[contract], meters=[supplies_pb2.Meter(serial="ZIV0040318130")],
        )],
    )  # fmt: skip


def invoice(
    number: int, start: date, end: date, total: str, wh: int, state: int, previous: str = "", grow: str = "0"
) -> Any:
    """The worked bill of 55.44 €, or one that differs from it in the energy and the taxes."""
    energy = {"P1": ("62", "0.196", "12.15"), "P2": ("55", "0.128", "7.04"), "P3": ("128", "0.092", "11.78")}
    if grow != "0":
        energy = {"P1": ("52", "0.196", "10.19"), "P2": ("50", "0.128", "6.40"), "P3": ("122", "0.092", "11.22")}
    line = billing_pb2.InvoiceLine
    power_lines = (
        [("P1", "10.82", "27.704413"), ("P2", "0.28", "0.725423")]
        if grow == "0"
        else [("P1", "10.47", "27.704413"), ("P2", "0.27", "0.725423")]
    )
    lines = [
        line(concept="power", description=f"Potencia {p}", period=p, quantity="4.6", unit="kw", unit_price=price, amount=money(a))
        for p, a, price in power_lines
    ] + [
        line(concept="energy", description=f"Energía {p}", period=p, quantity=q, unit="kwh", unit_price=price, amount=money(a))
        for p, (q, price, a) in energy.items()
    ] + [
        line(concept="social_bonus_financing", description="Financiación del bono social", unit_price="9.011295", amount=money("0.77" if grow == "0" else "0.74")),
        line(concept="meter_rental", description="Alquiler del contador", unit_price="0.81", amount=money("0.83" if grow == "0" else "0.80")),
    ]  # fmt: skip
    tax = billing_pb2.InvoiceTax
    taxes = [
        tax(tax="iee", description="Impuesto eléctrico", base=money("42.07"), rate="0.0511269632", amount=money("2.15" if grow == "0" else "1.97")),
        tax(tax="iva", description="IVA", base=money("45.82"), rate="0.21", amount=money("9.62" if grow == "0" else "7.18")),
    ]  # fmt: skip
    made = billing_pb2.Invoice(
        id=f"inv-{number}", number=f"E-2026-{number:06d}", supply_id="sup-1", member_id="m-1", account_number="5555/1",
        period=DatePeriod(start=start.isoformat(), end=end.isoformat()), issue_date="2026-11-02", due_date="2026-11-23",
        total=money(total), outstanding=money("0" if state == billing_pb2.INVOICE_STATE_PAID else total), state=state,
        lines=lines, taxes=taxes, import_wh=wh, hours_expected=745, hours_estimated=3,
    )  # fmt: skip
    if previous:
        made.previous_total.CopyFrom(money(previous))
    return made


def new_world() -> World:
    """One member with two supplies, fourteen billed months and two invoices, on 21 November 2026."""
    world = World(FixedClock(datetime(2026, 11, 21, 12, 0, tzinfo=UTC)))
    world.supplies = [
        supply("sup-1", "5555/1", "ES0575000000000877HA", "Calle de la Acequia 12"),
        supply("sup-2", "5555/2", "ES0575000000000878HG", "Partida del Molino Viejo 3, escalera B, 2.º izquierda"),
    ]
    paid, still_open = billing_pb2.INVOICE_STATE_PAID, billing_pb2.INVOICE_STATE_OPEN
    world.invoices = [
        invoice(123, date(2026, 10, 1), date(2026, 11, 1), "55.44", 245_000, still_open, "49.24"),
        invoice(61, date(2026, 9, 1), date(2026, 10, 1), "49.24", 224_000, paid, "51.00", grow="less"),
    ]
    return world


_MONTH_WH = (
    245,
    224,
    210,
    249,
    236,
    205,
    214,
    240,
    282,
    331,
    352,
    310,
    268,
    278,
    228,
    236,
    262,
    220,
    190,
    221,
    252,
    301,
    361,
    340,
    299,
    291,
)


def billed_periods() -> list[metering.BilledPeriod]:
    """Twenty-six months up to October 2026, newest first; June 2026 and one more have estimated hours."""
    periods, year, month = [], 2026, 10
    for index, kwh in enumerate(_MONTH_WH):
        following = date(year + month // 12, month % 12 + 1, 1)
        estimated = 3 if index in (0, 5) else 0
        hours = (following - date(year, month, 1)).days * 24
        periods.append(
            metering.BilledPeriod(
                period=DatePeriod(start=date(year, month, 1).isoformat(), end=following.isoformat()),
                invoice_id="inv-123" if index == 0 else "inv-61", invoice_number="E-2026-000123",
                import_wh=kwh * 1000, hours_expected=hours, hours_measured=hours - estimated, hours_estimated=estimated,
            )
        )  # fmt: skip
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return periods


def tariff_period(start: datetime) -> str:
    local = start.astimezone(MADRID)
    if local.weekday() >= 5 or local.hour < 8:
        return "P3"
    return "P1" if local.hour in (10, 11, 12, 13, 18, 19, 20, 21) else "P2"


_SHAPE = (
    180,
    150,
    140,
    130,
    130,
    140,
    190,
    380,
    520,
    410,
    330,
    300,
    360,
    620,
    580,
    340,
    280,
    310,
    470,
    730,
    960,
    810,
    550,
    300,
)


def day_curve(day: date, *, estimated: tuple[int, ...] = (), missing: tuple[int, ...] = ()) -> metering.DayCurve:
    """A local day with all its hours but the missing ones; the numbers count from 1."""
    made = metering.DayCurve(day=day.isoformat(), hours_expected=hours_in_day(day, MADRID))
    for offset in range(made.hours_expected):
        if offset + 1 in missing:
            continue
        start = day_start(day, MADRID) + timedelta(hours=offset)
        hour = made.hours.add(
            import_wh=_SHAPE[start.astimezone(MADRID).hour] * (80 + day.day * 7 % 50) // 100,
            quality=metering.QUALITY_ESTIMATED if offset + 1 in estimated else metering.QUALITY_REAL,
            tariff_period=tariff_period(start),
        )
        hour.start.FromDatetime(start)
    return made


class Identity(identity_service_pb2_grpc.IdentityServiceServicer):
    def __init__(self, world: World, signer: TokenSigner) -> None:
        self.world, self.signer = world, signer

    def _account(self) -> identity.Account:
        return identity.Account(id="acc-1", email="ana@example.org", name="Ana Pérez Soler", language="es")

    def Register(self, request: Any, context: Any) -> Any:
        self.world.enter("Register", request)
        return identity.RegisterResponse()

    def Activate(self, request: Any, context: Any) -> Any:
        self.world.enter("Activate", request)
        if request.token != "mail-token":
            raise Refused("This link is not one of ours.", "LINK_UNKNOWN")
        return identity.ActivateResponse()

    def SignIn(self, request: Any, context: Any) -> Any:
        self.world.enter("SignIn", request)
        if (request.email, request.password) != ("ana@example.org", PASSWORD):
            raise Unauthenticated("The e-mail address or the password is not right.", "WRONG_CREDENTIALS")
        self.world.sessions.add("good-token")
        made = identity.SignInResponse(session_token="good-token", account=self._account())
        made.expires_at.FromDatetime(self.world.clock.now() + timedelta(hours=12))
        return made

    def IssueAccessToken(self, request: Any, context: Any) -> Any:
        self.world.enter("IssueAccessToken", request)
        if request.session_token not in self.world.sessions:
            raise Unauthenticated("The session is over.", "SESSION_OVER")
        token, until = self.signer.member("acc-1", "ses-1")
        made = identity.IssueAccessTokenResponse(access_token=token, account=self._account())
        made.expires_at.FromDatetime(until)
        return made

    def SignOut(self, request: Any, context: Any) -> Any:
        self.world.enter("SignOut", request)
        self.world.sessions.clear()
        return identity.SignOutResponse()

    def RequestPasswordReset(self, request: Any, context: Any) -> Any:
        self.world.enter("RequestPasswordReset", request)
        return identity.RequestPasswordResetResponse()

    def ResetPassword(self, request: Any, context: Any) -> Any:
        self.world.enter("ResetPassword", request)
        if request.token != "mail-token":
            raise Refused("This link is not one of ours.", "LINK_UNKNOWN")
        return identity.ResetPasswordResponse()

    def ChangePassword(self, request: Any, context: Any) -> Any:
        self.world.enter("ChangePassword", request)
        if request.current_password != PASSWORD:
            raise Invalid("The current password is not right.", "WRONG_PASSWORD", field="current_password")
        return identity.ChangePasswordResponse()

    def GetMyAccount(self, request: Any, context: Any) -> Any:
        self.world.enter("GetMyAccount", request)
        return identity.GetMyAccountResponse(account=self._account())


class Supplies(supplies_service_pb2_grpc.SuppliesServiceServicer):
    def __init__(self, world: World) -> None:
        self.world = world

    def ListMySupplies(self, request: Any, context: Any) -> Any:
        self.world.enter("ListMySupplies", request)
        return supplies_service_pb2.ListMySuppliesResponse(
            supplies=self.world.supplies, current_supply_id=self.world.current
        )

    def GetSupply(self, request: Any, context: Any) -> Any:
        self.world.enter("GetSupply", request)
        self.world.owned(request.supply_id)
        found = next(one for one in self.world.supplies if one.id == request.supply_id)
        return supplies_service_pb2.GetSupplyResponse(supply=found)

    def SetCurrentSupply(self, request: Any, context: Any) -> Any:
        self.world.enter("SetCurrentSupply", request)
        self.world.owned(request.supply_id)
        self.world.current = request.supply_id
        return supplies_service_pb2.SetCurrentSupplyResponse()

    def RequestAssociation(self, request: Any, context: Any) -> Any:
        self.world.enter("RequestAssociation", request)
        if request.document == "12345678A":
            raise Invalid("The letter of 12345678A does not match its number.", "DOCUMENT_MALFORMED", field="document")
        return supplies_service_pb2.RequestAssociationResponse()

    def ConfirmAssociation(self, request: Any, context: Any) -> Any:
        self.world.enter("ConfirmAssociation", request)
        if request.code.replace(" ", "") != "123456":
            raise Invalid("The code is not right.", "WRONG_CODE", field="code")
        return supplies_service_pb2.ConfirmAssociationResponse(supplies_added=2)


class Metering(metering_service_pb2_grpc.MeteringServiceServicer):
    def __init__(self, world: World) -> None:
        self.world = world

    def ListBilledPeriods(self, request: Any, context: Any) -> Any:
        self.world.enter("ListBilledPeriods", request)
        self.world.owned(request.supply_id)
        periods = billed_periods() if request.supply_id == "sup-1" else []
        return metering.ListBilledPeriodsResponse(periods=periods[: request.page_size or 50])

    def GetCurve(self, request: Any, context: Any) -> Any:
        self.world.enter("GetCurve", request)
        self.world.owned(request.supply_id)
        start, end = date.fromisoformat(request.period.start), date.fromisoformat(request.period.end)
        if not date(2024, 9, 1) <= start < end <= date(2026, 11, 1):
            raise NotFound("Those days were not billed.")
        days = []
        for offset in range((end - start).days):
            day = start + timedelta(days=offset)
            odd = day == date(2026, 10, 14)
            days.append(
                day_curve(day, estimated=(16, 17) if odd else (), missing=(4,) if day == date(2026, 10, 20) else ())
            )
        return metering.GetCurveResponse(days=days, time_zone="Europe/Madrid", tariff="2.0TD")


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

    def GetInvoiceDocument(self, request: Any, context: Any) -> Any:
        self.world.enter("GetInvoiceDocument", request)
        found = self._invoice(request.invoice_id)
        answer = billing_service_pb2.GetInvoiceDocumentResponse
        yield answer(file_name=f"{found.number}.pdf", chunk=b"%PDF-1.4 ")
        yield answer(chunk=b"the invoice")

    def GetDebtState(self, request: Any, context: Any) -> Any:
        self.world.enter("GetDebtState", request)
        self.world.owned(request.supply_id)
        items = [
            billing_pb2.OpenItem(
                invoice_id="inv-123", invoice_number="E-2026-000123", due_date="2026-11-23", outstanding=money("55.44")
            )
        ]
        if self.world.overdue:
            items = self._due()
        return billing_service_pb2.GetDebtStateResponse(
            debt=billing_pb2.DebtState(
                supply_id=request.supply_id, overdue=money("49.24" if self.world.overdue else "0"),
                not_yet_due=money("0" if self.world.overdue else "55.44"), credit=money("0"), open_items=items,
            )
        )  # fmt: skip

    def _due(self) -> list[Any]:
        return [
            billing_pb2.OpenItem(
                invoice_id="inv-61", invoice_number="E-2026-000061", due_date="2026-10-23", outstanding=money("49.24")
            )
        ]

    def GetStatement(self, request: Any, context: Any) -> Any:
        self.world.enter("GetStatement", request)
        self.world.owned(request.supply_id)
        entry = billing_pb2.StatementEntry
        return billing_service_pb2.GetStatementResponse(
            statement=billing_pb2.Statement(
                supply_id=request.supply_id, period=request.period, opening_balance=money("0"),
                entries=[
                    entry(date="2026-10-02", kind="invoice", document="E-2026-000061", debit=money("49.24"), credit=money("0"), balance=money("49.24")),
                    entry(date="2026-10-20", kind="payment", document="Transferencia", debit=money("0"), credit=money("49.24"), balance=money("0")),
                    entry(date="2026-11-02", kind="invoice", document="E-2026-000123", debit=money("55.44"), credit=money("0"), balance=money("55.44")),
                ],
                closing_balance=money("55.44"),
            )
        )  # fmt: skip

    def GetStatementDocument(self, request: Any, context: Any) -> Any:
        self.world.enter("GetStatementDocument", request)
        yield billing_service_pb2.GetStatementDocumentResponse(file_name="statement.pdf", chunk=b"%PDF-1.4 statement")

    def _certificate(self, number: int) -> Any:
        made = billing_pb2.Certificate(
            id=f"cer-{number}", code="7Q4M-2K9D-XW3R-5TBN", supply_id="sup-1", valid_until="2026-12-21", state="valid",
            not_yet_due=[billing_pb2.OpenItem(invoice_id="inv-123", invoice_number="E-2026-000123", due_date="2026-11-23", outstanding=money("55.44"))],
        )  # fmt: skip
        made.issued_at.FromDatetime(self.world.clock.now())
        return made

    def RequestCertificate(self, request: Any, context: Any) -> Any:
        self.world.enter("RequestCertificate", request)
        self.world.owned(request.supply_id)
        answer = billing_service_pb2.RequestCertificateResponse
        if self.world.overdue:
            refusal = billing_service_pb2.CertificateRefusal(due=self._due(), total_due=money("49.24"))
            refusal.at.FromDatetime(self.world.clock.now())
            return answer(refused=refusal)
        self.world.certificates.insert(0, self._certificate(len(self.world.certificates) + 1))
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


class Notifications(notifications_service_pb2_grpc.NotificationsServiceServicer):
    def __init__(self, world: World) -> None:
        self.world = world

    def ListMyNotices(self, request: Any, context: Any) -> Any:
        self.world.enter("ListMyNotices", request)
        made = []
        for key, title, link, at in (
            ("n-2", "Factura de octubre disponible", "/s/sup-1/invoices/inv-123", datetime(2026, 11, 2, 9, tzinfo=UTC)),
            ("n-1", "Hemos cambiado el contador", "", datetime(2026, 10, 17, 9, tzinfo=UTC)),
        ):
            one = notifications.Notice(
                id=key,
                kind="x",
                title=title,
                body="Ya puedes verla.\nUn saludo.",
                link=link,
                read=key == "n-1" or key in self.world.read,
            )
            one.created_at.FromDatetime(at)
            made.append(one)
        return notifications.ListMyNoticesResponse(notices=made, unread=sum(not one.read for one in made))

    def MarkNoticeRead(self, request: Any, context: Any) -> Any:
        self.world.enter("MarkNoticeRead", request)
        self.world.read.add(request.notice_id)
        return notifications.MarkNoticeReadResponse()


class FakeServices:
    """Five servers on loopback ports of their own."""

    def __init__(self, keys_dir: Path, world: World | None = None) -> None:
        self.world = world or new_world()
        signer, verifier = TokenSigner(keys_dir, "identity"), TokenVerifier(keys_dir)
        descriptors = {
            "identity": ServicerSpec(Identity(self.world, signer), identity_service_pb2_grpc.add_IdentityServiceServicer_to_server, identity.DESCRIPTOR.services_by_name["IdentityService"]),
            "supplies": ServicerSpec(Supplies(self.world), supplies_service_pb2_grpc.add_SuppliesServiceServicer_to_server, supplies_service_pb2.DESCRIPTOR.services_by_name["SuppliesService"]),
            "metering": ServicerSpec(Metering(self.world), metering_service_pb2_grpc.add_MeteringServiceServicer_to_server, metering.DESCRIPTOR.services_by_name["MeteringService"]),
            "billing": ServicerSpec(Billing(self.world), billing_service_pb2_grpc.add_BillingServiceServicer_to_server, billing_service_pb2.DESCRIPTOR.services_by_name["BillingService"]),
            "notifications": ServicerSpec(Notifications(self.world), notifications_service_pb2_grpc.add_NotificationsServiceServicer_to_server, notifications.DESCRIPTOR.services_by_name["NotificationsService"]),
        }  # fmt: skip
        self.servers: dict[str, grpc.Server] = {}
        self.addresses: dict[str, str] = {}
        for name, spec in descriptors.items():
            server = build_server(name, [spec], verifier)
            self.addresses[name] = f"127.0.0.1:{bind(server, '127.0.0.1:0')}"
            server.start()
            self.servers[name] = server

    def stop(self, name: str = "") -> None:
        """Stop one service, or all."""
        for server in [self.servers[name]] if name else self.servers.values():
            server.stop(0).wait()
