"""A rectifying invoice by difference adds up to exactly what changed; its booking moves exactly that."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.bill import Bill
from services.billing.domain.ledger import OpenItem, allocate
from services.billing.domain.rectifying import (
    DIFFERENCE,
    METHODS,
    SUBSTITUTION,
    Booking,
    Figures,
    booking,
    difference,
    rectification_entry,
)
from tests.unit.billing.examples import energy, spanish_bill

DAY = date(2026, 11, 21)


def figures(bill: Bill) -> Figures:
    return Figures(bill.lines, bill.taxes)


def used(p1: int, p2: int, p3: int) -> Figures:
    """October of a dwelling that used so many kWh."""
    return figures(spanish_bill(energy(P1=p1 * 1000, P2=p2 * 1000, P3=p3 * 1000)))


def check_bases(found: Figures) -> None:
    for tax in found.taxes:
        base = sum((line.amount for line in found.lines if tax.code in line.taxed_by), Decimal(0))
        base += sum((other.amount for other in found.taxes if tax.code in other.taxed_by), Decimal(0))
        assert base == tax.base, tax.code


def test_ten_kwh_less_in_p1_are_the_old_line_taken_back_and_the_new_one() -> None:
    found = difference(used(62, 55, 128), used(52, 55, 128))
    assert [(line.concept, line.period, f"{line.quantity:.0f}", str(line.amount)) for line in found.lines] == [
        ("energy", "P1", "-62", "-12.15"),
        ("energy", "P1", "52", "10.19"),
    ]
    assert {tax.code for tax in found.taxes} == {"iee", "iva"}
    assert found.total == used(52, 55, 128).total - used(62, 55, 128).total
    check_bases(found)


def test_what_is_the_same_gives_nothing() -> None:
    assert difference(used(62, 55, 128), used(62, 55, 128)) == Figures((), ())


def test_another_rate_of_a_tax_takes_the_old_one_back_on_its_whole_base() -> None:
    before = used(62, 55, 128)
    iva = next(tax for tax in before.taxes if tax.code == "iva")
    lower = replace(iva, rate=Decimal("0.10"), amount=round(iva.base * Decimal("0.10"), 2))
    after = Figures(before.lines, tuple(lower if tax.code == "iva" else tax for tax in before.taxes))
    found = difference(before, after)
    assert {tax.code: str(tax.base) for tax in found.taxes if tax.kind == "iva"} == {
        "iva-21": str(-iva.base),
        "iva-10": str(iva.base),
    }
    assert found.total == after.total - before.total
    check_bases(found)


kwh = st.integers(0, 400)


@given(before=st.tuples(kwh, kwh, kwh), after=st.tuples(kwh, kwh, kwh))
def test_the_difference_of_any_two_bills_is_exact(before: tuple[int, int, int], after: tuple[int, int, int]) -> None:
    old, new = used(*before), used(*after)
    found = difference(old, new)
    assert (found.net, found.tax, found.total) == (new.net - old.net, new.tax - old.tax, new.total - old.total)
    check_bases(found)


def item(invoice_id: str, outstanding: str, due: date = DAY) -> OpenItem:
    return OpenItem(invoice_id, f"E-{invoice_id}", due, Decimal(outstanding))


@pytest.mark.parametrize(
    ("method", "delta", "family", "others", "expected"),
    [
        # A debt stands by itself, and a substitution takes what was open over.
        (DIFFERENCE, "10", "30", "5", Booking((), Decimal(10), Decimal(0))),
        (SUBSTITUTION, "10", "30", "5", Booking((("own", Decimal(30)),), Decimal(40), Decimal(0))),
        # A refund settles the invoice itself, then others, and the rest is credit.
        (DIFFERENCE, "-10", "30", "5", Booking((("own", Decimal(10)),), Decimal(0), Decimal(0))),
        (SUBSTITUTION, "-10", "30", "5", Booking((("own", Decimal(30)),), Decimal(20), Decimal(0))),
        (DIFFERENCE, "-10", "0", "5", Booking((("other", Decimal(5)),), Decimal(0), Decimal(5))),
        (
            SUBSTITUTION,
            "-40",
            "30",
            "5",
            Booking((("own", Decimal(30)), ("other", Decimal(5))), Decimal(0), Decimal(5)),
        ),
    ],
)
def test_bookings(method: str, delta: str, family: str, others: str, expected: Booking) -> None:
    mine = [item("own", family)] if Decimal(family) else []
    assert booking(method, Decimal(delta), mine, [item("other", others)]) == expected


cents = st.integers(0, 10_000).map(lambda value: Decimal(value) / 100)


@given(
    method=st.sampled_from(METHODS),
    delta=st.integers(-10_000, 10_000).map(lambda value: Decimal(value) / 100),
    family=st.lists(cents, max_size=3),
    others=st.lists(cents, max_size=3),
)
def test_a_booking_moves_the_difference_and_never_settles_more_than_is_open(
    method: str, delta: Decimal, family: list[Decimal], others: list[Decimal]
) -> None:
    mine = [item(f"own{n}", str(each)) for n, each in enumerate(family) if each]
    theirs = [item(f"other{n}", str(each)) for n, each in enumerate(others) if each]
    made = booking(method, delta, mine, theirs)
    assert made.receivable - made.credit == delta
    assert made.opens >= 0
    assert made.credit >= 0
    open_of = {each.invoice_id: each.outstanding for each in [*mine, *theirs]}
    assert all(0 < amount <= open_of[invoice_id] for invoice_id, amount in made.takes)
    entry = rectification_entry("s", DAY, "R-1", {"electricity": delta}, {}, made)
    if entry is None:
        assert delta == 0
    else:
        assert entry.member_amount == delta


def test_interest_is_a_cost_of_the_cooperative_and_no_sale() -> None:
    refund = {"electricity": Decimal("-99.17")}
    made = booking(DIFFERENCE, Decimal("-123.80"), [], [])
    entry = rectification_entry("s", DAY, "R-1", refund, {"iva": Decimal("-20.83")}, made, Decimal("3.80"))
    assert entry is not None
    assert [(each.account, each.detail, str(each.amount)) for each in entry.postings] == [
        ("member_credit", "", "-123.80"),
        ("revenue", "electricity", "99.17"),
        ("tax", "iva", "20.83"),
        ("interest", "refund", "3.80"),
    ]


def test_what_was_paid_pays_the_first_instalments() -> None:
    plan = [(date(2026, 12, day), Decimal(10)) for day in (1, 2, 3)]
    parts = item("own", "15").in_parts(plan)
    assert [(part.due_date.day, part.outstanding) for part in parts] == [(2, Decimal(5)), (3, Decimal(10))]
    assert item("own", "15").in_parts([]) == (item("own", "15"),)
    paid = allocate(Decimal(12), "own", parts)
    assert paid.takes == (("own", Decimal(12)),)
