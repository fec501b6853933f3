"""The printed invoice: what page one answers, the detail, both countries, both languages, extremes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pypdf
import pytest

from services.billing.documents import render_invoice
from services.billing.documents.model import Adjustment, DueDate, Line, PriorDebt, Share, Tax
from services.chassis.errors import Invalid
from tests.unit.billing.documents.samples import bill_a, bill_ar, long_bill


def in_order(text: str, *parts: str) -> None:
    """Every part is in the text, each after the one before."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"{part!r} is not in the text after position {at}: {text}"
        at = found + len(part)


def test_page_one_answers_how_much_until_when_how_to_pay_what_was_consumed_then_the_summary(pages):
    first, *rest = pages(render_invoice(bill_a(), "es"))
    in_order(
        first,
        "Factura E-2026-000123",
        "Emisión: 2 de noviembre de 2026",
        "A pagar, 1–31 de octubre de 2026",
        "55,44 €",
        "Vence el lunes 23 de noviembre de 2026",
        "Cómo pagar",
        "el 23 de noviembre de 2026 se cargará en la cuenta ES91 … 1332 (CaixaBank)",
        "Son 6,20 € más que en septiembre",
        "Ana María Peña Ibáñez",
        "CUPS ES0575000000000877HA",
        "En octubre se consumieron 245 kWh, un 12 % menos que hace un año.",
        "742 de 745 horas medidas, 3 estimadas.",
        "Resumen",
    )
    assert "Página 1 de 3" in first
    assert ["Página 2 de 3" in rest[0], "Página 3 de 3" in rest[1]] == [True, True]


def test_summary_says_surplus_even_at_zero_and_adds_up(pages):
    first, *_ = pages(render_invoice(bill_a(), "es"))
    in_order(
        first,
        "Potencia 4,6 kW × 31 días 11,10 €",
        "Energía 245 kWh 30,97 €",
        "Compensación de excedentes 0,00 €",
        "Impuesto eléctrico (IEE) 5,11269632 % de 42,07 € 2,15 €",
        "Financiación del bono social 0,77 €",
        "Alquiler del contador 0,83 €",
        "IVA 21 % de 45,82 € 9,62 €",
        "Total 55,44 €",
    )


def test_detail_prints_every_calculation_and_both_tax_bases(pages):
    _, second, _ = pages(render_invoice(bill_a(), "es"))
    in_order(
        second,
        "Potencia contratada, P1 4,6 kW × 31 días × 27,704413 €/kW·año ÷ 365 10,82",
        "Potencia contratada, P2 4,6 kW × 31 días × 0,725423 €/kW·año ÷ 365 0,28",
        "Energía consumida, P1 62 kWh × 0,196000 €/kWh 12,15",
        "Energía consumida, P3 128 kWh × 0,092000 €/kWh 11,78",
        "5,11269632 % de la base de 42,07 € 2,15",
        "31 días × 9,011295 €/año ÷ 365 0,77",
        "31 días × 0,81 €/mes × 12 ÷ 365 0,83",
        "21 % de la base de 45,82 € 9,62",
        "Total 55,44 €",
    )


def test_contract_readings_claims_and_bulletins_are_printed(pages):
    text = " ".join(pages(render_invoice(bill_a(), "es"))[1:])
    for part in (
        "30 sept 2026, real: 8.123 31 oct 2026, real: 8.185 62 kWh",
        "Potencia máxima del último año: P1 3,87 kW, P2 3,12 kW.",
        "P1 4,6 kW, P2 4,6 kW",
        "CIR4621247027",
        "Distribuidora Vallesol, S. L. U.",
        "31 de marzo de 2027, con renovación automática",
        "900 000 456",
        "Junta Arbitral de Consumo",
        "7K3M 9QXA 2BCD EFGH",
        "BOE-A-2025-26348",
        "Cada día de este periodo ha costado 1,79 € de media. Cada día de los últimos 14 meses: 1,86 €.",
    ):
        assert part in text, part


def test_the_last_year_of_all_services_is_one_sentence(pages):
    (light,) = bill_a().consumptions
    water = replace(light, service="water", unit="m3", last_year=D("191.031"), readings=(), by_period=())
    text = " ".join(pages(render_invoice(replace(bill_a(), consumptions=(light, water)), "es")))
    assert text.count("En el último año") == 1
    assert "En el último año: 3.230 kWh; 191,031 m³." in text


def test_estimated_months_carry_a_letter_and_not_only_a_pattern(pages):
    first, *_ = pages(render_invoice(bill_a(), "es"))
    assert "E: estimado" in first
    measured = replace(bill_a().consumptions[0], history=tuple(
        replace(month, estimated=False) for month in bill_a().consumptions[0].history))  # fmt: skip
    first, *_ = pages(render_invoice(replace(bill_a(), consumptions=(measured,)), "es"))
    assert "E: estimado" not in first


