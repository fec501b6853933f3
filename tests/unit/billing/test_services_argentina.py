"""Several services on one bill: blocks by category, metered water and sewage, concepts of the assembly; both countries."""

from datetime import date
from decimal import Decimal as D

import pytest

from services.billing.domain.bill import Energy
from services.billing.domain.closes import Close
from services.billing.domain.concepts import NO_CONCEPTS, concepts
from services.billing.domain.foreign import foreign_bill
from services.billing.domain.planning import HeldBill, plan
from services.billing.domain.pricing import price
from services.billing.domain.supplies import Contract, Service, Supply
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import BLOCKS, OCTOBER, WATER, amounts, book, energy, policy
from tests.unit.billing.test_concepts_argentina import LIGHTING

ISSUED = date(2026, 11, 2)
QUARTER = DatePeriod(date(2026, 7, 1), date(2026, 10, 1))
METERED = {
    "code": "agua-medida",
    "kind": "blocks",
    "service": "water",
    "name": "Agua medida",
    "from": date(2025, 1, 1),
    "fixed_charge": "4200.00",
    "blocks": [{"up_to_m3": "15", "price": "210.00"}, {"price": "320.00"}],
    "sewage": {"share": "0.40"},
}
SPANISH_WATER = {
    **METERED,
    "fixed_charge": "6.40",
    "blocks": [{"up_to_m3": "12", "price": "0.42"}, {"price": "0.85"}],
    "sewage": {"share": "1", "price": "0.35"},
    "months": 3,
}
WORKS_FUND = {key: value for key, value in LIGHTING.items() if key != "iva"} | {
    "code": "works_fund",
    "foreign": False,
    "account": "electricity",
    "per_month": "800.00",
}


def water_close(litres, days=OCTOBER, meter="W1", **changes):
    values = {"initial": 100_000, "final": 100_000 + litres, "used": litres, "unit": "litre", "origin": "technician"}
    return Close(meter, "total", days, **{**values, **changes})


def supply(use="dwelling", condition="consumer", start=date(2020, 1, 1), services=("electricity", "water")):
    products = {"electricity": "residencial", "water": "agua-medida"}
    made = [
        Service(
            f"s-{kind}",
            kind,
            contracts=(Contract(kind, kind, start, None, products[kind], "T1R", use=use, tax_condition=condition),),
        )
        for kind in services
    ]
    return Supply("supply", "5555/1", "m", services=tuple(made))


def bill_of(found, closes, rows=(BLOCKS, METERED), period=OCTOBER, decided=NO_CONCEPTS, country="ar"):
    segments = plan(found, period, book(*rows))
    measured = [
        Energy(closes=tuple(closes)) if segment.by_register else energy(P1=221_000, hours=744) for segment in segments
    ]
    bill = price(found.id, period, segments, measured, policy(country), ISSUED, concepts=decided)
    return bill, list(zip(segments, measured, strict=True))


def test_spanish_water_worked_example():
    """A quarter: 6.40 + 12 m³ × 0.42 + 6 m³ × 0.85 + sewage 18 m³ × 0.35 = 22.84; IVA 10 % 2.28; 25.12."""
    bill, _ = bill_of(
        supply(services=["water"]), [water_close(18_000, QUARTER)], [SPANISH_WATER], QUARTER, country="es"
    )
    assert amounts(bill) == {
        "water_fixed": D("6.40"),
        "water 0–12": D("5.04"),
        "water > 12": D("5.10"),
        "sewage": D("6.30"),
        "iva": D("2.28"),
        "total": D("25.12"),
    }
    assert bill.net == D("22.84")


def test_a_quarterly_product_billed_by_months_charges_the_fee_by_month_and_the_water_when_it_is_read():
    """The fee of July is a third of 6.40; September's bill has the quarter's m³ over whole blocks."""
    july, september = DatePeriod.month("2026-07"), DatePeriod.month("2026-09")
    home = supply(services=["water"])
    assert amounts(bill_of(home, [], [SPANISH_WATER], july, country="es")[0])["water_fixed"] == D("2.13")
    last = bill_of(home, [water_close(18_000, QUARTER)], [SPANISH_WATER], september, country="es")[0]
    assert amounts(last)["water > 12"] == D("5.10")


def test_electricity_metered_water_and_sewage_on_one_bill():
    """15 m³ × 210 + 3 m³ × 320 = 4,110; sewage 40 % of 4,200 + 4,110."""
    bill, _ = bill_of(supply(), [water_close(18_000)])
    assert amounts(bill) == {
        "fixed_charge": D("3500.00"),
        "energy 0–150": D("7815.00"),
        "energy > 150": D("4856.40"),
        "water_fixed": D("4200.00"),
        "water 0–15": D("3150.00"),
        "water > 15": D("960.00"),
        "sewage 40 %": D("3324.00"),
        "iva": D("5839.13"),  # 21 % of 27,805.40
        "total": D("33644.53"),
    }
    assert bill.energy["electricity"].import_wh == 221_000
    assert bill.energy["water"].import_wh == 0 and bill.energy["water"].closes[0].used == 18_000


