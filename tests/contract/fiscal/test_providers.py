"""What every provider of Argentine codes has to do, whoever it is: each one that a profile may name is tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal as D

import pytest

from services.billing.domain.fiscal import cae, cesp
from services.billing.domain.fiscal.cae import Cae, CaeProvider, VoucherRequest
from services.billing.domain.fiscal.cesp import Cesp, CespProvider, CodeRequest
from services.billing.domain.fiscal.sandbox import CAE_PROVIDERS, CESP_PROVIDERS
from services.chassis.errors import Refused, Unavailable
from services.chassis.periods import DatePeriod

MONTH = DatePeriod.month("2026-11")
DAY = date(2026, 11, 2)
ISSUER = "30123456781"
BATCH = [CodeRequest(ISSUER, 3, voucher, MONTH) for voucher in ("017", "018")]
NOTE = VoucherRequest(
    issuer=ISSUER,
    point_of_sale=3,
    voucher="006",
    number=1,
    issue_date=DAY,
    service_from=DAY,
    service_to=DAY,
    due_date=date(2026, 11, 23),
    recipient=(96, 28456789),
    recipient_condition=5,
    net=D("10000.00"),
    exempt=D(0),
    untaxed=D(0),
    rates=((5, D("10000.00"), D("2100.00")),),
    total=D("12100.00"),
)


@pytest.fixture(params=sorted(CESP_PROVIDERS))
def bills(request: pytest.FixtureRequest) -> CespProvider:
    return CESP_PROVIDERS[request.param]()


@pytest.fixture(params=sorted(CAE_PROVIDERS))
def sales(request: pytest.FixtureRequest) -> CaeProvider:
    return CAE_PROVIDERS[request.param]()


# ---------------------------------------------------------------------------------------------- CESP: beforehand, by class
def test_each_request_has_a_code_of_its_own_in_order(bills: CespProvider) -> None:
    granted = bills.authorize(BATCH)
    cesp.check_granted(BATCH, granted, DAY)
    assert [each.request for each in granted] == BATCH
    assert len({each.code for each in granted}) == 2
    assert {each.provider for each in granted} == {bills.name}
    assert all(each.valid_until >= DAY for each in granted)
    cesp.barcode_digits(ISSUER, "018", 3, granted[1].code, granted[1].valid_until)


def test_another_point_of_sale_or_month_has_another_code(bills: CespProvider) -> None:
    others = [replace(BATCH[0], point_of_sale=4), replace(BATCH[0], period=DatePeriod.month("2026-12"))]
    assert len({each.code for each in bills.authorize([BATCH[0], *others])}) == 3


def test_asked_twice_it_answers_twice_with_what_can_be_used(bills: CespProvider) -> None:
    for _ in range(2):
        cesp.check_granted(BATCH, bills.authorize(BATCH), DAY)


def test_nothing_asked_is_nothing_granted(bills: CespProvider) -> None:
    assert bills.authorize([]) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda granted: granted[:1], "2 codes were asked for and 1 came"),
        (lambda granted: [*granted, granted[0]], "2 codes were asked for and 3 came"),
        (lambda granted: granted[::-1], "for class 018 and not for 017"),
        (lambda granted: [replace(granted[0], code="123"), granted[1]], "'123' of class 017 has not 14 digits"),
        (
            lambda granted: [granted[0], replace(granted[1], valid_until=date(2026, 11, 1))],
            "valid until 2026-11-01 only",
        ),
    ],
)
def test_an_answer_that_is_none_is_refused_and_says_what_is_wrong(bills: CespProvider, change, words: str) -> None:
    granted: list[Cesp] = bills.authorize(BATCH)
    with pytest.raises(Refused, match=words):
        cesp.check_granted(BATCH, change(granted), DAY)


# ------------------------------------------------------------------------------------------ CAE: a voucher and its figures
def test_a_voucher_has_a_code_that_can_be_printed(sales: CaeProvider) -> None:
    granted = sales.authorize(NOTE)
    cae.check_granted(NOTE, granted)
    assert granted.provider == sales.name
    assert granted.valid_until >= DAY


def test_a_number_asked_again_has_the_same_code_and_another_one_another(sales: CaeProvider) -> None:
    first = sales.authorize(NOTE)
    assert sales.authorize(NOTE) == first
    assert sales.authorize(replace(NOTE, number=2)).code != first.code
    assert sales.authorize(replace(NOTE, voucher="001")).code != first.code


def test_an_authorised_number_is_refused_for_other_figures(sales: CaeProvider) -> None:
    sales.authorize(NOTE)
    with pytest.raises(Refused, match="number 1 of type 006"):
        sales.authorize(replace(NOTE, total=D("12100.01")))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Cae("7041705436747", DAY, "agency"), "'7041705436747' has not 14 digits"),
        (Cae("7041705436747X", DAY, "agency"), "'7041705436747X' has not 14 digits"),
        (Cae("70417054367476", DAY - timedelta(days=1), "agency"), "valid until 2026-11-01 only"),
    ],
)
def test_what_is_no_code_leaves_the_question_open(answer: Cae, words: str) -> None:
    with pytest.raises(Unavailable, match=words):
        cae.check_granted(NOTE, answer)