def test_english_has_its_own_words_and_formats(pages):
    text = " ".join(pages(render_invoice(bill_a(), "en")))
    for part in ("€55.44", "Due on Monday 23 November 2026", "12% less than a year ago", "+€4.10 for consumption"):
        assert part in text
    assert "4.6 kW × 31 days × 27.704413 €/kW·year ÷ 365" in text
    assert "Vence" not in text


def test_argentine_bill_has_its_class_its_words_and_both_services(pages):
    text = " ".join(pages(render_invoice(bill_ar(), "es")))
    for part in (
        "Liquidación de servicios públicos",
        "B Cód. 018",
        "CESP N.º 76123456789012",
        "Vencimiento del CESP: 15 de diciembre de 2026",
        "IVA: Responsable inscripto",
        "$24.858,99",
        "Segundo vencimiento: 4 de diciembre de 2026, $25.480,46",
        "Código de pago: 0012 3400 5555 0001",
        "221 kWh",
        "18 m³ × 120,00 $/m³ 2.160,00",
        "Energía consumida, de 0 a 150 kWh 150 kWh × 52,10 $/kWh 7.815,00",
        "Cuota de capital (Asamblea 12/04/2025, acta 98) 500,00",
        "31 oct 2026, estimada: 898",
        "No existen deudas pendientes.",
        "Régimen de Transparencia Fiscal al Consumidor (Ley 27.743) IVA contenido $4.227,59",
        "Otros impuestos nacionales indirectos $0,00",
        "«Usted tiene derecho a reclamar una indemnización si le facturamos sumas o conceptos indebidos",
        "Medidores A-4412093, W-22871",
    ):
        assert part in text, part


def test_class_a_is_code_017_and_earlier_debts_are_listed(pages):
    bill = bill_ar()
    debts = (PriorDebt("B 00003-00001100", date(2026, 10, 20), D("18250.10")),)
    bill = replace(bill, argentina=replace(bill.argentina, letter="A"), prior_debts=debts)
    text = " ".join(pages(render_invoice(bill, "es")))
    assert "A Cód. 017" in text
    assert "B 00003-00001100, vencida el 20 de octubre de 2026: $18.250,10" in text
    assert "No existen deudas pendientes" not in text


def test_sixty_more_lines_and_very_long_names_flow_over_pages_with_header_and_count(pages):
    bill = long_bill()
    found = pages(render_invoice(bill, "es"))
    assert len(found) > 3
    whole = " ".join(found)
    for number in range(1, 61):
        assert f"aprobado por la asamblea, número {number} 0,00" in whole
    for index, page in enumerate(found, start=1):
        assert f"Página {index} de {len(found)}" in page
        assert "E-2026-000123" in page
    for word in bill.holder.name.split() + bill.holder.address[0].split():
        assert word in whole


def test_a_word_longer_than_its_column_is_cut_and_not_lost(pages):
    bill = replace(bill_a(), holder=replace(bill_a().holder, name="X" * 90))
    assert pages(render_invoice(bill, "es"))[0].replace(" ", "").count("X" * 90) == 1


def test_amount_and_currency_never_part():
    many = replace(bill_a(), change=replace(bill_a().change, difference=D("1234567.89"), reasons=()))
    text = pypdf.PdfReader(io.BytesIO(render_invoice(many, "es"))).pages[0].extract_text()
    assert any("1.234.567,89 €" in line for line in text.splitlines())
    assert not any(line.startswith("€") for line in text.splitlines())


def test_minimum_of_the_electricity_tax_is_explained(pages):
    """May 2026: 0.5 % of 42.07 = 0.21 is less than the minimum 0.245 MWh × 1 € = 0.25 (total 48.11)."""
    bill = bill_a()
    prices = {"social_bonus_financing": D("0.59")}
    lines = tuple(replace(line, amount=prices.get(line.concept, line.amount)) for line in bill.lines)
    taxes = (
        Tax("iee", D("42.07"), D("0.5"), D("0.25"), minimum_applied=True, quantity_mwh=D("0.245"), taxed_by=("iva",)),
        Tax("iva", D("43.74"), D(10), D("4.37")),
    )
    text = " ".join(pages(render_invoice(replace(bill, lines=lines, taxes=taxes, total=D("48.11"), change=None), "es")))
    assert "Mínimo legal por 0,245 MWh, mayor que 0,5 % de 42,07 € 0,25" in text
    assert "48,11 €" in text


