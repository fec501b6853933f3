"""The electricity tax on a share of its base, for the uses with 85 % less: printed, and the sum that it is a share of."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from io import BytesIO

import pytest
from pypdf import PdfReader

from services.billing.documents import render_invoice
from services.billing.papers.invoice import invoice_document
from services.billing.papers.invoice_papers import InvoicePapers
from services.billing.rules import rules_of
from services.chassis.errors import Invalid
from services.chassis.profile import load_profile
from tests.unit.billing.examples import spanish_bill, spanish_supply
from tests.unit.billing.test_papers import PROFILES, issued

RULES = rules_of(load_profile(PROFILES / "demo-es"))


def papers_of(use: str) -> InvoicePapers:
    supply = spanish_supply(electricity_tax=use)
    return InvoicePapers(*issued(spanish_bill(supply=supply, issued=date(2026, 11, 3)), supply), (), None)


def test_fifteen_percent_of_the_base_is_printed_with_what_it_is_of():
    """15 % of 42.07 is 6.31, and 5.11269632 % of it 0.32."""
    document, language = invoice_document(papers_of("listed_use"), RULES)
    document.check()
    iee = document.taxes[0]
    assert (iee.share, iee.base, iee.amount) == (D("0.15"), D("6.31"), D("0.32"))
    pages = PdfReader(BytesIO(render_invoice(document, language))).pages
    text = " ".join(" ".join(page.extract_text().split()) for page in pages)
    assert "5,11269632 % de 6,31 €, el 15 % de la base que tributa" in text


@pytest.mark.parametrize("use", ["", "irrigation", "industrial_plant"])
def test_the_other_uses_are_taxed_on_all_of_it(use: str):
    document, _ = invoice_document(papers_of(use), RULES)
    document.check()
    assert (document.taxes[0].share, document.taxes[0].base) == (D(1), D("42.07"))


@pytest.mark.parametrize(("use", "base"), [("listed_use", "6.33"), ("listed_use", "42.07"), ("", "42.06")])
def test_a_base_that_is_not_its_lines_is_not_printed(use: str, base: str):
    document, _ = invoice_document(papers_of(use), RULES)
    iee, iva = document.taxes
    with pytest.raises(Invalid, match=f"'iee' sum to 42.07 and the tax says its base is {base}"):
        replace(document, taxes=(replace(iee, base=D(base)), iva)).check()


def test_of_a_difference_the_share_may_be_a_cent_off():
    """0.15 × 42.07 = 6.3105 and 0.15 × 42.10 = 6.315 are 6.31 and 6.32 printed: a difference of 0.03 has a base of 0.01."""
    document, _ = invoice_document(papers_of("listed_use"), RULES)
    iee, iva = document.taxes
    replace(document, taxes=(replace(iee, base=D("6.32")), iva)).check()
