"""The debt-free certificate and the statement of account as printed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal as D

import pytest

from services.billing.documents import render_certificate, render_statement
from services.billing.documents.model import AgreedPlan, DebtNow, Movement, PendingInvoice, PlanPart, Verification
from services.billing.documents.receipt import render_receipt
from services.chassis.errors import Invalid
from tests.unit.billing.documents.samples import certificate_ar, certificate_es, receipt, statement_es


def test_spanish_certificate_states_the_instant_the_pending_invoice_and_how_to_check(pages):
    (text,) = pages(render_certificate(certificate_es(), "es"))
    for part in (
        "Certificado de estar al corriente de pago",
        "Sin deuda vencida",
        "NIF F12345674, certifica que a 21 de noviembre de 2026, 17:00 horas (UTC+01:00), Ana María Peña Ibáñez",
        "con NIF 12345678Z",
        "por los servicios de electricidad",
        "todas las facturas emitidas hasta el 2 de noviembre de 2026",
        "Emitidas y aún no vencidas",
        "E-2026-000123 23 de noviembre de 2026 55,44 €",
        "7K3M 9QXA 2BCD EFGH",
        "socios.vallesol.example/v",
        "Válido hasta el 21 de diciembre de 2026.",
        "si se revoca",
        "Página 1 de 1",
    ):
        assert part in text, part


def test_argentine_certificate_is_a_libre_de_deuda_in_its_own_hour(pages):
    (text,) = pages(render_certificate(certificate_ar(), "es"))
    for part in (
        "Libre de deuda",
        "CUIT 30-50001091-2",
        "13:00 horas (UTC-03:00)",
        "electricidad y agua",
        "Cuenta 5555/1",
    ):
        assert part in text, part
    assert "Emitidas y aún no vencidas" not in text


def test_certificate_in_english(pages):
    (text,) = pages(render_certificate(certificate_es(), "en"))
    assert "certifies that on 21 November 2026 at 17:00" in text
    assert "Valid until 21 December 2026." in text


def test_the_repeated_hour_of_october_is_told_apart(pages):
    def printed(hour: int) -> str:
        instant = datetime(2026, 10, 25, hour, 30, tzinfo=UTC)
        return pages(render_certificate(replace(certificate_es(), issued_at=instant), "es"))[0]

    assert "02:30 horas (UTC+02:00)" in printed(0)
    assert "02:30 horas (UTC+01:00)" in printed(1)


def test_variants_say_plan_and_dispute(pages):
    plan = pages(render_certificate(replace(certificate_es(), agreed_plan=True), "es"))[0]
    assert "Sin deuda vencida, con plan de pagos acordado" in plan
    disputed = (PendingInvoice("E-2026-000050", date(2026, 6, 20), D("80.00")),)
    text = pages(render_certificate(replace(certificate_es(), disputed=disputed), "es"))[0]
    assert "En reclamación: fuera de esta declaración" in text
    assert "80,00 €" in text


def test_many_supplies_and_pending_invoices_flow(pages):
    pending = tuple(PendingInvoice(f"E-2026-{n:06d}", date(2026, 12, 1), D("10.00")) for n in range(60))
    doc = replace(certificate_es(), supplies=certificate_es().supplies * 11, not_due=pending)
    found = pages(render_certificate(doc, "es"))
    assert len(found) > 1
    assert all(f"E-2026-{n:06d}" in " ".join(found) for n in range(60))
    assert " ".join(found).count("ES0575000000000877HA") == 11


def test_certificate_without_zone_or_with_a_short_code_is_refused():
    with pytest.raises(Invalid, match="no time zone"):
        render_certificate(replace(certificate_es(), issued_at=datetime(2026, 11, 21, 17, 0)), "es")  # noqa: DTZ001
    with pytest.raises(Invalid, match="has 4 characters and must have 16"):
        render_certificate(replace(certificate_es(), verification=Verification("7K3M", "https://x.example/v")), "es")


def test_statement_goes_from_opening_to_closing_balance(pages):
    (text,) = pages(render_statement(statement_es(), "es"))
    for part in (
        "Saldo a 21 de noviembre de 2026",
        "A pagar",
        "Saldo inicial 0,00 €",
        "2 sept 2026 Factura E-2026-000081, vence el 23 sept 2026 47,12 47,12",
        "23 sept 2026 Pago E-2026-000081 47,12 0,00",
        "30 oct 2026 Pago devuelto E-2026-000102 49,24 49,24",
        "2 nov 2026 Factura E-2026-000123, vence el 23 nov 2026 55,44 104,68",
        "Saldo final 55,44 €",
    ):
        assert part in text, part


def test_statement_in_favour_of_the_member(pages):
    paid = (*statement_es().movements, Movement(date(2026, 11, 20), "payment", D("-60.00")))
    (text,) = pages(render_statement(replace(statement_es(), movements=paid, closing_balance=D("-4.56")), "es"))
    assert "A favor del socio" in text
    assert "\u22124,56 €" in text


def test_statement_of_today_says_what_is_due_and_the_payment_plan(pages):
    parts = (PlanPart(date(2026, 12, 10), D("27.72"), D("0.00")), PlanPart(date(2027, 1, 11), D("27.72"), D("27.72")))
    plan = AgreedPlan(date(2026, 11, 20), ("E-2026-000102", "E-2026-000123"), parts)
    now = replace(statement_es(), debt=DebtNow(D("0.00"), D("55.44"), D("3.00")), plans=(plan,))
    (text,) = pages(render_statement(now, "es"))
    for part in (
        "Vencido: 0,00 € Aún no vencido: 55,44 € A su favor: 3,00 €",
        "Plan de pagos Acordado el 20 de noviembre de 2026 para E-2026-000102 y E-2026-000123.",
        "nada de ello está vencido",
        "1 10 de diciembre de 2026 27,72 Pagado 2 11 de enero de 2027 27,72 27,72",
    ):
        assert part in text, part
    (text,) = pages(render_statement(replace(now, plans=(replace(plan, missed=2),)), "en"))
    assert "It is broken: instalment 2, of 11 January 2027, was not paid on its day" in text
    assert "nothing of it is overdue" not in text


def test_long_statement_repeats_its_head(pages):
    many = tuple(Movement(date(2026, 9, 2), "adjustment", D("1.00"), f"R-{n}") for n in range(120))
    found = pages(render_statement(replace(statement_es(), movements=many, closing_balance=D("120.00")), "en"))
    assert len(found) >= 3
    assert all("Movement Charges Payments Balance" in page for page in found)
    assert "Closing balance €120.00" in found[-1]


def test_statement_that_does_not_add_up_is_refused():
    with pytest.raises(Invalid, match=r"lead to 55\.44 and its closing balance says 50\.00"):
        render_statement(replace(statement_es(), closing_balance=D("50.00")), "es")


def test_receipt_says_what_came_how_and_what_it_paid(pages):
    (text,) = pages(render_receipt(receipt(), "es"))
    for part in (
        "Hemos recibido 60,00 € Pagado por transferencia Referencia: Ana, noviembre",
        "Ana María Peña Ibáñez NIF 12345678Z",
        "E-2026-000123 55,44",
        "A favor, para las próximas facturas 4,56",
        "Total 60,00 €",
        "RC-2026-000123",
    ):
        assert part in text, part
    many = tuple((f"E-2026-{number:06d}", D("1.00")) for number in range(80))
    long = replace(receipt(), settled=many, amount=D("84.56"))
    found = pages(render_receipt(long, "es"))
    assert len(found) == 3 and "Total 84,56 €" in found[-1]
    with pytest.raises(Invalid, match=r"its parts come to 60\.00 and 61\.00 was paid"):
        render_receipt(replace(receipt(), amount=D("61.00")), "es")
