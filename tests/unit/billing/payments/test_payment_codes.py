"""The codes that bills carry to be paid over a counter, and their bars."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.graphics.barcode.code128 import Code128

from services.billing.domain.payments import code128
from services.billing.domain.payments.collectors.coupon import read_coupon
from services.billing.domain.payments.csb57 import read_slip
from services.billing.domain.payments.given_out import account_of_coupon, slips_in
from services.billing.domain.payments.payment_codes import (
    CouponTerms,
    SlipTerms,
    check_own_accounts,
    coupon_terms,
    slip_terms,
)
from services.chassis.errors import Invalid

DUE = date(2026, 12, 15)


@given(st.integers(1, 25).flatmap(lambda pairs: st.text("0123456789", min_size=2 * pairs, max_size=2 * pairs)))
def test_bars_are_those_of_another_implementation(digits: str) -> None:
    other = Code128(value="\xf1" + digits, quiet=0)
    other.validate()
    other.encode()
    other.decompose()
    runs, start = [], 0
    for index, letter in enumerate(other.decomposed):  # widths of bars in capitals, of spaces in small letters
        width = "ABCD".index(letter.upper()) + 1
        if index % 2 == 0:
            runs.append((start, width))
        start += width
    assert code128.bars(digits) == (tuple(runs), start)


@pytest.mark.parametrize("digits", ["1", "12a4", "٣٤"])
def test_what_no_bars_carry(digits: str) -> None:
    with pytest.raises(Invalid, match="even number"):
        code128.bars(digits)


def test_the_worked_slip_and_its_way_back() -> None:
    """Issuer 12345674 with suffix 501, reference 20260000123, due on 15 December 2026, 55.44: check digits 02."""
    terms = slip_terms({"slip": {"suffix": "501"}}, "F12345674")
    assert terms == SlipTerms("12345674", "501")
    code = terms.code(123, date(2026, 11, 3), DUE, 5544)
    assert code == "9050712345674501202600001230215122600000055440"
    assert read_slip(code) == ("20260000123", 5544) and slips_in([code]) == {code: (2026, 123)}


def test_the_coupon_and_its_way_back() -> None:
    terms = coupon_terms({"coupon": {"collector": "42", "places": "Rapipago", "more_days": 10}})
    assert terms == CouponTerms("42", "Rapipago", 10)
    found = read_coupon(terms.code("5555/1", DUE, 5544))
    assert (account_of_coupon(found.account), found.first_due, found.first_cents) == ("5555/1", DUE, 5544)
    assert (found.second_due, found.cents_on(date(2026, 12, 16))) == (date(2026, 12, 25), 5544)
    assert terms.code("A-5555/1", DUE, 5544) == ""


@pytest.mark.parametrize(
    ("payment", "sentence"),
    [
        ({"iban": "ES9121000418450200051333"}, r"\[payment\] iban: The check digits 91"),
        ({"iban": ""}, r"\[payment\] iban: The IBAN is empty"),
        ({"cbu": "2850590940090418135202"}, r"\[payment\] cbu: The check digit 2 after the account"),
        ({"alias": "luz"}, r"\[payment\] alias: 'luz' is not an alias"),
        ({"bank_accounts": "ES9121000418450200051332"}, "bank_accounts is no list"),
        ({"bank_accounts": ["ES9121000418450200051332", "285059094009041813520"]}, "bank_accounts: .* has 21 digits"),
    ],
)
def test_an_account_of_the_cooperative_that_cannot_be_is_said_before_a_bill_prints_it(
    payment: dict[str, object], sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        check_own_accounts(payment)
    check_own_accounts(
        {"iban": "ES91 2100 0418 4502 0005 1332", "cbu": "2850590940090418135201", "alias": "LUZ.COOP.NORTE"}
        | {"bank_accounts": ["ES7921000813610123456789", "2850590940090418135201"]}
    )
    check_own_accounts({})


def test_terms_that_are_not_there_or_cannot_be() -> None:
    assert slip_terms({}, "F12345674") is None and coupon_terms({}) is None
    for given_suffix in ("", "23", "499", "5O1"):
        with pytest.raises(Invalid, match="codes a due date"):
            slip_terms({"slip": {"suffix": given_suffix}}, "F12345674")
    with pytest.raises(Invalid, match="not eight digits"):
        slip_terms({"slip": {"suffix": "501"}}, "P1234567A")
    good = {"collector": "42", "places": "Rapipago", "more_days": 10}
    for wrong in ({"collector": "12345"}, {"places": " "}, {"more_days": 91}, {"more_days": "10"}):
        with pytest.raises(Invalid, match=r"coop\.toml \[payment\.coupon\]"):
            coupon_terms({"coupon": {**good, **wrong}})
