"""What tax offices and the regulator want on paper: codes of the right size and content, bars, tables, words."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal as D

import pypdf
import pytest
import segno

from services.billing.documents import fiscal_marks, invoice_summary, marks, render_invoice
from services.billing.documents.model import ArgentineFiscal, Change, ChangeReason, Coverage, Share
from services.billing.domain.fiscal import interleaved
from tests.unit.billing.documents.samples import BARS, bill_a, bill_ar

MILLIMETRE = 72 / 25.4


def drawn(document: bytes) -> list[str]:
    """The drawing operators of each page."""
    return [page.get_contents().get_data().decode("latin-1") for page in pypdf.PdfReader(io.BytesIO(document)).pages]


def side_of(page: str, operators: str) -> float:
    """The printed side of a code in points: its modules times the scale they are drawn at."""
    before = page[: page.index(operators)]
    scale = [line for line in before.splitlines() if line.endswith(" cm")][-1].split()
    modules = max(int(run.split()[0]) + int(run.split()[2]) for run in re.findall(r"\d+ \d+ \d+ 1(?= re)", operators))
    return modules * float(scale[0])


@pytest.mark.parametrize("which", ["tax_code", "comparator"])
def test_both_codes_are_on_page_one_of_the_prescribed_size(which):
    """30 to 40 mm for the tax office's, at least 3 cm for the comparator's, without the white around them."""
    bill = bill_a()
    url = bill.tax_code.url if which == "tax_code" else bill.comparator_url
    operators, _ = marks._modules(url)
    first, *rest = drawn(render_invoice(bill, "es"))
    assert first.count(operators) == 1
    assert not any(operators in page for page in rest)
    assert 30 <= side_of(first, operators) / MILLIMETRE <= 40


@pytest.mark.parametrize(("long", "level"), [(False, "M"), (True, "L")])
def test_runs_drawn_are_the_modules_of_the_code(long, level):
    url = bill_a().comparator_url if long else bill_a().tax_code.url
    operators, size = marks._modules(url)
    code = segno.make(url, micro=False, error=level, boost_error=False, mask=3)
    assert (code.error, size) == (level, len(code.matrix))
    cells = [[0] * size for _ in range(size)]
    for run in re.findall(r"(\d+) (\d+) (\d+) 1 re", operators):
        x, y, length = map(int, run)
        for column in range(x, x + length):
            cells[size - 1 - y][column] = 1
    assert cells == [list(row) for row in code.matrix]


def test_the_tax_offices_words_stand_around_its_code_on_page_one_only(pages):
    first, *rest = pages(render_invoice(bill_a(), "en"))
    assert "QR tributario:" in first and "VERI*FACTU" in first  # the law's words, whatever the reader's language
    assert not any("VERI*FACTU" in page for page in rest)
    assert "CNMC comparator" in first
    without = pages(render_invoice(replace(bill_a(), tax_code=None), "es"))
    assert "QR tributario" not in " ".join(without)
    assert "En qué se va el importe" in without[0]


def test_the_codes_sides_are_those_of_the_rules():
    assert 30 <= fiscal_marks.SIDE / MILLIMETRE <= 40
    assert invoice_summary._COMPARATOR / MILLIMETRE >= 30


def test_shares_of_the_money_go_to_the_detail_when_page_one_has_two_codes(pages):
    first, second, _ = pages(render_invoice(bill_a(), "es"))
    assert "En qué se va el importe" not in first
    assert "En qué se va el importe" in second and "Redes (peajes) 13,31 € 24 %" in second


def test_the_origin_of_the_electricity_is_printed_where_it_is_known(pages):
    text = " ".join(pages(render_invoice(bill_a(), "es")))
    for part in (
        "Origen de la electricidad de 2025",
        "Renovable 91,2 % 56 %",
        "Carbón 1,5 %",
        "0,02 kg/kWh; la media del país es 0,11",
        "Publicado por: CNMC",
    ):
        assert part in text, part
    assert "Origen de la electricidad" not in " ".join(pages(render_invoice(replace(bill_a(), origin=None), "es")))


def test_the_code_of_a_public_services_bill_stands_with_its_bars_at_the_foot_of_page_one(pages):
    document = render_invoice(bill_ar(), "es")
    bars, _ = interleaved.bars(BARS)
    operators = " ".join(f"{start} 0 {wide} 1 re" for start, wide in bars)
    assert operators in drawn(document)[0]
    first = pages(document)[0]
    assert "CESP N.º 76123456789012" in first and BARS in first
    assert "Código de prueba" not in first


def test_a_code_of_the_sandbox_says_so(pages):
    bill = replace(bill_ar(), argentina=replace(bill_ar().argentina, sandbox=True))
    assert "Código de prueba: no autoriza nada" in pages(render_invoice(bill, "es"))[0]


def test_the_code_stays_on_page_one_under_a_notice_two_due_dates_and_the_reasons_of_a_change(pages):
    bill = bill_ar()
    reasons = (ChangeReason("consumption", D("745.28")), ChangeReason("taxes", D("156.51")))
    light, water = bill.consumptions
    full = replace(
        bill,
        consumptions=(replace(light, coverage=Coverage(744, 744, 0)), water),
        argentina=replace(bill.argentina, sandbox=True),
        change=Change(date(2026, 9, 1), D("901.79"), reasons),
        destination=(Share("energy", D("16171.40")), Share("water", D("3960.00")), Share("taxes", D("4227.59"))),
    )
    first = pages(render_invoice(full, "es"))[0]
    assert "901,79" in first and "En qué se va el importe" in first and BARS in first


def test_transparency_is_for_consumers(pages):
    heading = replace(bill_ar().argentina, letter="A", contained_iva=D(0))
    assert "Transparencia" not in " ".join(pages(render_invoice(replace(bill_ar(), argentina=heading), "es")))


def test_a_document_apart_is_no_invoice(pages):
    """Concepts alien to the service (Res. SIC 267/2024) go apart, under letter X and no code."""
    text = " ".join(pages(render_invoice(replace(bill_ar(), argentina=ArgentineFiscal("X", 3)), "es")))
    assert "Conceptos ajenos al servicio" in text and "X Documento no válido como factura" in text
    assert "quien paga la factura del servicio lo conserva aunque no pague este documento" in text
    for part in ("Cód.", "CESP", "Transparencia", "Liquidación de servicios públicos"):
        assert part not in text, part


def test_another_sale_carries_the_qr_of_its_cae(pages):
    """RG 4892: an invoice of class B for works, authorised by CAE."""
    url = "https://www.afip.gob.ar/fe/qr/?p=eyJ2ZXIiOjF9"
    heading = ArgentineFiscal(
        "B", 5, "70417054367476", date(2026, 11, 13), D("267.30"), authority="CAE", voucher="006", qr_url=url
    )
    document = render_invoice(replace(bill_ar(), argentina=heading), "es")
    text = " ".join(pages(document))
    for part in ("Factura B 00003-00001234", "Cód. 006", "CAE N.º 70417054367476", "www.afip.gob.ar/fe/qr/"):
        assert part in text, part
    operators, _ = marks._modules(url)
    assert any(operators in page for page in drawn(document))
