"""Documents to print in tests: the worked bill A (55.44 €), an Argentine light and water bill, a certificate, a statement."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal as D

from services.billing.documents.model import (
    ArgentineFiscal,
    CertificateDocument,
    Change,
    ChangeReason,
    Consumption,
    ContractedPower,
    Coverage,
    DueDate,
    EnergyMix,
    Holder,
    InvoiceDocument,
    Issuer,
    Line,
    MonthConsumption,
    Movement,
    PaymentOption,
    PendingInvoice,
    PeriodQuantity,
    Reading,
    ReceiptDocument,
    Share,
    StatementDocument,
    Supply,
    Tax,
    TaxOfficeCode,
    Verification,
)
from services.billing.documents.parts import Impact, OriginShare

BOTH = ("iee", "iva")
ISSUER_ES = Issuer(
    name="Cooperativa Eléctrica Vallesol, S. Coop. V.",
    tax_id="F12345674",
    address=("Plaza del Molino 3", "46179 Vallesol (Valencia)"),
    email="socios@vallesol.example",
    telephone="900 000 123",
    breakdowns_telephone="900 000 456",
    web="www.vallesol.example",
    registry="Registro de Cooperativas de la Comunitat Valenciana, n.º CV-123",
    dispute_body="Junta Arbitral de Consumo de la Comunitat Valenciana",
)
ANA = Holder(
    name="Ana María Peña Ibáñez",
    document_type="NIF",
    document="12345678Z",
    address=("Calle de la Acequia 12", "46179 Vallesol (Valencia)"),
    member_number="877",
)
SUPPLY_ES = Supply(
    address=("Calle de la Acequia 12", "46179 Vallesol (Valencia)"),
    cups="ES0575000000000877HA",
    tariff="2.0TD",
    contract_kind="fixed",
    powers=(ContractedPower("P1", D("4.6")), ContractedPower("P2", D("4.6"))),
    meters=("CIR4621247027",),
    distributor="Distribuidora Vallesol, S. L. U.",
    contract_reference="C-2019-00877",
    access_contract_reference="ATR-0575-000877",
    contract_end=date(2027, 3, 31),
    services=("electricity",),
)
VERIFICATION = Verification("7K3M9QXA2BCDEFGH", "https://socios.vallesol.example/v?c=7K3M9QXA2BCDEFGH")


MIX = EnergyMix(
    year=2025,
    source="CNMC",
    shares=(
        OriginShare("renewable", D("91.2"), D("56.0")),
        OriginShare("high_efficiency_chp", D("2.6"), D("4.0")),
        OriginShare("chp", None, D("3.0")),
        OriginShare("gas", D("3.9"), D("14.0")),
        OriginShare("coal", None, D("1.5")),
        OriginShare("oil", None, D("1.5")),
        OriginShare("nuclear", D("2.3"), D("19.0")),
        OriginShare("other", None, D("1.0")),
    ),
    co2=Impact(D("0.02"), D("0.11"), "A"),
    waste=Impact(D("0.01"), D("0.5"), "B"),
)


def months(values: list[int | None], last: tuple[int, int], estimated: frozenset[int] = frozenset()):
    """A history of consecutive months ending with `last`; positions in `estimated` are estimated."""
    year, month = last
    start = year * 12 + month - len(values)
    return tuple(
        MonthConsumption(
            (start + index) // 12, (start + index) % 12 + 1, None if value is None else D(value), index in estimated
        )
        for index, value in enumerate(values)
    )


HISTORY = [262, 278, 301, 352, 361, 320, 282, 240, 213, 205, 236, 251, 224, 245]


def bill_a() -> InvoiceDocument:
    """Bill A of the worked example: 2.0TD fixed price, October 2026, 55.44 €."""
    lines = [
        Line("power", D(amount), "power", period=period, quantity=D("4.6"), unit="kw", days=31, unit_price=D(price),
             price_unit="kw_year", year_days=365, taxed_by=BOTH)
        for period, price, amount in (("P1", "27.704413", "10.82"), ("P2", "0.725423", "0.28"))
    ]  # fmt: skip
    lines += [
        Line("energy", D(amount), "energy", period=period, quantity=D(kwh), unit="kwh", unit_price=D(price),
             price_unit="kwh", taxed_by=BOTH)
        for period, kwh, price, amount in (
            ("P1", 62, "0.196000", "12.15"), ("P2", 55, "0.128000", "7.04"), ("P3", 128, "0.092000", "11.78"))
    ]  # fmt: skip
    lines += [
        Line("social_bonus_financing", D("0.77"), "regulated", days=31, unit_price=D("9.011295"), price_unit="year",
             year_days=365, taxed_by=("iva",)),
        Line("meter_rental", D("0.83"), "regulated", days=31, unit_price=D("0.81"), price_unit="month", year_days=365,
             taxed_by=("iva",)),
    ]  # fmt: skip
    consumption = Consumption(
        service="electricity",
        unit="kwh",
        quantity=D(245),
        by_period=(PeriodQuantity("P1", D(62)), PeriodQuantity("P2", D(55)), PeriodQuantity("P3", D(128))),
        history=months(HISTORY, (2026, 10), frozenset({7})),
        same_month_last_year=D(278),
        last_year=D(3230),
        readings=tuple(
            Reading(period, D(start), D(end), date(2026, 9, 30), date(2026, 10, 31))
            for period, start, end in (("P1", 8123, 8185), ("P2", 7040, 7095), ("P3", 15010, 15138))
        ),
        coverage=Coverage(745, 742, 3),
        maximum_power=(ContractedPower("P1", D("3.87")), ContractedPower("P2", D("3.12"))),
        meter="CIR4621247027",
    )
    return InvoiceDocument(
        jurisdiction="es",
        currency="EUR",
        number="E-2026-000123",
        issue_date=date(2026, 11, 2),
        period_start=date(2026, 10, 1),
        period_end=date(2026, 11, 1),
        due_date=date(2026, 11, 23),
        issuer=ISSUER_ES,
        holder=ANA,
        supply=SUPPLY_ES,
        lines=tuple(lines),
        taxes=(
            Tax("iee", D("42.07"), D("5.11269632"), D("2.15"), taxed_by=("iva",)),
            Tax("iva", D("45.82"), D(21), D("9.62")),
        ),
        total=D("55.44"),
        consumptions=(consumption,),
        payment=(
            PaymentOption("direct_debit", account="ES91 … 1332", bank="CaixaBank", mandate="VALLESOL-000877-01"),
            PaymentOption("card", url="socios.vallesol.example"),
            PaymentOption("office"),
        ),
        change=Change(
            date(2026, 9, 1),
            D("6.20"),
            (
                ChangeReason("consumption", D("4.10")),
                ChangeReason("taxes", D("1.74")),
                ChangeReason("days", D("0.36")),
                ChangeReason("price", D("0.00")),
            ),
        ),
        destination=(
            Share("energy", D("21.20")),
            Share("tolls", D("13.31")),
            Share("charges", D("9.16")),
            Share("taxes", D("11.77")),
        ),
        verification=VERIFICATION,
        tax_code=TaxOfficeCode(
            "https://prewww2.aeat.es/wlpl/TIKE-CONT/ValidarQR?nif=F12345674&numserie=E-2026-000123&fecha=02-11-2026"
            "&importe=55.44"
        ),
        origin=MIX,
        daily_mean=D("1.79"),
        daily_mean_history=D("1.86"),
        comparator_url=(
            "https://comparador.cnmc.gob.es/comparador/QRE?cp=46179&cups=ES0575000000000877HA&pP1=4.6&pP2=4.6&tc=E0"
            "&iniF=2026-09-30&finF=2026-10-31&fFact=2026-11-02&cfP1=62&cfP2=55&cfP3=128&imp=55.44&impPot=11.10"
            "&impEner=30.97&impOtrosSinIE=0.83&finBS=0.77&dto=0&prP1=27.704413&prP2=0.725423&prE1=0.196&prE2=0.128"
            "&prE3=0.092"
        ),
        regulation=(
            "Peajes: Resolución de la CNMC de 18 de diciembre de 2025 (BOE-A-2025-26348). Cargos: Orden TED/1524/2025 "
            "(BOE-A-2025-26705). Precios vigentes desde el 1 de enero de 2026.",
        ),
    )


def long_bill() -> InvoiceDocument:
    """Bill A with 60 lines more, each worth nothing, and names that need several lines."""
    bill = bill_a()
    extra = tuple(
        Line(
            f"extra-{number}", D("0.00"), "other", label=f"Concepto adicional aprobado por la asamblea, número {number}"
        )
        for number in range(1, 61)
    )
    return replace(
        bill,
        lines=bill.lines + extra,
        holder=replace(
            bill.holder,
            name="María del Carmen Fernández-Villaverde y Gutiérrez de la Concepción Etxeberria Urrutikoetxea",
            address=("Urbanización Los Almendros de la Vega Baja, Avenida de la Constitución de 1978, bloque 14, "
                     "escalera izquierda, 3.º B", "46179 Vallesol (Valencia)"),
        ),
        issuer=replace(bill.issuer, name="Cooperativa Eléctrica de Consumidores y Usuarios de San Vicente del Valle, "
                                         "Sociedad Cooperativa Limitada Valenciana"),
    )  # fmt: skip


ISSUER_AR = Issuer(
    name="Cooperativa de Servicios Públicos La Ribera Ltda.",
    tax_id="30-50001091-2",
    address=("San Martín 450", "X5900 Villa Ribera, Córdoba"),
    email="socios@laribera.example",
    telephone="0800 555 0123",
    breakdowns_telephone="0800 555 0456",
    web="www.laribera.example",
    mark="bolt-drop",
    brand_colour="#14507A",
    dispute_body="Ente Regulador de los Servicios Públicos (ERSeP)",
    iva_condition="Responsable inscripto",
    gross_income_number="280-123456-7",
    activities_since=date(1958, 6, 1),
)


#: CUIT 30-50001091-2, class 018, point of sale 3, the CESP, its expiry, and the check digit.
BARS = "305000109120180000376123456789012202612157"


def bill_ar() -> InvoiceDocument:
    """Light and water of a household: 3,500 + 150 × 52.10 + 71 × 68.40 = 16,171.40; water 18 m³; IVA 21 %."""
    iva = ("iva",)
    lines = (
        Line("fixed_charge", D("3500.00"), "energy", taxed_by=iva),
        Line("energy", D("7815.00"), "energy", period="0–150", quantity=D(150), unit="kwh", unit_price=D("52.10"),
             price_unit="kwh", taxed_by=iva),
        Line("energy", D("4856.40"), "energy", period="> 150", quantity=D(71), unit="kwh", unit_price=D("68.40"),
             price_unit="kwh", taxed_by=iva),
        Line("water_fixed", D("1800.00"), "water", "water", taxed_by=iva),
        Line("water", D("2160.00"), "water", "water", quantity=D(18), unit="m3", unit_price=D("120.00"), price_unit="m3",
             taxed_by=iva),
        Line("capital_quota", D("500.00"), "foreign", "social", label="Cuota de capital (Asamblea 12/04/2025, acta 98)"),
    )  # fmt: skip
    electricity = Consumption(
        service="electricity",
        unit="kwh",
        quantity=D(221),
        history=months([190, 205, 230, 260, 255, 210, 198, 200, 231, 260, 248, 214, 207, 221], (2026, 10)),
        same_month_last_year=D(205),
        readings=(Reading("", D(12345), D(12566), date(2026, 9, 30), date(2026, 10, 31)),),
        meter="A-4412093",
    )
    water = Consumption(
        service="water",
        unit="m3",
        quantity=D(18),
        history=months([15, 16, 18, 22, 24, 20, 17, None, 14, 13, 14, 15, 16, 18], (2026, 10), frozenset({5, 6})),
        readings=(Reading("", D(880), D(898), date(2026, 9, 30), date(2026, 10, 31), end_estimated=True),),
        meter="W-22871",
    )
    return InvoiceDocument(
        jurisdiction="ar",
        currency="ARS",
        number="B 00003-00001234",
        issue_date=date(2026, 11, 3),
        period_start=date(2026, 10, 1),
        period_end=date(2026, 11, 1),
        due_date=date(2026, 11, 20),
        issuer=ISSUER_AR,
        holder=Holder("Ramón Nicolás Ñáñez", "DNI", "20.123.456", ("Belgrano 1220", "X5900 Villa Ribera, Córdoba"),
                      "5555", "Consumidor final"),
        supply=Supply(("Belgrano 1220", "Villa Ribera, Córdoba"), account="5555/1", tariff="Residencial T1",
                      meters=("A-4412093", "W-22871"), services=("electricity", "water")),
        lines=lines,
        taxes=(Tax("iva", D("20131.40"), D(21), D("4227.59")),),
        total=D("24858.99"),
        consumptions=(electricity, water),
        payment=(
            PaymentOption("payment_code", reference="0012 3400 5555 0001", label="Pago Fácil, Rapipago"),
            PaymentOption("wallet", account="laribera.luz", label="Mercado Pago"),
            PaymentOption("direct_debit"),
        ),
        second_due=DueDate(date(2026, 12, 4), D("25480.46")),
        prior_debts=(),
        argentina=ArgentineFiscal("B", 3, "76123456789012", date(2026, 12, 15), D("4227.59"), D("0.00"), BARS),
        verification=Verification("0123456789ABCDEF", "https://oficina.laribera.example/v?c=0123456789ABCDEF"),
        notice="Cooperativa ficticia de demostración: documento sin validez",
    )  # fmt: skip


def certificate_es() -> CertificateDocument:
    """Ana, 21 November 2026: invoice 2 is issued and due on the 23rd, so the certificate is granted and mentions it."""
    return CertificateDocument(
        jurisdiction="es",
        currency="EUR",
        number="CERT-2026-000045",
        issuer=ISSUER_ES,
        holder=ANA,
        supplies=(SUPPLY_ES,),
        issued_at=datetime(2026, 11, 21, 16, 0, tzinfo=UTC),
        timezone="Europe/Madrid",
        valid_until=date(2026, 12, 21),
        verification=VERIFICATION,
        invoices_until=date(2026, 11, 2),
        not_due=(PendingInvoice("E-2026-000123", date(2026, 11, 23), D("55.44")),),
        snapshot_hash="9f2b6a1c0d4e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a",
    )


def certificate_ar() -> CertificateDocument:
    bill = bill_ar()
    return replace(
        certificate_es(),
        jurisdiction="ar",
        currency="ARS",
        issuer=ISSUER_AR,
        holder=bill.holder,
        supplies=(bill.supply,),
        timezone="America/Argentina/Buenos_Aires",
        services=("electricity", "water"),
        not_due=(),
        notice=bill.notice,
    )


def statement_es() -> StatementDocument:
    movements = (
        Movement(date(2026, 9, 2), "invoice", D("47.12"), "E-2026-000081", due=date(2026, 9, 23)),
        Movement(date(2026, 9, 23), "payment", D("-47.12"), "E-2026-000081"),
        Movement(date(2026, 10, 2), "invoice", D("49.24"), "E-2026-000102", due=date(2026, 10, 23)),
        Movement(date(2026, 10, 23), "payment", D("-49.24"), "E-2026-000102"),
        Movement(date(2026, 10, 30), "payment_returned", D("49.24"), "E-2026-000102"),
        Movement(date(2026, 11, 2), "invoice", D("55.44"), "E-2026-000123", due=date(2026, 11, 23)),
        Movement(date(2026, 11, 5), "payment", D("-49.24"), "E-2026-000102"),
    )
    return StatementDocument(
        jurisdiction="es",
        currency="EUR",
        issuer=ISSUER_ES,
        holder=ANA,
        supply=SUPPLY_ES,
        issue_date=date(2026, 11, 21),
        period_start=date(2026, 9, 1),
        period_end=date(2026, 11, 22),
        opening_balance=D("0.00"),
        closing_balance=D("55.44"),
        movements=movements,
    )


def receipt() -> ReceiptDocument:
    """60.00 by transfer: an invoice of 55.44 and 4.56 in the member's favour."""
    return ReceiptDocument(
        "es", "EUR", "RC-2026-000123", ISSUER_ES, ANA, SUPPLY_ES, date(2026, 11, 20), D("60.00"), "transfer",
        "Ana, noviembre", (("E-2026-000123", D("55.44")),), D("4.56"),
    )  # fmt: skip