def test_page_one_asks_for_the_first_instalment_and_names_the_others(pages):
    days = [date(2026 + month // 13, (month - 1) % 12 + 1, 23) for month in range(11, 17)]
    parts = tuple(DueDate(day, D("9.24")) for day in days)
    two = pages(render_invoice(replace(bill_a(), instalments=parts[:2]), "es"))[0]
    assert (
        "Primer plazo: 9,24 €, vence el lunes 23 de noviembre de 2026 Después, 9,24 €, 23 de diciembre de 2026" in two
    )
    assert "Vence el" not in two
    six = pages(render_invoice(replace(bill_a(), instalments=parts), "es"))[0]
    assert "Después, 5 plazos más, el último el 23 de abril de 2027" in six


def test_adjustments_stand_after_the_total_and_decide_what_is_asked(pages):
    refund = Adjustment("deposit_refund", D("-60.00"))
    text = " ".join(pages(render_invoice(replace(bill_a(), adjustments=(refund,)), "es")))
    in_order(
        text,
        "Nada que pagar: a su favor, 1–31 de octubre de 2026",
        "4,56 €",
        "Se descuenta de lo que deba y de sus próximas facturas",
        "Total 55,44 €",
        "Devolución de la fianza",
        "A su favor 4,56 €",
    )
    assert "Cómo pagar" not in text


def test_a_bill_without_consumption_or_payment_data_prints(pages):
    bill = replace(
        bill_a(), consumptions=(), payment=(), destination=(), comparator_url="", verification=None, change=None
    )
    first = pages(render_invoice(bill, "es"))[0]
    assert "55,44 €" in first
    assert "Consumo" not in first


def test_rectifying_invoice_says_which_and_why(pages):
    bill = replace(bill_a(), rectifies=("E-2026-000099",), rectification_reason="lectura corregida")
    first = pages(render_invoice(bill, "es"))[0]
    assert "Factura rectificativa" in first
    assert "Rectifica la factura E-2026-000099: lectura corregida" in first


def test_a_difference_says_what_was_billed_and_what_is_right_and_leaves_out_what_misleads(pages):
    """Quantities of a difference go both ways, so its summary has none; nor has it a surplus of nothing."""
    bill = bill_a()
    wrong = tuple(replace(line, quantity=-line.quantity, amount=-line.amount) for line in bill.lines if line.quantity)
    right = tuple(line for line in bill.lines if line.quantity)
    changed = replace(
        bill,
        lines=(*wrong, *right),
        taxes=(),
        total=D("0.00"),
        rectifies=("E-2026-000099", "R-2026-000001"),
        difference=True,
        corrects=(D("63.86"), D("60.34")),
        consumptions=(),
    )
    first = pages(render_invoice(changed, "es"))[0]
    assert "Rectifica las facturas E-2026-000099 y R-2026-000001" in first
    assert "Facturado hasta ahora: 63,86 €. Lo correcto: 60,34 €." in first
    assert "kW ×" not in first
    assert "Compensación de excedentes" not in first


def test_periods_of_a_home_have_their_names(pages):
    line = replace(bill_a().lines[0], period_name="peak")
    bill = replace(bill_a(), lines=(line, *bill_a().lines[1:]))
    assert "Potencia contratada, P1 (punta) 4,6 kW × 31 días" in " ".join(pages(render_invoice(bill, "es")))


def test_sewage_says_of_what_it_is_a_share(pages):
    def line(concept: str, amount: str, period: str = ""):
        return Line(concept, D(amount), "water", "water", period)

    water = (line("water_fixed", "2780.00"), line("water", "4846.85"), line("sewage", "3050.74", "40 %"))
    lines = (*(each for each in bill_ar().lines if each.service != "water"), *water)
    total = sum(each.amount for each in lines)
    bill = replace(bill_ar(), lines=lines, taxes=(), total=total)
    assert "Cloacas y saneamiento, 40 % 40 % de $7.626,85 3.050,74" in " ".join(pages(render_invoice(bill, "es")))


def test_without_register_readings_the_load_curve_gives_each_period(pages):
    bill = bill_a()
    curve = replace(bill.consumptions[0], readings=())
    notice = "Cooperativa ficticia de demostración: documento sin validez"
    first, second, *_ = pages(render_invoice(replace(bill, consumptions=(curve,), notice=notice), "es"))
    in_order(second, "Periodo tarifario, según la curva horaria", "P1 25 % 62", "P2 22 % 55", "P3 52 % 128")
    assert notice in first
    assert notice in second


def test_metadata_language_and_only_embedded_subset_fonts():
    reader = pypdf.PdfReader(io.BytesIO(render_invoice(bill_a(), "es")))
    assert reader.metadata.title == "Factura E-2026-000123 · Cooperativa Eléctrica Vallesol, S. Coop. V."
    assert reader.metadata.author == "Cooperativa Eléctrica Vallesol, S. Coop. V."
    assert reader.trailer["/Root"]["/Lang"] == "es-ES"
    drawn = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]
    named = {str(font["/BaseFont"]) for font in drawn}
    embedded = {str(font["/BaseFont"]) for font in drawn if "/FontFile2" in font.get("/FontDescriptor", {})}
    assert any("AcometidaSans-Regular" in name for name in embedded)
    assert named - embedded <= {"/Helvetica"}  # reportlab declares its initial font on every page; no text uses it


def test_markup_and_braces_in_data_are_printed_as_they_are(pages):
    name = "Bar {amount} **Paco** <b>& Hijos</b> %s"
    assert name in pages(render_invoice(replace(bill_a(), holder=replace(bill_a().holder, name=name)), "es"))[0]


def test_figures_that_do_not_add_up_are_refused():
    with pytest.raises(Invalid, match=r"E-2026-000123 cannot be printed.*sum to 55\.44 and its total says 55\.45"):
        render_invoice(replace(bill_a(), total=D("55.45")), "es")
    wrong = replace(bill_a().taxes[0], base=D("42.08"))
    with pytest.raises(Invalid, match=r"taxed by 'iee' sum to 42\.07 and the tax says its base is 42\.08"):
        render_invoice(replace(bill_a(), taxes=(wrong, bill_a().taxes[1])), "es")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"period_end": date(2026, 10, 1)}, "not after its start"),
        ({"jurisdiction": "ar"}, "no class and point of sale"),
        ({"issuer": replace(bill_a().issuer, brand_colour="green")}, "#RRGGBB"),
        ({"lines": (*bill_a().lines, Line("mystery", D(0)))}, "'mystery'"),
    ],
)
def test_what_cannot_be_printed_is_refused_by_name(change, message):
    with pytest.raises(Invalid, match=message):
        render_invoice(replace(bill_a(), **change), "es")


