"""Promotional codes: what a contract that names one pays, who may name it, and what is wrong in a price book."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest

from services.billing.domain.bill import Bill
from services.billing.domain.planning import HeldBill, plan
from services.billing.domain.pricing import price
from services.billing.domain.products import PriceBook, price_book
from services.chassis.errors import Invalid
from tests.unit.billing.examples import FIXED, OCTOBER, energy, policy, spanish_supply

SUMMER: dict[str, Any] = {
    "code": "VERANO26",
    "from": date(2026, 6, 1),
    "to": date(2026, 9, 1),
    "source": "acta 5",
    "products": ["fija"],
    "discounts": [{"months": 3, "percent": "20"}, {"months": 2, "percent": "10"}],
}
PRODUCT = {**FIXED, "energy": {"P1": "0.14"}, "discounts": [{"percent": "5"}]}


def book(promotion: Mapping[str, Any] = SUMMER, *others: Mapping[str, Any]) -> PriceBook:
    return price_book([PRODUCT], "products.toml", [promotion, *others])


def bill(start: date, code: str = "VERANO26", prices: PriceBook | None = None) -> Bill:
    """October of 1,500 kWh at 0.14, an energy term of 210.00, of a contract that began on a day."""
    segments = plan(spanish_supply(start=start, promotion_code=code), OCTOBER, prices or book())
    found = [energy(P1=1_500_000 * each.days.days // 31) for each in segments]
    return price("s", OCTOBER, segments, found, policy("es"), date(2026, 11, 3))


def discounts(found: Bill) -> list[D]:
    return [line.amount for line in found.lines if line.concept == "discount"]


@pytest.mark.parametrize(
    ("start", "code", "expected"),
    [
        (date(2026, 8, 1), "VERANO26", ["-42.00"]),  # the third month: 20 %
        (date(2026, 7, 1), "VERANO26", ["-21.00"]),  # the fourth: 10 %
        (date(2026, 6, 1), "VERANO26", ["-21.00"]),  # the fifth
        (date(2026, 6, 1), "", ["-10.50"]),  # what the product promises to everybody
        (date(2026, 8, 31), "VERANO26", ["-42.00"]),
    ],
)
def test_a_code_takes_the_place_of_what_the_product_promises(start: date, code: str, expected: list[str]):
    found = bill(start, code)
    assert discounts(found) == [D(amount) for amount in expected]
    assert all(line.taxed_by == ("iee", "iva") for line in found.lines if line.concept == "discount")


def test_after_its_last_month_a_code_gives_nothing():
    """Five months end inside October: 16 of its 31 days, whose kWh metering gives, still have 10 %."""
    short = {**SUMMER, "from": date(2026, 5, 1)}
    found = bill(date(2026, 5, 17), prices=book(short))
    assert discounts(found) == [D("-10.84")]  # 774.193 kWh cost 108.39
    assert [line.days for line in found.lines if line.concept == "power"] == [31, 31]


@pytest.mark.parametrize(
    ("start", "code", "words"),
    [
        (date(2026, 7, 1), "VERANO27", "'VERANO27', which is not in the price book, which has VERANO26"),
        (
            date(2026, 5, 31),
            "VERANO26",
            "begin from 2026-06-01 on and before 2026-09-01, and this one began on 2026-05-31",
        ),
        (date(2026, 9, 1), "VERANO26", "and this one began on 2026-09-01"),
    ],
)
def test_whoever_may_not_name_it_is_held(start: date, code: str, words: str):
    with pytest.raises(HeldBill, match=words) as held:
        bill(start, code)
    assert held.value.reason == "NO_PROMOTION"


def test_a_code_goes_with_its_products():
    plain = {**PRODUCT, "code": "plana"}
    prices = price_book([PRODUCT, plain], "products.toml", [{**SUMMER, "products": ["plana"]}])
    with pytest.raises(HeldBill, match="goes with plana, and this one has fija"):
        bill(date(2026, 7, 1), prices=prices)
    assert discounts(bill(date(2026, 7, 1), prices=book({**SUMMER, "products": []}))) == [D("-21.00")]


def test_the_source_of_what_is_billed_names_it():
    (segment,) = plan(spanish_supply(start=date(2026, 8, 1), promotion_code="VERANO26"), OCTOBER, book())
    assert segment.source == "price book; VERANO26: acta 5"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"discount": []}, "discount is not a known field; did you mean 'discounts'"),
        ({"discounts": []}, "discounts are missing"),
        ({"discounts": [{"percent": "10", "moths": 3}]}, "a discount has moths; it may have months and percent"),
        ({"to": date(2026, 6, 1)}, "it goes from 2026-06-01 and ends on 2026-06-01, not after it starts"),
        ({"products": ["fja"]}, "fja is no product of the price book; it has fija"),
        ({"products": "fija"}, "products = 'fija' must be a list of codes"),
        ({"code": ""}, "code = '' must be a text"),
    ],
)
def test_what_is_wrong_in_a_promotion_is_said(change: dict[str, Any], words: str):
    with pytest.raises(Invalid, match=f"products.toml, promotion 1: {words}"):
        book({**SUMMER, **change})


def test_a_code_is_one_promotion():
    with pytest.raises(Invalid, match="promotion 2: 'VERANO26' is an earlier promotion's code"):
        book(SUMMER, SUMMER)
