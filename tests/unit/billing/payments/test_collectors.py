"""The contract of every collector's file, and the barcode of the bill that the collector reads."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.domain.payments.collectors import COLLECTORS, CollectorBatch, read_collector_file
from services.billing.domain.payments.collectors.coupon import Coupon, coupon_code, read_coupon
from services.chassis.errors import Invalid
from tests.unit.billing.payments.collector_writers import CREATED, WRITERS, Paid

BILL = Coupon("42", "55551", date(2026, 11, 20), 267184, date(2026, 11, 30), 275200)
SAMPLE = (Paid(267184, coupon_code(BILL)), Paid(1), Paid(1), Paid(99_999_999_99, "7" * 44))
NAMES = [each.name for each in COLLECTORS]
MUTATIONS = 2000


def read(content: bytes) -> CollectorBatch:
    return read_collector_file(io.BytesIO(content))


def test_every_collector_is_under_this_contract() -> None:
    assert sorted(NAMES) == sorted(WRITERS)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_collected_is_read(name: str) -> None:
    found = read(WRITERS[name](SAMPLE))
    assert (found.collector, found.created_on, found.findings) == (name, CREATED, ())
    assert found.cents == sum(each.cents for each in SAMPLE)
    assert [(each.cents, each.barcode, each.paid_on) for each in found.payments] == [
        (each.cents, each.barcode, each.day) for each in SAMPLE
    ]
    assert {each.instrument for each in found.payments} == {"cash"} and {each.collector for each in found.payments} == {
        name
    }
    assert read_coupon(found.payments[0].barcode) == replace(BILL, collector="0042", account="000000055551")


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_the_same_when_a_file_comes_twice_and_differ_within_it(name: str) -> None:
    keys = [each.bank_reference for each in read(WRITERS[name](SAMPLE)).payments]
    assert keys == [each.bank_reference for each in read(WRITERS[name](SAMPLE)).payments]
    assert len(set(keys)) == len(SAMPLE) and "" not in keys


@settings(max_examples=40)
@given(
    st.sampled_from(NAMES),
    st.lists(
        st.builds(
            Paid,
            cents=st.integers(0, 10**10 - 1),
            barcode=st.from_regex(r"[0-9]{1,50}", fullmatch=True),
            day=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
        ),
        max_size=8,
    ),
)
def test_any_payments_come_back(name: str, payments: list[Paid]) -> None:
    found = read(WRITERS[name](payments)).payments
    assert [(each.cents, each.barcode, each.paid_on) for each in found] == [
        (each.cents, each.barcode, each.day) for each in payments
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_never_crashes_and_never_books_other_money(name: str) -> None:
    content, chance, taken = WRITERS[name](SAMPLE), random.Random(name), 0
    for number in range(MUTATIONS):
        damaged = bytearray(content)
        if number % 3 == 0:
            del damaged[chance.randrange(len(damaged)) :]
        elif number % 3 == 1:
            for _ in range(chance.randint(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        else:
            at = chance.randrange(len(damaged))
            damaged[at : at + chance.randint(0, 60)] = chance.choice([b"", b"\0", b"\n", b"9", b"\xb2"])
        try:
            found = read(bytes(damaged))
        except Invalid as refusal:
            assert refusal.message.endswith(".") and len(refusal.message) < 400
            continue
        taken += 1
        assert found.cents == sum(each.cents for each in SAMPLE) and len(found.payments) == len(SAMPLE)
    assert taken > MUTATIONS // 40


@pytest.mark.parametrize("name", NAMES)
def test_cut_repeated_and_unfinished_files_are_refused_with_the_line(name: str) -> None:
    content = WRITERS[name](SAMPLE)
    lines = content.split(b"\r\n")[:-1]
    for shorter in (lines[:-1], lines[:2], [*lines[:1], *lines[2:]], [*lines, lines[1]]):
        with pytest.raises(Invalid, match=r"^Line \d+, .*refused whole"):
            read(b"\r\n".join(shorter))
    with pytest.raises(Invalid, match="refused whole"):
        read(content * 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_payment_without_a_day_is_kept_with_that_of_the_file(name: str) -> None:
    content = WRITERS[name]([Paid(100, "5" * 44, date(2026, 2, 28))])
    found = read(content.replace(b"20260228", b"20260230"))
    assert found.payments[0].paid_on == CREATED and found.cents == 100
    assert "'20260230'" in found.findings[0].sentence and found.findings[0].line == found.payments[0].line


def test_what_is_no_collector_s_file() -> None:
    with pytest.raises(Invalid, match="generic, pago_facil, rapipago"):
        read(b"Fecha;Importe\n")
    with pytest.raises(Invalid, match="empty"):
        read(b"")


def test_the_wrong_check_digits_of_our_own_file() -> None:
    content = WRITERS["generic"](SAMPLE).rstrip()
    at = content.rindex(b"T") + 23
    wrong = b"00" if content[at : at + 2] != b"00" else b"01"
    with pytest.raises(Invalid, match=f"check digits has '{wrong.decode()}'"):
        read(content[:at] + wrong + content[at + 2 :])


def test_a_cheque_is_not_cash() -> None:
    found = read(WRITERS["pago_facil"](SAMPLE).replace(b"7PESE", b"7PESC", 1))
    assert [each.instrument for each in found.payments] == ["cheque", "cash", "cash", "cash"]
    assert found.payments[0].receipt == "T00001-20261120-1030-0011" and found.payments[0].client == "5555"


@given(st.integers(0, 49), st.characters(codec="ascii", categories=["Nd"]))
def test_a_barcode_with_another_digit_is_noticed(place: int, digit: str) -> None:
    code = coupon_code(BILL)
    assert len(code) == 50 and code.startswith("0042000000055551261120")
    other = code[:place] + digit + code[place + 1 :]
    if other != code:
        with pytest.raises(Invalid, match="check digits"):
            read_coupon(other)


def test_the_amount_of_a_bill_by_day_and_bills_that_do_not_fit() -> None:
    assert [BILL.cents_on(date(2026, 11, day)) for day in (20, 21, 30)] == [267184, 275200, 275200]
    for wrong, field in (
        (replace(BILL, collector="12345"), "collector"),
        (replace(BILL, account="5555/1"), "account"),
        (replace(BILL, first_cents=0), "first_cents"),
        (replace(BILL, second_cents=10**10), "second_cents"),
        (replace(BILL, second_due=date(2026, 11, 19)), "second_due"),
        (replace(BILL, second_due=date(2100, 1, 1)), "due"),
    ):
        with pytest.raises(Invalid) as raised:
            coupon_code(wrong)
        assert raised.value.violations[0].field == field
    for text in ("", "1" * 49, "x" * 50):
        with pytest.raises(Invalid, match="50 digits"):
            read_coupon(text)
