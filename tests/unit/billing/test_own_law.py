"""A cooperative's own rows in law.toml: they hold on their days, the release's before and after, and bills carry them."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pytest

from services.billing.domain.planning import plan
from services.billing.domain.pricing import price
from services.billing.evidence.rule_set import in_force, rule_set
from services.billing.jurisdictions import jurisdiction
from services.billing.jurisdictions.country import Jurisdiction
from services.billing.jurisdictions.es.tables import SpanishTables
from services.chassis.errors import Invalid
from tests.unit.billing.examples import BILL_A, OCTOBER, amounts, argentine_supply, book, energy, spanish_supply

LOWERED = """
[[electricity_tax.rate]]
from = 2026-11-01
to = 2026-12-01
source = "RDL 25/2026 (BOE-A-2026-20265), IPC de la electricidad de septiembre de 2026"
percent = "0.5"
minimum_per_mwh = "1"
reduced_minimum_per_mwh = "0.5"

[[iva.electricity]]
from = 2026-11-01
to = 2026-12-01
source = "RDL 25/2026 (BOE-A-2026-20265), IPC de la electricidad de septiembre de 2026"
percent = "21"
reduced = "10"
reduced_up_to_w = 10000
"""
FINANCING = """
[[regulated.social_bonus_financing]]
from = 2024-01-01
to = 2025-01-01
source = "Orden ministerial de 2024, leída por la oficina"
per_year = "2.299047"
"""


def country(tmp_path: Path, content: str, code: str = "es") -> Jurisdiction:
    own = tmp_path / "law.toml"
    own.write_text(content, encoding="utf-8")
    return jurisdiction(code, {}, own)


def bill_a(spain: Jurisdiction, accrual: date) -> dict[str, D]:
    segments = plan(spanish_supply(), OCTOBER, book())
    return amounts(price("s", OCTOBER, segments, [BILL_A], spain.policy, accrual))


def test_the_taxes_of_november_and_december_2026(tmp_path: Path):
    """Bill A with 0.5 % and 10 %: 0.21 is below the least tax of 0.25; 43.92 and 10 % of it. December is general again."""
    lowered = country(tmp_path, LOWERED)
    november = bill_a(lowered, date(2026, 11, 30))
    assert (november["iee"], november["iva"], november["total"]) == (D("0.25"), D("4.39"), D("48.31"))
    for accrual in (date(2026, 10, 31), date(2026, 12, 1)):
        assert bill_a(lowered, accrual) == bill_a(jurisdiction("es"), accrual)


def test_days_that_the_release_does_not_know(tmp_path: Path):
    """Rows before the first of a table add to it: January 2024 can be billed, 31 of 366 days of 2.299047."""
    spain = country(tmp_path, FINANCING)
    january = plan(spanish_supply(), period := OCTOBER.month("2024-01"), book())
    bill = price("s", period, january, [energy(P1=1)], spain.policy, date(2025, 2, 3))
    assert amounts(bill)["social_bonus_financing"] == D("0.19")


def test_invoices_carry_the_rows_that_they_were_calculated_by(tmp_path: Path):
    """What is left of a row of the release ends where the own one begins, and begins where it ends."""
    content = json.loads(rule_set(country(tmp_path, LOWERED)).content)
    rates = in_force(content, date(2026, 10, 1), date(2027, 1, 1), date(2026, 11, 2))["tables"]["rate"]
    assert sorted((row["from"], row.get("to"), row["percent"]) for row in rates) == [
        ("2026-06-01", "2026-11-01", "5.11269632"),
        ("2026-11-01", "2026-12-01", "0.5"),
        ("2026-12-01", None, "5.11269632"),
    ]


def test_a_row_of_one_tariff_leaves_the_others_alone(tmp_path: Path):
    losses = """
[[losses.loss]]
tariff = "2.0TD"
from = 2026-03-01
source = "una prueba"
percent = { P1 = "1", P2 = "2", P3 = "3" }
"""
    tables = SpanishTables(country(tmp_path, losses).law).losses
    assert tables["2.0TD"].at(date(2026, 2, 28))["P1"] == D("0.167")
    assert tables["2.0TD"].at(date(2027, 6, 1))["P1"] == D("0.01")
    assert tables["3.0TD"].at(date(2026, 3, 1))["P1"] == D("0.166")


def test_argentine_rules_keep_their_order(tmp_path: Path):
    """The first rule that takes a line decides: one whose every day is replaced stays where it was."""
    registered = """
[[iva.rule]]
name = "metered supply outside dwellings"
services = ["electricity", "water"]
uses = ["other"]
tax_conditions = ["registered", "monotributo"]
metered = true
from = 1997-01-01
source = "una prueba"
percent = "30"
"""
    (segment,) = plan(argentine_supply("other", "registered"), OCTOBER, book())
    policy = country(tmp_path, registered, "ar").policy
    bill = price("s", OCTOBER, [segment], [energy(P1=221_000)], policy, date(2026, 11, 2))
    assert [(tax.rate, tax.amount) for tax in bill.taxes] == [(D("0.3"), D("4851.42"))]  # of 16,171.40


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LOWERED.replace("[[iva.electricity]]", "[[iva.electricty]]"), r"did you mean \[\[iva.electricity\]\]\?"),
        (LOWERED.replace("[[iva.electricity]]", "[[rates]]"), r"write rows as \[\[file.table\]\]"),
        (LOWERED.replace("[[iva.electricity]]", "[iva.electricity]"), r"write each as \[\[iva.electricity\]\]"),
        (LOWERED.replace("reduced = ", "reduct = "), "law.toml, iva electricity.*reduct is not a known field"),
        (LOWERED.replace('source = "', 'sauce = "'), "source is missing"),
        (LOWERED.replace('percent = "21"', 'percent = "2100"'), "percent = 2100 is no percentage; give 0 to 100"),
        (LOWERED.replace('reduced = "10"', 'reduced = "-10"'), "reduced = -10 is no percentage"),
        (LOWERED.replace('_mwh = "1"', '_mwh = "-1"'), "minimum_per_mwh = -1 is less than zero"),
        (LOWERED.replace("to = 2026-12-01", "to = 2026-10-01"), "ends on 2026-10-01, not after it starts"),
        (LOWERED + LOWERED.replace("to = 2026-12-01\n", ""), "overlaps the row from 2026-11-01"),
        (FINANCING.replace("to = 2025-01-01", "to = 2024-12-31"), "no row covers 2024-12-31 to 2025-01-01"),
        ("[[", "cannot be read as TOML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: str, words: str):
    with pytest.raises(Invalid, match=words):
        country(tmp_path, content)


def test_most_cooperatives_have_no_such_file(tmp_path: Path):
    assert jurisdiction("es", {}, tmp_path / "law.toml").law.own == {}
