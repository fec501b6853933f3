"""Reminders: each debt once per step whatever races, never of what is paid, disputed, held or on its way to the bank."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal as D

import pytest
from coop.billing.events.v1.events_pb2 import ReminderIssued
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.billing.application.mandates import Mandates, NewMandate, debit_terms
from services.billing.application.reminder_letters import ReminderLetters
from services.billing.application.reminders import Reminders, Round
from services.billing.application.remittances import Remittances
from services.billing.domain.reminders import Due, LeftAlone, reminder_policy
from services.billing.jurisdictions.disconnection import disconnection
from services.chassis.errors import Invalid, NotFound, Refused
from tests.support.billing import Office, contract_message, in_threads, member_message, supply_message

#: Of September, issued 2 October, due 22 October; the office's day is Saturday 21 November 2026.
NUMBERS = ("E-2026-000001", "E-2026-000002", "E-2026-000003")
IBAN = "ES7620770024003102575766"
#: What differs between the databases is the lock, and the SQL of the steps: they are tried on both.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Desk:
    def __init__(self, office: Office) -> None:
        self.office = office
        rules = office.rules
        law = disconnection(rules.country.law)
        policy = reminder_policy(rules.profile.section("reminders"), rules.days_to_pay, law.law(date(2026, 11, 21)))
        self.reminders = Reminders(office.database, rules, policy, law, debit_terms(rules.profile))

    def send(self, as_of: str = "") -> Round:
        return self.reminders.send(self.office.key(), "staff:robot", as_of)

    def left_alone(self) -> dict[str, str]:
        return {each.debt.number: each.reason for each in self.reminders.preview("") if isinstance(each, LeftAlone)}

    def forward(self, days: int) -> None:
        self.office.clock.advance(timedelta(days=days))

    @property
    def told(self) -> list[ReminderIssued]:
        return self.office.events(ReminderIssued)


@pytest.fixture
def desk(office: Office) -> Desk:
    office.add_supplies(3)
    office.bill("2026-09", "2026-10-02")
    return Desk(office)


def test_racing_commands_remind_of_each_debt_once_per_step(desk: Desk) -> None:
    key, rounds = desk.office.key(), []

    def work(number: int) -> None:
        same = number % 2 == 0
        rounds.append(desk.reminders.send(key if same else desk.office.key(), "staff:robot", ""))

    in_threads(20, work)
    assert sorted(event.supply_id for event in desk.told) == ["s00000", "s00001", "s00002"]
    assert len({done.id for done in rounds}) == 11, "a command that is repeated is the same round"
    assert sum(done.sent for done in {done.id: desk_round(desk, done) for done in rounds}.values()) == 3
    with pytest.raises(DBAPIError, match="written once"), desk.office.database.write() as tx:
        tx.execute(text("DELETE FROM reminder_debt"))


def desk_round(desk: Desk, done: Round) -> Round:
    """The round as it is when all have ended."""
    found = desk.reminders.page(supply_id="", step="", round_id=done.id, proof_missing=False, before="", limit=100)
    return Round(done.id, done.as_of, len(found), D(0), ())


def test_a_debt_goes_through_the_steps_and_ends_when_it_is_paid(desk: Desk) -> None:
    first = desk.send()
    assert (first.sent, first.total, first.as_of) == (3, D("164.73"), date(2026, 11, 21))
    event = desk.told[0]
    assert (event.step, event.number, event.proof, event.pay_until) == ("first", 1, False, "2026-12-01")
    assert [(each.number, each.due_date, each.outstanding.amount) for each in event.debts] == [
        (NUMBERS[0], "2026-10-22", "54.91")
    ]
    assert (event.total.amount, event.cut_off_months, event.former_holder) == ("54.91", 2, False)
    assert desk.send().sent == 0
    desk.office.pay(NUMBERS[0], "54.91")
    desk.office.pay(NUMBERS[1], "50.00")
    desk.forward(10)
    second = desk.send()
    assert [(each.supply_id, each.step, each.total.amount) for each in desk.told[3:]] == [
        ("s00001", "second", "4.91"),
        ("s00002", "second", "54.91"),
    ]
    desk.forward(15)
    assert desk.send().sent == 2
    assert [each.proof for each in desk.told[5:]] == [True, True]
    desk.forward(100)
    assert desk.send().sent == 0, "after the last step nothing more is sent"
    (waiting, *_) = desk.reminders.page(
        supply_id="s00002", step="formal", round_id="", proof_missing=True, before="", limit=10
    )
    assert waiting.owed_now == D("54.91") and waiting.open_now[0][1] == NUMBERS[2]
    noted = desk.reminders.note_receipt(
        desk.office.key(), "staff:ana", waiting.reminder.id, "2026-12-18", "burofax 7, folder 3"
    )
    assert noted.reminder.told.earliest_cut_off(date(2026, 12, 18)) == date(2027, 2, 18)
    with pytest.raises(Refused, match="received on 2026-12-18"):
        desk.reminders.note_receipt(desk.office.key(), "staff:ana", waiting.reminder.id, "2026-12-19", "x")
    (before,) = desk.reminders.page(
        supply_id="s00002", step="second", round_id=second.id, proof_missing=False, before="", limit=10
    )
    with pytest.raises(Refused, match="needs no proof"):
        desk.reminders.note_receipt(desk.office.key(), "staff:ana", before.reminder.id, "2026-12-18", "x")


@ON_SQLITE
def test_money_between_the_look_and_the_lock_is_seen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account is locked and read again: what was paid meanwhile is not reminded of."""
    issue = desk.reminders._issue

    def paid_just_before(*arguments: object) -> list[LeftAlone]:
        if "s00001" in arguments[2]:  # type: ignore[operator]
            desk.office.pay(NUMBERS[1], "54.91")
        return issue(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.reminders, "_issue", paid_just_before)
    assert desk.send().sent == 2
    assert [event.supply_id for event in desk.told] == ["s00000", "s00002"]


