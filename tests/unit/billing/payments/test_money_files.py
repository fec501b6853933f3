"""What a file and a movement are before anybody asks whose the money is, and the references we gave out."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.payments.csb57 import slip_code, slip_reference
from services.billing.domain.payments.given_out import account_of_coupon, coupon_account, numbers_in, slips_in
from services.billing.domain.payments.money_files import read_money_file
from services.billing.domain.payments.movements import BankMovement
from services.billing.domain.payments.natures import Nature, nature
from services.billing.domain.payments.return_files import Returned
from services.chassis.errors import Invalid
from tests.unit.billing.payments import collector_writers, statement_writers

MOVEMENT = BankMovement("ES91", date(2026, 11, 20), date(2026, 11, 20), 5544, "EUR", "key")
WORDS = {"card": ("999008881",), "collector": ("COBROS  del Sur",)}


def returned(reason: str, *end_to_end: str) -> Nature:
    return Nature("return", "direct_debit", Returned(end_to_end, reason, 1, date(2026, 11, 20), 0))


def number(series: str, count: int) -> str:
    return f"{series}-{count:06d}"


@pytest.mark.parametrize("name", [*statement_writers.WRITERS, *collector_writers.WRITERS])
def test_every_file_is_told_by_its_content(name: str) -> None:
    if name in collector_writers.WRITERS:
        payment = collector_writers.Paid(5544)
        found = read_money_file(io.BytesIO(collector_writers.WRITERS[name]([payment])))
        (movement,) = found.movements
        assert (found.source, movement.currency, movement.references) == ("collector", "ARS", (payment.barcode,))
    else:
        found = read_money_file(io.BytesIO(statement_writers.WRITERS[name]([statement_writers.Line(5544)], 0)))
        assert found.source == "statement" and found.statements is not None
    assert (found.format, [each.cents for each in found.movements]) == (name, [5544])


def test_what_is_neither_names_what_is_known() -> None:
    with pytest.raises(Invalid, match=r"camt\.053 \(XML\) or norma 43.*generic, pago_facil, rapipago"):
        read_money_file(io.BytesIO(b"%PDF-1.7"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Nature("payment")),
        ({"cents": -1}, Nature("outgoing")),
        ({"cents": -1, "kind": "14/123", "texts": ("DEVOL MD06",)}, returned("MD06", "DEVOL", "MD06")),
        ({"cents": -1, "kind": "14/123", "texts": ("DEVOLUCION",)}, returned("MS03", "DEVOLUCION")),
        ({"cents": -1, "return_reason": "AM04", "end_to_end": "E-1"}, returned("AM04", "E-1")),
        ({"cents": -1, "kind": "PMNT/IDDT/UPDD", "end_to_end": "E-1"}, returned("MS03", "E-1")),
        ({"cents": 1, "return_reason": "AC04"}, Nature("payment")),
        ({"kind": "PMNT/IDDT/ESDD"}, Nature("settlement", "direct_debit")),
        ({"kind": "PMNT/MCRD/POSP"}, Nature("settlement", "card")),
        ({"kind": "12/001"}, Nature("settlement", "card")),
        ({"kind": "06/001"}, Nature("settlement", "direct_debit")),
        ({"kind": "02/123"}, Nature("payment")),
        ({"texts": ("ABONO COMERCIO 999008881",)}, Nature("settlement", "card")),
        ({"party_name": "Cobros del  Sur S.A."}, Nature("settlement", "collector")),
    ],
)
def test_natures(changes: dict[str, object], expected: Nature) -> None:
    assert nature(replace(MOVEMENT, **changes), WORDS) == expected  # type: ignore[arg-type]


def test_numbers_are_found_in_words_of_any_series() -> None:
    words = ["E2026000123", "R2026000007", "E2026123", "E20260001234567890", "XE2026000123", "E2026", "FACTURA"]
    found = numbers_in(words, ["E-2026", "R-2026"], number)
    assert found == {"E-2026-000123", "R-2026-000007"}
    assert numbers_in(["E20261234567"], ["E-2026"], number) == {"E-2026-1234567"}


def test_references_of_slips_in_every_dress() -> None:
    reference = slip_reference(2026, 123)
    code = slip_code("12345674", "501", reference, date(2026, 12, 15), 5544)
    words = [reference, reference.zfill(12), f"{reference}151226", code, code[:-2] + "10", "90507" + "1" * 41, "1234"]
    assert slips_in(words) == dict.fromkeys(words[:4], (2026, 123))


@given(st.integers(0, 10**8 - 1), st.integers(0, 9999))
def test_accounts_come_back_from_barcodes(member: int, supply: int) -> None:
    account = f"{member}/{supply}"
    assert account_of_coupon(coupon_account(account)) == account


@pytest.mark.parametrize("account", ["", "5555", "A-5/1", "055/1", "5555/01", "123456789/1", "5/12345", "5/1/2"])
def test_accounts_that_no_barcode_carries(account: str) -> None:
    assert coupon_account(account) == ""