def test_metered_water_outside_dwellings_pays_27_percent():
    bill, _ = bill_of(supply("other", "registered"), [water_close(18_000)])
    assert [(tax.code, tax.rate) for tax in bill.taxes] == [("iva", D("0.27"))]


def test_two_meters_in_a_month_share_its_blocks():
    """10 m³ on the old meter until the 11th and 8 on the new one: 18 m³ over the month's one set of blocks."""
    first = water_close(10_000, DatePeriod(date(2026, 10, 1), date(2026, 10, 11)))
    second = water_close(8_000, DatePeriod(date(2026, 10, 11), date(2026, 11, 1)), "W2", initial=0, final=8_000)
    found = amounts(bill_of(supply(), [first, second])[0])
    assert (found["water 0–15"], found["water > 15"]) == (D("3150.00"), D("960.00"))


def test_water_counted_before_a_price_change_is_priced_as_of_its_days():
    """Read on 16 September and 16 October, 30 m³: 15 on September's days at 100, 15 on October's at 200."""
    old = {**METERED, "to": date(2026, 10, 1), "blocks": [{"price": "100"}], "sewage": {"share": "1"}}
    new = {**METERED, "from": date(2026, 10, 1), "blocks": [{"price": "200"}], "sewage": {"share": "1"}}
    days = DatePeriod(date(2026, 9, 16), date(2026, 10, 16))
    bill, _ = bill_of(supply(services=["water"]), [water_close(30_000, days)], [old, new])
    assert [(line.quantity, line.amount) for line in bill.lines if line.concept == "water"] == [
        (D("15"), D("1500.00")),
        (D("15"), D("3000.00")),
    ]


def test_prices_may_change_between_two_readings_of_a_month():
    """Read at the change of month, 31 m³; from 10 October 200 a m³ instead of 100: 9 m³ at the old price, 22 at the new one.
    The charges are 3,100 × 9 ÷ 31 and 6,200 × 22 ÷ 31. Sewage is half of what each part costs.
    """
    old = {**METERED, "to": date(2026, 10, 10), "fixed_charge": "3100", "blocks": [{"price": "100"}]}
    new = {**METERED, "from": date(2026, 10, 10), "fixed_charge": "6200", "blocks": [{"price": "200"}]}
    rows = [{**row, "sewage": {"share": "0.5"}} for row in (old, new)]
    found = supply(services=["water"])
    segments = plan(found, OCTOBER, book(*rows))
    measured = [Energy(), Energy(closes=(water_close(31_000),))]
    bill = price(found.id, OCTOBER, segments, measured, policy("ar"), ISSUED)
    assert [(line.concept, line.amount) for line in bill.lines] == [
        ("water_fixed", D("900.00")),
        ("sewage", D("450.00")),
        ("water_fixed", D("4400.00")),
        ("water", D("900.00")),
        ("water", D("4400.00")),
        ("sewage", D("4850.00")),
    ]
    with pytest.raises(HeldBill, match="between 2026-10-01 and 2026-11-01") as held:
        price(found.id, OCTOBER, segments, [Energy(), Energy()], policy("ar"), ISSUED)
    assert held.value.reason == "NO_READINGS"


def test_category_by_total_with_a_charge_of_its_own():
    by_category = {key: value for key, value in BLOCKS.items() if key != "fixed_charge"} | {
        "algorithm": "category",
        "blocks": [
            {"up_to_kwh": "150", "price": "52.10", "fixed_charge": "2000.00"},
            {"price": "68.40", "fixed_charge": "3500.00"},
        ],
    }
    bill, _ = bill_of(supply(services=["electricity"]), [], [by_category])
    assert amounts(bill) == {
        "fixed_charge": D("3500.00"),
        "energy > 150": D("15116.40"),
        "iva": D("3909.44"),
        "total": D("22525.84"),
    }


@pytest.mark.parametrize(
    ("closes", "start", "reason"),
    [
        ([], date(2020, 1, 1), "NO_READINGS"),
        ([water_close(5, unit="Wh")], date(2020, 1, 1), "WRONG_READINGS"),
        ([water_close(-5)], date(2020, 1, 1), "WRONG_READINGS"),
        ([water_close(5_000)], date(2026, 10, 10), "READINGS_BEFORE_CONTRACT"),
        ([water_close(5_000, DatePeriod(date(2024, 12, 1), date(2026, 11, 1)))], date(2020, 1, 1), "NO_PRICE"),
    ],
)
def test_readings_that_cannot_be_billed_hold_the_bill(closes, start, reason):
    with pytest.raises(HeldBill) as held:
        bill_of(supply(start=start), closes)
    assert held.value.reason == reason and held.value.contract_id == "water"


