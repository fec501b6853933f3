"""Every line is in exactly the bases that the table of the bill's lines says, whatever else is on the bill."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.adjustments import STATABLE, BillTerms, Discount, StatedLine
from services.billing.domain.planning import plan
from services.billing.domain.pricing import price
from services.billing.domain.rewards import INVITATION
from tests.unit.billing.examples import BLOCKS, FIXED, OCTOBER, book, energy, policy, spanish_supply
from tests.unit.billing.test_pricing_properties import DEMANDS, DISCOUNTS, SIX, SIX_VARH, SIX_WH, WH
from tests.unit.billing.test_services_argentina import METERED, bill_of, supply, water_close

BOTH, IVA_ALONE = ("iee", "iva"), ("iva",)
#: The table of the lines of a Spanish bill: in the base of the electricity tax and of IVA, or of IVA alone.
BASES = {
    "power": BOTH,
    "energy": BOTH,
    "excess_power": BOTH,
    "reactive": BOTH,
    "discount": BOTH,
    "invitation": BOTH,
    "surplus": BOTH,
    "management_fee": BOTH,
    "social_bonus_financing": IVA_ALONE,
    "meter_rental": IVA_ALONE,
    "connection_fee": IVA_ALONE,
    "other_service": IVA_ALONE,
}
STATED = st.lists(
    st.builds(StatedLine, st.sampled_from(sorted(STATABLE)), st.integers(1, 50_000).map(lambda cents: D(cents) / 100)),
    max_size=3,
    unique_by=lambda each: each.concept,
).map(tuple)


INVITED = st.integers(0, 500_000).map(lambda wh: (Discount(wh=wh, concept=INVITATION),))


@given(SIX_WH, SIX_VARH, DEMANDS, WH, DISCOUNTS, STATED, INVITED)
def test_each_line_of_a_spanish_bill_is_in_the_bases_of_its_concept(
    wh, varh, demand, export, discounts, stated, invited
):
    home = spanish_supply(powers=tuple((name, 20_000) for name in SIX), tariff="3.0TD", meter_rental="three_phase")
    product = {**FIXED, "energy": {name: f"0.{19 - place}" for place, name in enumerate(SIX)}, "surplus_price": "0.06"}
    found = replace(
        energy(export_wh=export, **dict(zip(SIX, wh, strict=True))),
        max_demand_w=dict(zip(SIX, demand, strict=True)),
        reactive_varh=dict(zip(SIX, varh, strict=True)),
    )
    terms = BillTerms(stated=stated, discounts=(*discounts, *invited))
    bill = price("s", OCTOBER, plan(home, OCTOBER, book(product)), [found], policy("es"), date(2026, 11, 2), terms)
    assert {line.concept for line in bill.lines} <= set(BASES)
    assert all(line.taxed_by == BASES[line.concept] for line in bill.lines)
    iee, iva = bill.taxes
    assert (iee.taxed_by, iva.taxed_by) == (IVA_ALONE, ())
    assert iee.base == sum(line.amount for line in bill.lines if BASES[line.concept] == BOTH)
    assert iva.base == sum(line.amount for line in bill.lines) + iee.amount


@given(st.integers(0, 60_000), st.sampled_from(["dwelling", "other"]), st.sampled_from(["consumer", "registered"]))
def test_each_line_of_an_argentine_bill_is_in_one_base_and_no_base_has_another(litres, use, condition):
    bill, _ = bill_of(supply(use, condition), [water_close(litres)], rows=(BLOCKS, METERED))
    assert all(len(line.taxed_by) == 1 for line in bill.lines)
    for tax in bill.taxes:
        assert tax.base == sum(line.amount for line in bill.lines if line.taxed_by == (tax.code,))
    assert sum(tax.base for tax in bill.taxes) == bill.net
