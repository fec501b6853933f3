"""Concepts decided by the assembly: dated, own or foreign, by month, by consumption or as a share."""

from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pytest

from services.billing.domain.concepts import Charged, concepts
from services.billing.domain.foreign import check
from services.billing.domain.supplies import Contract
from services.billing.rules import rules_of
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from services.chassis.profile import load_profile

OCTOBER = DatePeriod.month("2026-10")
HOME = Contract("c1", "1", date(2020, 1, 1), None, "residencial", "T1R")
SHOP = Contract("c2", "2", date(2020, 1, 1), None, "general", "T1G", use="other")
LIGHTING = {
    "code": "street_lighting",
    "on": "electricity",
    "account": "street_lighting",
    "foreign": True,
    "per_month": "1200.00",
    "iva": "outside",
    "approval": "Acta 88, punto 4",
    "approved_on": date(2025, 10, 30),
    "from": date(2026, 1, 1),
}


def electricity(*spans, amount="16171.40", used=221_000):
    return Charged("electricity", tuple(spans or [(HOME, OCTOBER)]), D(amount), used, "kwh")


def lines(rows, charged, foreign=True):
    found = concepts(rows, "concepts.toml").lines([charged], foreign=foreign)
    return [(each.line.concept, each.line.service, each.line.amount) for each in found]


def test_a_monthly_concept_is_whole_for_a_whole_month_and_prorated_for_a_part():
    assert lines([LIGHTING], electricity()) == [("street_lighting", "street_lighting", D("1200.00"))]
    part = electricity((HOME, DatePeriod(date(2026, 10, 22), date(2026, 11, 1))))
    assert lines([LIGHTING], part) == [("street_lighting", "street_lighting", D("387.10"))]  # 1,200 × 10/31


def test_own_and_foreign_are_told_apart():
    own = {**LIGHTING, "code": "works_fund", "foreign": False, "account": "electricity"}
    assert lines([LIGHTING, own], electricity(), foreign=False) == [("works_fund", "electricity", D("1200.00"))]
    assert [code for code, _, _ in lines([LIGHTING, own], electricity())] == ["street_lighting"]


def test_a_price_that_changes_inside_the_month_is_charged_by_days():
    before = {**LIGHTING, "to": date(2026, 10, 11)}
    after = {**LIGHTING, "from": date(2026, 10, 11), "per_month": "1500.00"}
    found = lines([before, after], electricity())
    assert [amount for _, _, amount in found] == [D("387.10"), D("1016.13")]  # 1,200 × 10/31 and 1,500 × 21/31


def test_two_contracts_of_one_month_are_charged_once():
    split = electricity(
        (HOME, DatePeriod(date(2026, 10, 1), date(2026, 10, 11))),
        (HOME, DatePeriod(date(2026, 10, 11), date(2026, 11, 1))),
    )
    assert lines([LIGHTING], split) == [("street_lighting", "street_lighting", D("1200.00"))]


def test_by_consumption_and_as_a_share():
    plain = {key: value for key, value in LIGHTING.items() if key != "per_month"}
    assert lines([{**plain, "per_unit": "1.35"}], electricity())[0][2] == D("298.35")  # 221 × 1.35
    assert lines([{**plain, "percent": "6"}], electricity())[0][2] == D("970.28")  # 6 % of 16,171.40


def test_only_the_uses_and_tariffs_named_pay():
    homes = {**LIGHTING, "uses": ["dwelling"]}
    shops = {**LIGHTING, "tariffs": ["T1G"]}
    assert lines([homes], electricity((SHOP, OCTOBER))) == []
    assert len(lines([shops], electricity((SHOP, OCTOBER)))) == 1
    assert lines([{**LIGHTING, "on": "water"}], electricity()) == []


def test_nothing_is_charged_on_days_without_a_row():
    assert lines([{**LIGHTING, "to": date(2026, 10, 1)}], electricity()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"approved_on": date(2026, 2, 1)}, "an assembly decides before"),
        ({"foreign": "yes"}, "must be true"),
        ({"per_unit": "1"}, "exactly one of"),
        ({"per_month": None, "percent": "1"}, "exactly one of|not a number"),
        ({"per_month": "-1"}, "less than zero"),
        ({"approval": ""}, "approval"),
        ({"per_month": 1.5}, "binary fraction"),
    ],
)
def test_a_wrong_row_is_named(change, words):
    with pytest.raises(Invalid, match=words):
        concepts([{**LIGHTING, **change}], "concepts.toml")


@pytest.mark.parametrize(
    ("change", "apart", "words"),
    [
        ({"on": "gas"}, True, "no product sells"),
        ({"iva": "reduced"}, True, "names the IVA rule 'reduced'"),
        ({}, False, "no documents apart"),
        ({"iva": "general"}, True, "Resolución SIC 267/2024.*RG 4892"),
        ({"iva": None}, True, "RG 4892"),
    ],
)
def test_a_concept_that_could_not_be_billed_is_refused_at_start(change, apart, words):
    row = {key: value for key, value in {**LIGHTING, **change}.items() if value is not None}
    taxes = frozenset({"general", "outside"})
    with pytest.raises(Invalid, match=words):
        check(concepts([row], "x"), frozenset({"electricity"}), taxes, frozenset({"outside"}), apart=apart)


def test_what_the_demonstration_decided_can_be_billed():
    rules = rules_of(load_profile(Path(__file__).resolve().parents[3] / "profiles" / "demo-ar"))
    assert set(rules.concepts.tables) == {"works_fund", "street_lighting", "capital_quota", "social_services"}