def test_a_language_without_catalogue_is_refused():
    with pytest.raises(Invalid, match="'fr'"):
        render_invoice(bill_a(), "fr")


PROGRAM = """
import hashlib
from services.billing.documents import render_certificate, render_invoice, render_statement
from tests.unit.billing.documents import samples
for document in (render_invoice(samples.bill_a(), "es"), render_invoice(samples.bill_ar(), "es"),
                 render_invoice(samples.long_bill(), "en"), render_certificate(samples.certificate_es(), "es"),
                 render_statement(samples.statement_es(), "es")):
    print(hashlib.sha256(document).hexdigest())
"""


def test_the_same_document_is_the_same_bytes_in_every_process():
    """Invoices are rendered once and reprinted for years; a repeat after a crash must give what was stored."""
    root = Path(__file__).parents[4]
    runs = []
    for seed, zone in (("0", "UTC"), ("1", "America/Argentina/Buenos_Aires"), ("4242", "Asia/Tokyo")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(root)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, cwd=root, capture_output=True, text=True, check=True
        )
        runs.append(done.stdout.split())
    assert len(set(runs[0])) == 5
    assert runs[0] == runs[1] == runs[2]


def test_documents_printed_in_several_threads_are_the_same():
    """Several people ask at once: the faces are shared, and reportlab reads them through one cursor."""
    alone = render_invoice(bill_a(), "es")
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: render_invoice(bill_a(), "es"), range(12))) == {alone}


def test_a_document_does_not_depend_on_those_printed_before_it():
    alone = render_invoice(bill_a(), "es")
    render_invoice(bill_ar(), "en")
    assert render_invoice(bill_a(), "es") == alone


def test_a_register_that_passed_zero_counts_what_was_used(pages):
    bill = bill_ar()
    over = replace(bill.consumptions[1].readings[0], start=D(99_995), end=D(13), used=D(18))
    water = replace(bill.consumptions[1], readings=(over,))
    text = " ".join(pages(render_invoice(replace(bill, consumptions=(bill.consumptions[0], water)), "es")))
    assert "30 sept 2026, real: 99.995 31 oct 2026, estimada: 13 18 m³" in text


def test_amounts_of_millions_stay_whole_in_the_summary_beside_the_shares(pages):
    bill = bill_ar()
    *others, quota = bill.lines
    more = D("98765432.10") - bill.total
    shares = (Share("energy", D("90000000.00")), Share("taxes", D("8765432.10")))
    rich = replace(
        bill,
        lines=(*others, replace(quota, amount=quota.amount + more)),
        total=bill.total + more,
        destination=shares,
    )
    first, *_ = pages(render_invoice(rich, "es"))
    in_order(first, "Resumen", "Total $98.765.432,10")
