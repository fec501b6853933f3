"""The accessible form of an invoice says what its PDF says: every word and every figure, and in the same order."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal as D
from itertools import chain

import pypdf
import pytest

from services.billing.documents import chart, read_invoice, render_invoice
from services.billing.documents.figures import figures
from services.billing.documents.model import Adjustment, InvoiceDocument
from services.billing.documents.transcript import Said
from tests.unit.billing.documents.samples import bill_a, bill_ar, long_bill

#: Drawn around the content of every page, and the words of a legend that the table of months needs not.
RUNNING = {"es": "Página de · Meses anteriores", "en": "Page of · Earlier months"}


def rectifying() -> InvoiceDocument:
    bill = bill_a()
    return replace(
        bill, rectifies=("E-2026-000122",), rectification_reason="medidas corregidas de 250 kWh a 245 kWh", change=None
    )


def nothing_to_pay() -> InvoiceDocument:
    refund = Adjustment("deposit_refund", -D("55.44"))
    return replace(bill_a(), adjustments=(refund,))


@pytest.mark.parametrize(
    ("document", "language"),
    [
        (bill_a(), "es"),
        (bill_a(), "en"),
        (bill_ar(), "es"),
        (long_bill(), "es"),
        (rectifying(), "es"),
        (nothing_to_pay(), "es"),
    ],
    ids=["bill A", "in English", "Argentina", "long", "rectifying", "nothing to pay"],
)
def test_every_word_and_figure_of_the_pdf_is_said(document: InvoiceDocument, language: str) -> None:
    printed = pypdf.PdfReader(io.BytesIO(render_invoice(document, language)))
    words = " ".join(page.extract_text() for page in printed.pages).split()
    told = read_invoice(document, language)
    spoken = set(" ".join(chain.from_iterable(piece.texts for piece in told)).split())
    around = {
        *RUNNING[language].split(),
        *map(str, range(1, len(printed.pages) + 1)),
        *document.issuer.registry.split(),
    }
    around |= {word for piece in _axes(document, language) for word in piece.split()}
    unsaid = [word for word in words if word not in spoken | around and not word.endswith("…")]  # the running header
    assert words and unsaid == []


def _axes(document: InvoiceDocument, language: str) -> list[str]:
    """What is written along the pictures: grids, months under bars too narrow for their names, scales and gaps."""
    exact = "es-AR" if document.jurisdiction == "ar" else language
    f = figures(exact.replace("-", "_"), document.currency)
    found = []
    for consumption in document.consumptions:
        known = [month.quantity for month in consumption.history if month.quantity is not None]
        found += [f.number(level.normalize() + 0) for level in chart.grid(max(known, default=D(0)))]
    # The letters of the two scales of harm, and the E over an estimated bar.
    return [*found, *"ABCDEFG–", *("FMAJSOND" if len(document.consumptions) > 1 else "")]


def test_estimated_and_unknown_months_are_told_in_words() -> None:
    told = [piece.texts for piece in read_invoice(bill_ar(), "es")]
    assert ("feb 2026", "20 · E: estimado") in told
    assert ("abr 2026", "sin datos") in told
    printed = pypdf.PdfReader(io.BytesIO(render_invoice(bill_ar(), "es"))).pages[0].extract_text()
    assert printed.count("sin datos") == 1, "what the dash in the place of a bar means"
    assert ("oct 2026", "18 · Mes facturado") in told


def test_codes_and_links_lead_where_those_of_the_paper_do() -> None:
    document = bill_a()
    told = read_invoice(document, "es")
    assert document.tax_code is not None
    assert Said("picture", ("QR tributario: VERI*FACTU",), document.tax_code.url) in told
    assert [piece.texts for piece in told if piece.url == document.comparator_url] == [("Comparador de la CNMC",)]


def test_tables_have_heads_and_cards_headings() -> None:
    told = read_invoice(bill_a(), "es")
    assert ("Concepto", "Cálculo", "Importe") in [piece.texts for piece in told if piece.kind == "head"]
    assert ("NIF", "12345678Z") in [piece.texts for piece in told if piece.kind == "pair"]
    assert any(piece.texts[-1] == "12,15" for piece in told if piece.kind == "row")
    headings = [piece.texts[0] for piece in told if piece.kind == "heading"]
    assert headings[:5] == [
        "A pagar, 1–31 de octubre de 2026",
        "Cómo pagar",
        "Ana María Peña Ibáñez",
        "Suministro",
        "Consumo",
    ]
    assert headings[5:8] == ["Resumen", "Comparar esta factura", "Detalle"]
    assert [piece.texts[0].replace("\N{NO-BREAK SPACE}", " ") for piece in told if piece.kind == "strong"] == [
        "55,44 €",
        "Vence el lunes 23 de noviembre de 2026",
    ]