def test_own_concepts_are_on_the_bill_and_foreign_ones_on_a_document_apart():
    decided = concepts([LIGHTING, WORKS_FUND], "concepts.toml")
    bill, measured = bill_of(supply(), [water_close(18_000)], decided=decided)
    found = amounts(bill)
    assert found["works_fund"] == D("800.00") and "street_lighting" not in found
    assert next(line for line in bill.lines if line.concept == "works_fund").taxed_by == ("iva",)
    assert bill.sources == ("Acta 88, punto 4 (30/10/2025)",)
    apart = foreign_bill(bill, measured, policy("ar"), decided)
    assert amounts(apart) == {"street_lighting": D("1200.00"), "total": D("1200.00")}
    assert apart.lines[0].taxed_by == () and apart.lines[0].section == "foreign" and apart.sources
    assert foreign_bill(bill, measured, policy("ar"), concepts([WORKS_FUND], "x")) is None


def test_a_foreign_share_is_of_the_service_without_other_concepts():
    share = {key: value for key, value in LIGHTING.items() if key != "per_month"} | {"percent": "10"}
    decided = concepts([share, WORKS_FUND], "concepts.toml")
    bill, measured = bill_of(supply(), [water_close(18_000)], decided=decided)
    assert amounts(foreign_bill(bill, measured, policy("ar"), decided))["street_lighting 10 %"] == D("1617.14")


@pytest.mark.parametrize(
    ("iva", "use", "condition", "taxes"),
    [
        ("general", "other", "registered", [("iva", D("0.21"), D("252.00"))]),
        ("half", "dwelling", "consumer", [("iva", D("0.105"), D("126.00"))]),
        ("exempt", "dwelling", "consumer", [("iva", D("0"), D("0.00"))]),
        ("outside", "dwelling", "consumer", []),
        ("", "other", "registered", [("iva", D("0.27"), D("324.00"))]),
        ("", "dwelling", "consumer", [("iva", D("0.21"), D("252.00"))]),
    ],
)
def test_iva_of_a_concept(iva, use, condition, taxes):
    decided = concepts([{**LIGHTING, "iva": iva} if iva else {k: v for k, v in LIGHTING.items() if k != "iva"}], "x")
    bill, measured = bill_of(supply(use, condition), [water_close(18_000)], decided=decided)
    apart = foreign_bill(bill, measured, policy("ar"), decided)
    assert [(tax.code, tax.rate, tax.amount) for tax in apart.taxes] == taxes


def test_an_own_concept_at_another_rate_is_a_second_tax_on_the_bill():
    decided = concepts([{**WORKS_FUND, "iva": "half"}], "x")
    bill, _ = bill_of(supply(services=["electricity"]), [], decided=decided)
    assert [(tax.code, tax.base, tax.amount) for tax in bill.taxes] == [
        ("iva-10.5", D("800.00"), D("84.00")),
        ("iva-21", D("16171.40"), D("3395.99")),
    ]


def test_an_unknown_tax_of_a_concept_holds_the_bill():
    with pytest.raises(HeldBill, match="names the IVA rule 'reduced'"):
        bill_of(supply(), [water_close(1)], decided=concepts([{**WORKS_FUND, "iva": "reduced"}], "x"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"algorithm": "steps"}, "algorithm 'steps'"),
        ({"months": 0}, "months = 0"),
        ({"months": "3"}, "months = '3'"),
        ({"service": "gas"}, "service 'gas'"),
        ({"blocks": [{"up_to_kwh": "12", "price": "1"}, {"price": "2"}]}, "up_to_kwh"),
        ({"blocks": [{"price": "1", "fixed_charge": "2"}]}, "fixed_charge by block"),
        ({"sewage": "0.4"}, "sewage"),
        ({"sewage": {"share": "0"}}, "share above 0"),
        ({"kind": "flat"}, "blocks is for a product of kind blocks, and this one is flat"),
        ({"fixed_chage": "1"}, "fixed_chage is not a known field; did you mean 'fixed_charge'"),
        ({"fixed_charge": "-1"}, "fixed_charge = -1 is less than zero"),
        ({"blocks": [{"price": "-1"}]}, "the price of a block, -1, is less than zero"),
    ],
)
def test_a_wrong_product_is_named(change, words):
    with pytest.raises(Invalid, match=words):
        book({**METERED, **change})


def test_sewage_of_what_no_meter_counts_has_no_price_per_m3():
    flat = {**WATER, "sewage": {"share": "1", "price": "1"}}
    with pytest.raises(Invalid, match="only where water is metered"):
        book(flat)
