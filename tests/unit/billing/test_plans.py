"""Payment plans: what is unpaid is split without a cent lost, and what counts is what was paid by the end of each day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.domain.calendar import WorkingCalendar
from services.billing.domain.ledger import OpenItem
from services.billing.domain.plans import Broken, PlanTerms, planned

FIRST = date(2026, 12, 10)
CALENDAR = WorkingCalendar(frozenset())
CENTS = st.integers(1, 20_000).map(lambda cents: D(cents) / 100)


def item(name: str, amount: D, due: date = date(2026, 10, 22)) -> OpenItem:
    return OpenItem(name, name.upper(), due, amount)


@settings(max_examples=60, deadline=None)
@given(st.lists(CENTS, min_size=1, max_size=4), st.integers(1, 12), st.data())
def test_what_is_unpaid_is_split_to_the_cent(amounts: list[D], count: int, data: st.DataObject) -> None:
    names = [f"i{number}" for number in range(len(amounts))]
    total = sum(amounts, D(0))
    terms = PlanTerms("p", tuple(names), planned(total, FIRST, min(count, int(total * 100)), CALENDAR))
    assert terms.total == total
    # Less than was agreed on after payments, or more after money from before the plan came back.
    left = [data.draw(st.integers(0, int(amount * 120))) for amount in amounts]
    items = [item(name, D(cents) / 100) for name, cents in zip(names, left, strict=True)]
    parts = terms.split(each for each in items if each.outstanding)
    for each in items:
        assert sum((part.outstanding for part in parts if part.invoice_id == each.invoice_id), D(0)) == each.outstanding
    assert len({(part.invoice_id, part.due_date) for part in parts}) == len(parts)
    beyond = max(D(sum(left)) / 100 - total, D(0))
    assert sum((part.outstanding for part in parts if part.due_date < FIRST), D(0)) == beyond
    paid = terms.paid_of_each(D(sum(left)) / 100)
    assert sum(paid, D(0)) == max(total - D(sum(left)) / 100, D(0))


def test_the_days_of_what_was_paid_decide() -> None:
    terms = PlanTerms("p", ("i",), planned(D("90"), FIRST, 3, CALENDAR))
    second = date(2027, 1, 11)  # the 10th is a Sunday
    assert [part.due_date for part in terms.instalments] == [FIRST, second, date(2027, 2, 10)]
    late = date(2026, 12, 12)
    for left, settled, awaited, today, said in (
        ("90", [], [], FIRST, None),
        ("90", [], [], date(2026, 12, 11), Broken(1, FIRST, D("30"), date(2026, 12, 11))),
        ("60", [(FIRST, D("30"))], [], late, None),
        # Paid two days late, and whole by now: it was broken since the day after.
        ("60", [(late, D("30"))], [], late, Broken(1, FIRST, D("30"), date(2026, 12, 11))),
        # Paid in time, and gone back two days later.
        ("90", [(FIRST, D("30")), (late, D("-30"))], [], late, Broken(1, FIRST, D("30"), late)),
        # Two euros are missing of the second; the bank has them, or took them a day late.
        ("32", [], [], date(2027, 1, 12), Broken(2, second, D("2"), date(2027, 1, 12))),
        ("32", [], [(second, D("2"))], date(2027, 1, 12), None),
        ("32", [], [(date(2027, 1, 12), D("2"))], date(2027, 1, 12), Broken(2, second, D("2"), date(2027, 1, 12))),
    ):
        assert terms.broken(D(left), settled, awaited, today) == said
