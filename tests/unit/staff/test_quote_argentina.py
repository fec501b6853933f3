"""`coopctl bill quote` of an Argentine supply: worked bills to the cent, and a sentence for whatever is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.staff.quote_examples import Capture, amounts, asked, priced, without

BLOCKS = [{"up_to_kwh": "150", "price": "52.10"}, {"price": "68.40"}]
LIGHT: dict[str, Any] = {
    "service": "electricity",
    "kwh": "221",
    "prices": {"fixed_charge": "3500.00", "blocks": BLOCKS},
}
WATER: dict[str, Any] = {
    "service": "water",
    "m3": "22.5",
    "prices": {
        "fixed_charge": "4200.00",
        "blocks": [{"up_to_m3": "15", "price": "210.00"}, {"price": "320.00"}],
        "sewage": {"share": "0.40"},
    },
}
HOUSEHOLD: dict[str, Any] = {
    "jurisdiction": "ar",
    "from": "2026-09-30",
    "to": "2026-10-31",
    "accrual_date": "2026-11-02",
    "use": "dwelling",
    "tax_condition": "consumer",
    "services": [LIGHT],
}
SHOP = HOUSEHOLD | {"use": "other", "tax_condition": "registered"}


def light(**changes: Any) -> dict[str, Any]:
    return HOUSEHOLD | {"services": [LIGHT | changes]}


def light_prices(**changes: Any) -> dict[str, Any]:
    return light(prices=LIGHT["prices"] | changes)


def test_the_household_and_the_shop(tmp_path: Path, capsys: Capture) -> None:
    found = priced(tmp_path, capsys, HOUSEHOLD)
    assert amounts(found) == {
        "fixed_charge": "3500.00",
        "energy 0–150": "7815.00",
        "energy > 150": "4856.40",
        "iva": "3395.99",
        "total": "19567.39",
    }
    assert found["currency"] == "ARS"
    assert found["taxes"] == [{"tax": "iva", "base": "16171.40", "rate": "0.21", "amount": "3395.99"}]
    assert [line["in_vat_base"] for line in found["lines"]] == [True, True, True]
    assert priced(tmp_path, capsys, SHOP)["total"] == "20537.68"


@pytest.mark.parametrize(
    ("use", "condition", "rate"),
    [
        ("dwelling", "consumer", "0.21"),
        ("dwelling", "registered", "0.21"),
        ("other", "consumer", "0.21"),
        ("other", "registered", "0.27"),
        ("other", "monotributo", "0.27"),
        ("other", "exempt", "0"),
    ],
)
def test_iva_by_holder_and_use(tmp_path: Path, capsys: Capture, use: str, condition: str, rate: str) -> None:
    found = priced(tmp_path, capsys, HOUSEHOLD | {"use": use, "tax_condition": condition})
    assert [tax["rate"] for tax in found["taxes"]] == [rate]


def test_categories_price_the_whole_consumption(tmp_path: Path, capsys: Capture) -> None:
    found = amounts(priced(tmp_path, capsys, light_prices(algorithm="category")))
    assert (found["energy > 150"], "energy 0–150" in found) == ("15116.40", False)  # 221 × 68.40
    own = [{**BLOCKS[0], "fixed_charge": "2000.00"}, {**BLOCKS[1], "fixed_charge": "5000.00"}]
    by_category = light(prices={"blocks": own, "algorithm": "category"})
    assert amounts(priced(tmp_path, capsys, by_category))["fixed_charge"] == "5000.00"


def test_water_with_sewage_on_the_same_bill(tmp_path: Path, capsys: Capture) -> None:
    """15 m³ × 210 + 7.5 m³ × 320 = 5,550.00; with the charge 9,750.00, and 40 % of it for sewage."""
    found = priced(tmp_path, capsys, HOUSEHOLD | {"services": [WATER, LIGHT]})
    lines = [(line["concept"], line["quantity"], line["unit"], line["amount"]) for line in found["lines"]]
    assert lines[3:] == [
        ("water_fixed", None, None, "4200.00"),
        ("water", "15", "m³", "3150.00"),
        ("water", "7.5", "m³", "2400.00"),
        ("sewage", None, None, "3900.00"),
    ]
    assert found["total"] == "36083.89"  # (16,171.40 + 13,650.00) × 1.21


def test_unmetered_water_of_a_shop_has_another_rate(tmp_path: Path, capsys: Capture) -> None:
    tap = {"service": "water", "prices": {"monthly": "4200.00"}}
    found = priced(tmp_path, capsys, SHOP | {"services": [LIGHT, tap]})
    assert [(tax["rate"], tax["base"]) for tax in found["taxes"]] == [("0.21", "4200.00"), ("0.27", "16171.40")]
    assert all(line["in_vat_base"] for line in found["lines"])


def test_half_a_month_has_half_of_each_block(tmp_path: Path, capsys: Capture) -> None:
    found = priced(tmp_path, capsys, HOUSEHOLD | {"from": "2026-08-31", "to": "2026-09-15"})
    assert [line["quantity"] for line in found["lines"]] == [None, "75", "146"]


def test_concepts_of_the_assembly(tmp_path: Path, capsys: Capture) -> None:
    quote = HOUSEHOLD | {
        "concepts": [
            {"code": "works_fund", "on": "electricity", "per_month": "800.00"},
            {"code": "social_quota", "on": "electricity", "percent": "2", "iva": "exempt"},
            {"code": "meter_reading", "on": "electricity", "per_unit": "0.10", "iva": "outside"},
        ],
        "extra_lines": [{"concept": "connection_fee", "amount": "1500"}],
    }
    found = priced(tmp_path, capsys, quote)
    added = amounts(found)
    assert (added["works_fund"], added["social_quota 2 %"], added["meter_reading"]) == ("800.00", "323.43", "22.10")
    assert added["connection_fee"] == "1500.00"
    in_base = {line["concept"]: line["in_vat_base"] for line in found["lines"]}
    assert (in_base["works_fund"], in_base["meter_reading"]) == (True, False)
    assert [(tax["rate"], tax["base"]) for tax in found["taxes"]] == [("0", "323.43"), ("0.21", "18471.40")]


def test_an_accrual_date_before_the_bill_is_said(tmp_path: Path, capsys: Capture) -> None:
    priced(tmp_path, capsys, HOUSEHOLD | {"accrual_date": "2025-11-02"}, said="2025-11-02 is before 2026-10-01")


def test_the_table_for_people(tmp_path: Path, capsys: Capture) -> None:
    out, _ = asked(tmp_path, capsys, HOUSEHOLD | {"services": [LIGHT, WATER]})
    assert "68.4 $/kWh" in out and "320 $/m³" in out and out.rstrip().endswith("Total 36,083.89 ARS")


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        (HOUSEHOLD | {"tarif": "T1"}, "tarif is not a known field"),
        (HOUSEHOLD | {"taxcondition": "x"}, "taxcondition is not a known field; did you mean 'tax_condition'?"),
        (HOUSEHOLD | {"contracted_kw": {"P1": "4.6"}}, "contracted_kw is not a known field"),
        (without(HOUSEHOLD, "use"), "use is missing"),
        (without(HOUSEHOLD, "services"), "services is empty; give electricity, water or both"),
        (HOUSEHOLD | {"use": "shop"}, "use = 'shop' is not known; use one of dwelling, other"),
        (HOUSEHOLD | {"tax_condition": "RI"}, "use one of consumer, registered, monotributo, exempt"),
        (HOUSEHOLD | {"to": "2026-09-30"}, "is not after from"),
        (HOUSEHOLD | {"accrual_date": "1990-01-01"}, "says nothing for 1990-01-01"),
        (HOUSEHOLD | {"services": [LIGHT, LIGHT]}, "services[1].service = 'electricity' stands twice"),
        (light(service="gas"), "services[0].service = 'gas' is not known; use one of electricity, water"),
        (light(kwh="-1"), "services[0].kwh = '-1' is negative"),
        (
            light(kwh="221000000"),
            "services[0].kwh = '221000000' is more than any supply takes (10,000,000 kwh); check the unit.",
        ),
        (light(kwh=221.00000000000003), "as a binary fraction leaves them"),
        (light(kwh="2,5"), "services[0].kwh = '2,5' is not a number"),
        (light(m3="3"), "services[0].m3 = '3' cannot be billed: electricity is measured in kwh"),
        (light(unit="kWh"), "services[0].unit is not a known field"),
        (HOUSEHOLD | {"services": [without(LIGHT, "kwh")]}, "services[0].kwh is missing"),
        (HOUSEHOLD | {"services": [without(LIGHT, "prices")]}, "services[0].prices is missing"),
        (light_prices(block=[]), "services[0].prices.block is not a known field; did you mean 'blocks'?"),
        (light_prices(blocks=[]), "the last block must lack up_to_kwh"),
        (light_prices(blocks=BLOCKS[:1]), "the last block must lack up_to_kwh"),
        (light_prices(blocks=[BLOCKS[0], *BLOCKS]), "the blocks must rise"),
        (light_prices(blocks=[{"up_to_m3": "1", "price": "1"}]), "blocks[0].up_to_m3 is not a known field"),
        (light_prices(algorithm="steps"), "algorithm 'steps' is not known; use one of marginal, category"),
        (light_prices(months="13"), "months = '13' must be a whole number, 1 to 12"),
        (light_prices(sewage={"share": "0.4"}), "cannot be billed with electricity: it is a share of the water."),
        (light_prices(months="1.5"), "services[0].prices.months = '1.5' must be a whole number"),
        (light_prices(monthly="10"), "prices.fixed_charge = '3500.00' stands beside monthly"),
        (light(prices={"monthly": "10"}), "services[0].kwh = '221' cannot be billed: monthly is for what no meter"),
        (HOUSEHOLD | {"concepts": [{"code": "fund"}]}, "concepts[0].on is missing"),
        (HOUSEHOLD | {"concepts": [{"code": "fund", "on": "water", "per_month": "1"}]}, "use one of electricity"),
        (HOUSEHOLD | {"concepts": [{"code": "fund", "on": "electricity"}]}, "exactly one of per_month, per_unit"),
        (HOUSEHOLD | {"concepts": [{"code": "fund", "foreign": True}]}, "concepts[0].foreign is not a known field"),
        (
            HOUSEHOLD | {"concepts": [{"code": "fund", "on": "electricity", "per_month": "1", "iva": "halv"}]},
            "names the IVA rule 'halv'; use one of",
        ),
        (
            HOUSEHOLD | {"extra_lines": [{"concept": "conection_fee", "amount": "1"}]},
            "concept = 'conection_fee' is not known; did you mean 'connection_fee'?",
        ),
        (HOUSEHOLD | {"extra_lines": [{"concept": "meter_rental", "amount": "1"}]}, "use one of connection_fee"),
        (
            HOUSEHOLD | {"services": [WATER], "extra_lines": [{"concept": "connection_fee", "amount": "1"}]},
            "extra_lines needs electricity",
        ),
    ],
)
def test_each_is_named(tmp_path: Path, capsys: Capture, quote: dict[str, Any], words: str) -> None:
    out, said = asked(tmp_path, capsys, quote, "--json", code=1)
    assert out == ""
    assert words in said.replace("\n", " ")
    assert said.rstrip().endswith((".", "?"))


def test_a_curve_is_refused(tmp_path: Path, capsys: Capture) -> None:
    _, said = asked(tmp_path, capsys, json.dumps(HOUSEHOLD), "--curve", "none.csv", code=1)
    assert "--curve cannot be used with jurisdiction 'ar'" in said.replace("\n", " ")
