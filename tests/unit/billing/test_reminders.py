"""Which debts are reminded of at which step, which are left alone, and what the law bounds."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.reminders import (
    BELOW_MINIMUM,
    CREDIT,
    DISPUTED,
    HOLD,
    Account,
    Debt,
    Policy,
    Step,
    Told,
    due_reminders,
    next_step,
    reminder_policy,
    told,
)
from services.billing.domain.supplies import Contract, Member, Service, Supply
from services.billing.jurisdictions import jurisdiction
from services.billing.jurisdictions.disconnection import disconnection
from services.billing.jurisdictions.law_book import LawBook
from services.chassis.errors import Invalid

FIRST, SECOND, FORMAL = Step("first", 1, 5, 10), Step("second", 2, 15, 10), Step("formal", 3, 30, 10, True)
POLICY = Policy((FIRST, SECOND, FORMAL), D("3.00"))
CALENDAR = jurisdiction("es").calendar
LAW = disconnection(jurisdiction("es").law)
DUE = date(2026, 11, 23)
HOME = Contract("c", "C1", date(2020, 1, 1), None, "x", "2.0TD", powers=(("P1", 4600), ("P2", 4600)))
ANA = Member("m", "1", "Ana", "nif", "12345678Z")


def debt(**changes: Any) -> Debt:
    return replace(Debt("i1", "E2026-000001", "m", DUE, D("55.44")), **changes)


def account(*debts: Debt, **changes: Any) -> Account:
    return replace(Account("s", "1/1", "m", debts), **changes)


def supply(contract: Contract) -> Supply:
    return Supply("s", "1/1", "m", services=(Service("l", "electricity", contracts=(contract,)),))


def test_a_supply_that_may_not_be_cut_off_is_told_no_months() -> None:
    essential = LAW.essential(DUE)
    assert essential and essential.source == "RD 88/2026, art. 53 (BOE-A-2026-3212)"
    assert LAW.essential(date(2026, 2, 11)) is None, "the decree is in force from 12 February 2026"
    law, protected = LAW.law(DUE), LAW.protected_until(DUE)
    found = told(law, protected, supply(replace(HOME, vulnerable=True)), ANA, essential.source)
    assert (found.track, found.months, found.source) == ("essential", 0, essential.source)
    assert found.earliest_cut_off(DUE) is None and found.warn_by(DUE, CALENDAR) is None
    assert told(law, protected, supply(HOME), replace(ANA, id="who left"), essential.source) == Told()
    essential.check("public_lighting", None)
    essential.check("life_support", date(2027, 6, 1))
    with pytest.raises(Invalid, match="rests on a paper that ends"):
        essential.check("life_support", None)
    with pytest.raises(Invalid, match=r"kind is 'villa'; RD 88/2026, art. 53 .* has public_lighting, drinking_water"):
        essential.check("villa", None)


def test_each_step_comes_after_its_days_and_never_sooner_after_the_one_before() -> None:
    assert next_step(POLICY, debt(), date(2026, 11, 27)) is None
    assert next_step(POLICY, debt(), date(2026, 11, 28)) == FIRST
    # An old debt that was never spoken of begins at the first step, and waits ten and fifteen days between the others.
    late = date(2027, 6, 1)
    assert next_step(POLICY, debt(), late) == FIRST
    reminded = debt(said=(("first", late),))
    assert next_step(POLICY, reminded, date(2027, 6, 10)) is None
    assert next_step(POLICY, reminded, date(2027, 6, 11)) == SECOND
    twice = debt(said=(("first", late), ("second", date(2027, 6, 20))))
    assert next_step(POLICY, twice, date(2027, 7, 4)) is None
    assert next_step(POLICY, twice, date(2027, 7, 5)) == FORMAL
    assert next_step(POLICY, replace(twice, foreign=True), date(2027, 7, 5)) is None
    assert next_step(POLICY, debt(said=(*twice.said, ("formal", date(2027, 7, 5)))), date(2028, 1, 1)) is None
    assert next_step(POLICY, debt(said=(("a step of before", late),)), late) == FIRST


def test_one_reminder_has_all_that_is_due_of_a_person_at_a_step() -> None:
    newer = debt(invoice_id="i2", number="E2026-000002", due_date=DUE + timedelta(days=5))
    theirs = debt(invoice_id="i3", member_id="before")
    formal = debt(
        invoice_id="i4", said=(("first", date(2026, 10, 1)), ("second", date(2026, 10, 11))), due_date=date(2026, 9, 1)
    )
    due, left = due_reminders(POLICY, account(newer, debt(), theirs, formal), date(2026, 12, 4), CALENDAR)
    assert left == []
    assert [(each.member_id, each.step.code, [d.invoice_id for d in each.debts]) for each in due] == [
        ("before", "first", ["i3"]),
        ("m", "first", ["i1", "i2"]),
        ("m", "formal", ["i4"]),
    ]
    assert [each.former_holder for each in due] == [True, False, False]
    assert due[1].total == D("110.88")
    assert due[1].pay_until == date(2026, 12, 14)


def test_what_is_left_alone_and_why() -> None:
    day = date(2026, 12, 1)
    small, contested = debt(outstanding=D("2.99")), debt(withheld=DISPUTED)

    def reasons(found: Account) -> list[tuple[str, str]]:
        due, left = due_reminders(POLICY, found, day, CALENDAR)
        return [("due", each.step.code) for each in due] + [(each.reason, each.why) for each in left]

    assert reasons(account(debt())) == [("due", "first")]
    assert reasons(account(small)) == [(BELOW_MINIMUM, "")]
    assert reasons(account(small, replace(small, invoice_id="i2"))) == [("due", "first")], "5.98 together"
    assert reasons(account(debt(), contested)) == [("due", "first"), (DISPUTED, "")]
    assert reasons(account(small, contested)) == [(BELOW_MINIMUM, ""), (DISPUTED, "")], "a disputed debt counts nowhere"
    assert reasons(account(debt(), held="agreed by telephone")) == [(HOLD, "agreed by telephone")]
    assert reasons(account(debt(), credit=D("55.44"))) == [(CREDIT, "")]
    assert reasons(account(debt(), credit=D("52.45"))) == [(BELOW_MINIMUM, "")]
    assert reasons(account(debt(due_date=day))) == []


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.integers(0, 40))
def test_whenever_the_calendar_looks_each_step_comes_once_and_in_order(pauses: list[int], begin: int) -> None:
    day, found = DUE + timedelta(days=begin), debt()
    for pause in pauses:
        step = next_step(POLICY, found, day)
        if step is not None:
            assert [code for code, _ in found.said] == [each.code for each in POLICY.steps[: step.number - 1]]
            assert day >= DUE + timedelta(days=step.after_days)
            if found.said:
                before = POLICY.steps[step.number - 2]
                assert (day - found.said[-1][1]).days >= step.after_days - before.after_days
            found = replace(found, said=(*found.said, (step.code, day)))
        day += timedelta(days=pause)


def test_the_law_of_spain_gives_a_home_two_months_and_a_vulnerable_one_four() -> None:
    day = date(2026, 12, 10)
    law, protected = LAW.law(day), LAW.protected_until(day)
    home = told(law, protected, supply(HOME), ANA)
    assert (home.track, home.months, home.protected_until) == ("household", 2, None)
    assert home.earliest_cut_off(day) == date(2027, 2, 10)
    assert home.warn_by(day, CALENDAR) == date(2027, 1, 20)
    assert home.send_again_on(date(2026, 12, 1), CALENDAR) == date(2026, 12, 11), "the 8th is a holiday"
    weak = told(law, protected, supply(replace(HOME, vulnerable=True)), ANA)
    assert (weak.track, weak.months, weak.protected_until) == ("vulnerable", 4, date(2027, 1, 1))
    assert weak.earliest_cut_off(day) == date(2027, 4, 10)
    assert weak.earliest_cut_off(date(2026, 8, 1)) == date(2027, 1, 1), "protected until the year ends"
    assert Told.of(weak.state()) == weak
    for other in (
        told(law, protected, supply(replace(HOME, use="business")), ANA),
        told(law, protected, supply(replace(HOME, powers=(("P1", 10_001),))), ANA),
        told(law, protected, supply(HOME), replace(ANA, document="F12345674")),
        told(law, protected, supply(HOME), replace(ANA, id="somebody else")),
        told(None, None, supply(HOME), ANA),
    ):
        assert other == Told() and other.earliest_cut_off(day) is None
        assert other.warn_by(day, CALENDAR) is None and other.send_again_on(day, CALENDAR) is None
    assert LAW.protected_until(date(2027, 1, 1)) is None
    assert disconnection(LawBook(Path("nowhere"))).law(day) is None


STEPS = [{"code": "first", "after_days": 5}, {"code": "formal", "after_days": 30, "proof": True}]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"pay_within_days": 10}, r"give 1 to 9 \[\[reminders.step\]\]"),
        ({"step": STEPS}, "pay_within_days is None"),
        ({"step": STEPS, "pay_within_days": 10, "minimum": "-1"}, "minimum is -1"),
        (
            {"step": STEPS[::-1], "pay_within_days": 10},
            "step first comes 5 days after the due date and formal before it 30",
        ),
        ({"step": [STEPS[0], {**STEPS[0], "after_days": 6}], "pay_within_days": 10}, "the same code"),
        ({"step": [{"code": "a b", "after_days": 5}], "pay_within_days": 10}, "code is 'a b'"),
        ({"step": [{"code": "a", "after_days": 5, "proof": "yes"}], "pay_within_days": 10}, "proof is 'yes'"),
        ({"step": [{"code": "a", "after_days": 0}], "pay_within_days": 10}, "after_days is 0"),
        (
            {"step": [{"code": "formal", "after_days": 35, "proof": True}], "pay_within_days": 10},
            "within 2 months of the invoice .* with 20 days to pay, 34 days at most",
        ),
    ],
)
def test_a_policy_that_cannot_be_is_refused_with_a_sentence(section: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        reminder_policy(section, 20, LAW.law(DUE))


def test_a_profile_without_reminders_sends_none() -> None:
    assert reminder_policy({}, 20, None) is None
    found = reminder_policy({"step": STEPS, "pay_within_days": 10, "minimum": "3"}, 20, LAW.law(DUE))
    assert found is not None and [step.number for step in found.steps] == [1, 2]
    late = {"step": [{"code": "formal", "after_days": 90, "proof": True}], "pay_within_days": 10}
    assert reminder_policy(late, 20, None) is not None, "where no law is known, the cooperative decides"
