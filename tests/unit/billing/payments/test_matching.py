"""What a movement pays: the order of the rules, the spellings of a number, and no guessing between two."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.payments.matching import Candidate, Matcher
from services.billing.domain.payments.movements import BankMovement

ANA, LUIS = "ES7921000813610123456789", "ES9121000418450200051332"
FIRST = Candidate("i1", "E-2026-000123", "s1", 5544, frozenset({"20260000123", "C-000123"}), "M-1", frozenset({ANA}))
SECOND = Candidate("i2", "E-2026-000124", "s1", 3000, frozenset({"20260000124"}), "M-1", frozenset({ANA}))
THIRD = Candidate("i3", "E-2026-000125", "s2", 5544, frozenset({"20260000125"}), "M-2", frozenset({LUIS}))
MATCHER = Matcher([FIRST, SECOND, THIRD])
MOVEMENT = BankMovement(LUIS, date(2026, 11, 20), date(2026, 11, 20), 5544, "EUR", "key")


@pytest.mark.parametrize(
    "texts",
    [
        ("FACTURA E-2026-000123",),
        ("pago e-2026-000123 gracias",),
        ("FRA. E 2026 000123",),
        ("Recibo E/2026/000123, Ana",),
        ("TRANSFERENCIA DE ANA PEREZ FACTURA E-20", "26-000123"),
    ],
)
def test_the_number_of_an_invoice_in_any_spelling(texts: tuple[str, ...]) -> None:
    found = MATCHER.match(replace(MOVEMENT, texts=texts, party_iban=LUIS))
    assert (found.rule, found.candidates, found.decided) == ("invoice_reference", (FIRST,), True)


@pytest.mark.parametrize("text", ["E-2026-0001234", "XE-2026-000123", "2026 123", "000123", ""])
def test_what_only_looks_like_a_number(text: str) -> None:
    found = MATCHER.match(replace(MOVEMENT, texts=(text,)))
    assert (found.rule, found.candidates) == ("manual", ())


def test_the_references_that_we_gave_out() -> None:
    by_slip = MATCHER.match(replace(MOVEMENT, references=("20260000123",), party_iban=LUIS))
    by_collection = MATCHER.match(replace(MOVEMENT, cents=-5544, end_to_end="C-000123", return_reason="AM04"))
    for found in (by_slip, by_collection):
        assert (found.rule, found.candidates) == ("creditor_reference", (FIRST,))


def test_a_mandate_means_the_invoice_of_its_amount() -> None:
    assert MATCHER.match(replace(MOVEMENT, cents=-3000, mandate="M-1", return_reason="MD06")).candidates == (SECOND,)
    unsure = MATCHER.match(replace(MOVEMENT, cents=-1, mandate="M-1"))
    assert (unsure.rule, unsure.candidates) == ("manual", (FIRST, SECOND))
    part = MATCHER.match(replace(MOVEMENT, cents=100, mandate="M-2"))
    assert (part.rule, part.candidates) == ("creditor_reference", (THIRD,))


def test_amount_and_account_and_then_a_person() -> None:
    assert MATCHER.match(replace(MOVEMENT, party_iban=ANA)).candidates == (FIRST,)
    assert MATCHER.match(replace(MOVEMENT, party_iban=LUIS)).rule == "amount_and_iban"
    for nobody in (
        replace(MOVEMENT, cents=5545, party_iban=ANA),
        MOVEMENT,
        replace(MOVEMENT, cents=-5544, party_iban=ANA),
    ):
        found = MATCHER.match(nobody)
        assert (found.rule, found.candidates, found.decided) == ("manual", (), False)


def test_two_invoices_of_an_amount_and_account_go_to_a_person_with_both() -> None:
    twin = replace(FIRST, invoice_id="i9", number="E-2026-000199", references=frozenset())
    found = Matcher([FIRST, twin]).match(replace(MOVEMENT, party_iban=ANA))
    assert (found.rule, found.candidates) == ("manual", (FIRST, twin))
    assert "E-2026-000123, E-2026-000199" in found.sentence


def test_money_that_went_out_is_a_return_with_a_reason_or_for_a_person() -> None:
    out = replace(MOVEMENT, cents=-5544, texts=("E-2026-000123",))
    assert MATCHER.match(replace(out, return_reason="AM04")).rule == "invoice_reference"
    found = MATCHER.match(out)
    assert (found.rule, found.candidates) == ("manual", (FIRST,)) and "-55.44" in found.sentence


def test_two_invoices_in_one_transfer() -> None:
    both = replace(MOVEMENT, texts=("E-2026-000123 Y E-2026-000124",))
    found = MATCHER.match(replace(both, cents=8544))
    assert (found.rule, found.candidates) == ("invoice_reference", (FIRST, SECOND))
    unsure = MATCHER.match(replace(both, cents=6000))
    assert (unsure.rule, unsure.candidates) == ("manual", (FIRST, SECOND))


def test_more_or_less_than_the_debt_is_still_for_the_invoice_it_names() -> None:
    for cents in (1, 10**6):
        found = MATCHER.match(replace(MOVEMENT, cents=cents, texts=("E-2026-000123",)))
        assert (found.rule, found.candidates) == ("invoice_reference", (FIRST,))


def test_the_first_rule_that_says_something_wins() -> None:
    said = replace(MOVEMENT, texts=("E-2026-000123",), references=("20260000124",), mandate="M-2", party_iban=LUIS)
    assert MATCHER.match(said).candidates == (FIRST,)
    assert MATCHER.match(replace(said, texts=())).candidates == (SECOND,)
    assert MATCHER.match(replace(said, texts=(), references=())).candidates == (THIRD,)


@given(st.lists(st.text(max_size=80), max_size=5), st.text(max_size=40), st.integers(-(10**6), 10**6))
def test_any_texts_give_a_decision_and_a_sentence(texts: list[str], reference: str, cents: int) -> None:
    found = MATCHER.match(
        replace(MOVEMENT, texts=tuple(texts), references=(reference,), mandate=reference, cents=cents)
    )
    assert found.sentence.endswith(".") and (found.candidates or found.rule == "manual")


def test_a_thousand_movements_among_ten_thousand_invoices() -> None:
    many = [
        Candidate(f"i{n}", f"E-2026-{n:06d}", f"s{n}", n, frozenset({f"2026{n:07d}"}), f"M-{n}", frozenset({f"ES{n}"}))
        for n in range(10_000)
    ]
    matcher, started = Matcher(many), time.process_time()
    for n in range(1, 10_000, 10):
        found = matcher.match(replace(MOVEMENT, cents=n, texts=("TRANSFERENCIA DE ALGUIEN", f"FACTURA E-2026-{n:06d}")))
        assert found.candidates[0].invoice_id == f"i{n}"
    assert time.process_time() - started < 20