@ON_SQLITE
def test_disputed_held_and_directly_debited_debts_are_left_alone(desk: Desk) -> None:
    office = desk.office
    office.disputes.open(office.key(), "staff:ana", NUMBERS[0], "the meter was changed")
    desk.reminders.hold(office.key(), "staff:ana", "s00001", "2026-12-01", "agreed by telephone")
    terms = debit_terms(office.rules.profile)
    mandates = Mandates(office.database, office.rules, terms)
    signed = mandates.add(
        office.key(), "staff:ana", NewMandate("s00002", "", IBAN, "2026-01-02", "2026-01-02", "folder 3", "")
    )
    assert desk.left_alone() == {NUMBERS[0]: "disputed", NUMBERS[1]: "hold", NUMBERS[2]: "direct_debit"}
    remittances = Remittances(office.database, office.rules, office.blobs, terms)
    remittances.propose(office.key(), "staff:ana", "2026-11-25", [])
    mandates.cancel(office.key(), "staff:ana", signed.kept.mandate.reference, "moved out")
    assert desk.left_alone()[NUMBERS[2]] == "direct_debit", "it is in a remittance although the mandate has ended"
    assert desk.send().sent == 0
    remittances.discard(office.key(), "staff:ana", remittances.page("", 1)[0].remittance.id)
    office.disputes.close(office.key(), "staff:ana", NUMBERS[0], "the reading was right")
    desk.reminders.release(office.key(), "s00001")
    assert [hold for hold, _ in desk.reminders.holds("", 10)] == []
    assert desk.send().sent == 3


@ON_SQLITE
def test_a_debt_of_a_former_holder_is_theirs_alone(desk: Desk) -> None:
    sold = supply_message("s00000", contract_message("s00000"), account="1/1", version=2)
    sold.supply.member_id = "luis"
    desk.office.tell(member_message("s00000", member_id="luis", name="Luis"), sold)
    (due,) = [each for each in desk.reminders.preview("") if isinstance(each, Due) and each.former_holder]
    assert due.member_id == "s00000-member"
    desk.send()
    told = next(event for event in desk.told if event.supply_id == "s00000")
    assert (told.member_id, told.former_holder, told.cut_off_months) == ("s00000-member", True, 0)


@ON_SQLITE
def test_a_letter_that_would_ask_for_nothing_or_too_late_or_of_nobody_is_refused(desk: Desk) -> None:
    office = desk.office
    letters = ReminderLetters(office.database, office.rules, desk.reminders, office.documents)
    moved = supply_message("s00002", contract_message("s00002"), account="3/1", version=2)
    moved.supply.member_id = "luis"
    left = member_message("s00002", version=2)
    left.ClearField("postal_address")
    office.tell(member_message("s00002", member_id="luis", name="Luis"), left, moved)
    desk.send()
    found = {each.reminder.supply_id: each for each in desk.reminders.page(supply_id="", step="", round_id="",
             proof_missing=False, before="", limit=10)}  # fmt: skip
    with pytest.raises(Refused, match=r"No postal address of .* who held account 3/1 once"):
        letters.letter(found["s00002"].reminder.id)
    office.pay(NUMBERS[0], "54.91")
    with pytest.raises(Refused, match="Nothing of this reminder is unpaid"):
        letters.letter(found["s00000"].reminder.id)
    desk.forward(30)
    with pytest.raises(Refused, match="which is over: the next step asks again"):
        letters.letter(found["s00001"].reminder.id)
    assert letters.printed(list(found.values())) == {}


@ON_SQLITE
def test_what_cannot_be_is_refused_with_a_sentence(desk: Desk) -> None:
    office, reminders = desk.office, desk.reminders
    with pytest.raises(Refused, match="2026-11-22 has not come yet"):
        desk.send("2026-11-22")
    with pytest.raises(Invalid, match="as_of"):
        desk.send("soon")
    assert {type(each) for each in reminders.preview("2027-06-01")} == {Due}
    with pytest.raises(Invalid, match="give a day after today"):
        reminders.hold(office.key(), "staff:ana", "s00000", "2026-11-21", "x")
    with pytest.raises(NotFound):
        reminders.hold(office.key(), "staff:ana", "nobody", "2026-12-21", "x")
    with pytest.raises(Refused, match="not on hold"):
        reminders.release(office.key(), "s00000")
    with pytest.raises(NotFound, match="no reminder"):
        reminders.get("nothing")
    without = Reminders(office.database, office.rules, None, disconnection(office.rules.country.law), None)
    with pytest.raises(Refused, match="sends no reminders"):
        without.send(office.key(), "staff:ana", "")
