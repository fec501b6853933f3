"""Payment plans: what is due follows the instalments while they are paid on their days, and nothing else once one is not."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal as D
from io import BytesIO

import pytest
from coop.billing.events.v1.events_pb2 import PaymentPlanAgreed, PaymentPlanOver
from pypdf import PdfReader
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.billing.application.certificates import Granted, RefusedCertificate
from services.billing.application.collections import Collections
from services.billing.application.mandates import Mandates, NewMandate, debit_terms
from services.billing.application.plan_news import PlanNews
from services.billing.application.plans import Plans
from services.billing.application.plans_found import PlanFound
from services.billing.application.receiving import Outgoing, Receiving
from services.billing.application.reminders import Reminders
from services.billing.application.remittances import Remittances
from services.billing.domain.ledger import RETURNED
from services.billing.domain.payments.card_orders import to_pay
from services.billing.domain.reminders import Due, reminder_policy
from services.billing.jurisdictions.disconnection import disconnection
from services.chassis.errors import Invalid, NotFound, Refused
from tests.support.billing import STAFF, Office, in_threads, member_message, supply_message

SUPPLY = "s00000"
#: Of September, due on 22 October, and of October, due on 23 November; today is Saturday 21 November 2026.
SEPTEMBER, OCTOBER = "E-2026-000001", "E-2026-000002"
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Desk:
    def __init__(self, office: Office) -> None:
        self.office = office
        self.plans = Plans(office.database, office.rules)

    def agree(self, *invoices: str, count: int = 3, first: str = "2026-12-05") -> PlanFound:
        return self.plans.agree(self.office.key(), "staff:office", SUPPLY, count, first, invoices)

    def go_to(self, day: str) -> None:
        self.office.clock.advance(timedelta(days=(date.fromisoformat(day) - self.today).days))

    @property
    def today(self) -> date:
        return self.office.rules.today(self.office.clock.now())

    def pay(self, amount: str, on: str = "", invoice: str = SEPTEMBER) -> str:
        return self.office.pay(invoice, amount, paid_on=on or self.today.isoformat()).payment.id

    def items(self) -> list[tuple[str, str, str]]:
        """(number, due date, unpaid) of the account."""
        found = self.office.accounts.debt(STAFF, SUPPLY).debt.items
        return [(each.number, each.due_date.isoformat(), str(each.outstanding)) for each in found]

    def overdue(self) -> D:
        return self.office.accounts.debt(STAFF, SUPPLY).debt.overdue

    def certificate(self) -> Granted | RefusedCertificate:
        return self.office.certificates.request(self.office.key(), STAFF, SUPPLY)

    def statement(self, end: str = "") -> str:
        found = self.office.accounts.statement(STAFF, SUPPLY, "2026-10-01", end)
        (page,) = PdfReader(BytesIO(self.office.documents.statement(STAFF, found).content)).pages
        return " ".join(page.extract_text().split())

    def reminded(self, as_of: str) -> list[str]:
        rules = self.office.rules
        law = disconnection(rules.country.law)
        policy = reminder_policy(rules.profile.section("reminders"), rules.days_to_pay, law.law(self.today))
        desk = Reminders(self.office.database, rules, policy, law, debit_terms(rules.profile))
        return [debt.number for each in desk.preview(as_of) if isinstance(each, Due) for debt in each.debts]


@pytest.fixture
def desk(office: Office) -> Desk:
    """Each of the two invoices is of 54.91 and 55.44."""
    office.add_supplies(1)
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    return Desk(office)


@ON_SQLITE
def test_what_is_due_follows_the_instalments(desk: Desk) -> None:
    assert desk.items() == [(SEPTEMBER, "2026-10-22", "54.91"), (OCTOBER, "2026-11-23", "55.44")]
    assert desk.reminded("2026-11-24") == [SEPTEMBER]
    made = desk.agree()
    # 110.35 in three; the first of Saturday 5 December is due on Wednesday 9, after the Sunday and two holidays.
    parts = [(each.due_date.isoformat(), str(each.amount)) for each in made.plan.terms.instalments]
    assert parts[0][1:] + parts[1][1:] + parts[2][1:] == ("36.79", "36.78", "36.78")
    first, second, third = (day for day, _ in parts)
    assert (made.state, made.numbers, made.left) == ("kept", (SEPTEMBER, OCTOBER), D("110.35"))
    assert desk.items() == [
        (SEPTEMBER, first, "36.79"),
        (SEPTEMBER, second, "18.12"),
        (OCTOBER, second, "18.66"),
        (OCTOBER, third, "36.78"),
    ]
    assert desk.overdue() == 0 and desk.reminded("2026-12-01") == [], "a kept plan is left alone"
    debt = desk.office.accounts.debt(STAFF, SUPPLY).debt
    assert to_pay(debt, "next", "", desk.today).amount == D("36.79"), "by card, the instalment alone"
    granted = desk.certificate()
    assert isinstance(granted, Granted) and granted.certificate.position["variant"] == "agreed_plan"
    desk.go_to(first)
    desk.pay("36.79")
    found = desk.office.invoices.get(STAFF, SEPTEMBER)
    assert (found.due.isoformat(), found.outstanding) == (second, D("18.12"))
    assert found.plan is not None and found.plan.paid == (D("36.79"), D("0.00"), D("0.00"))
    desk.go_to(second)
    # Money that names the later invoice counts for the plan as well.
    desk.pay("36.78", invoice=OCTOBER)
    desk.go_to(third)
    assert desk.items() == [(SEPTEMBER, third, "18.12"), (OCTOBER, third, "18.66")]
    assert isinstance(desk.certificate(), Granted)
    desk.pay("36.78")
    assert desk.plans.get(made.plan.id).state == "paid" and desk.items() == []
    desk.go_to("2027-06-01")
    last = desk.certificate()
    assert isinstance(last, Granted) and last.certificate.position["variant"] == "plain"
    assert desk.office.positions.check(granted.certificate.number).agrees
    assert desk.office.positions.check(last.certificate.number).agrees


@ON_SQLITE
def test_an_instalment_that_is_not_paid_on_its_day_breaks_the_plan(desk: Desk) -> None:
    made = desk.agree(count=2, first="2026-12-10")
    desk.go_to("2026-12-10")
    before = desk.certificate()
    assert isinstance(before, Granted)
    desk.go_to("2026-12-11")
    found = desk.plans.get(made.plan.id)
    assert found.state == "broken" and found.broken is not None
    assert (found.broken.position, found.broken.missing, found.broken.since) == (1, D("55.18"), desk.today)
    assert desk.items() == [(SEPTEMBER, "2026-10-22", "54.91"), (OCTOBER, "2026-11-23", "55.44")]
    refused = desk.certificate()
    assert isinstance(refused, RefusedCertificate) and refused.total_due == D("110.35")
    (broken,) = refused.broken
    assert (broken.position, broken.of, broken.due_date.isoformat(), broken.missing) == (1, 2, "2026-12-10", D("55.18"))
    assert desk.reminded("2026-12-11") == [SEPTEMBER, OCTOBER]
    assert (
        "110,35 € Aún no vencido: 0,00 €" in desk.statement()
        and "Está incumplido: el plazo 1, del 10 de d" in desk.statement()
    )
    assert "Plan de pagos" not in desk.statement("2026-12-11"), "what is so today is no part of a statement of before"
    # What was paid late does not mend it; what was paid in time and comes to light later does.
    payment = desk.pay("55.18")
    assert desk.plans.get(made.plan.id).state == "broken" and desk.overdue() == D("55.17")
    order = Outgoing(payment, RETURNED, D("55.18"), desk.today, "AM04", "no funds", "staff:office")
    with desk.office.database.write() as tx:
        Receiving(desk.office.rules).give_back(tx, order)
    desk.pay("55.18", on="2026-12-10")
    assert desk.plans.get(made.plan.id).state == "kept" and desk.overdue() == 0
    assert isinstance(desk.certificate(), Granted)
    assert desk.office.positions.check(before.certificate.number).agrees


@ON_SQLITE
def test_members_hear_of_a_plan_when_it_is_agreed_breaks_is_paid_or_ends(desk: Desk) -> None:
    news, office = PlanNews(desk.office.database, desk.office.rules), desk.office
    made = desk.agree(count=2, first="2026-12-10")
    (agreed,) = office.events(PaymentPlanAgreed)
    assert (agreed.plan_id, agreed.member_id, agreed.former_holder) == (made.plan.id, f"{SUPPLY}-member", False)
    assert list(agreed.invoice_numbers) == [SEPTEMBER, OCTOBER] and agreed.total.amount == "110.35"
    assert [(each.due_date, each.amount.amount) for each in agreed.instalments] == [
        ("2026-12-10", "55.18"),
        ("2027-01-11", "55.17"),
    ]
    desk.go_to("2026-12-10")
    assert news.tell() == 0
    desk.go_to("2026-12-11")
    assert (news.tell(), news.tell()) == (1, 0), "each is told once"
    (broken,) = office.events(PaymentPlanOver)
    assert (broken.outcome, broken.instalment, broken.instalments, broken.due_date) == ("broken", 1, 2, "2026-12-10")
    assert (broken.missing.amount, broken.outstanding.amount) == ("55.18", "110.35")
    # It was paid in time and is kept again; the rest comes, too.
    desk.pay("55.18", on="2026-12-10")
    assert news.tell() == 0
    desk.pay("55.17")
    assert (news.tell(), news.tell()) == (1, 0)
    assert office.events(PaymentPlanOver)[-1].outcome == "paid"
    # Another one of somebody who left the supply meanwhile; the office ends it.
    office.bill("2026-11", "2026-12-11")
    second = desk.agree(count=1, first="2027-01-11")
    sold = supply_message(SUPPLY, version=5)
    sold.supply.member_id = "new-member"
    office.tell(member_message("new"), sold)
    desk.plans.end(office.key(), "staff:ana", second.plan.id, "Agreed anew")
    ended = office.events(PaymentPlanOver)[-1]
    assert (ended.outcome, ended.reason, ended.former_holder) == ("ended", "Agreed anew", True)
    assert news.tell() == 0


@ON_SQLITE
def test_money_that_comes_back_breaks_the_plan_from_that_day_on(desk: Desk) -> None:
    # Half of the first invoice was paid before the plan, and that comes back, too.
    early = desk.pay("20.00", on="2026-11-20")
    made = desk.agree(count=2, first="2026-12-10")
    assert made.plan.terms.total == D("90.35")
    with desk.office.database.write() as tx:
        order = Outgoing(early, RETURNED, D("20.00"), desk.today, "AM04", "no funds", "staff:office")
        Receiving(desk.office.rules).give_back(tx, order)
    assert desk.items()[0] == (SEPTEMBER, "2026-10-22", "20.00"), "what the plan was not about is due as it was"
    desk.pay("20.00")
    desk.go_to("2026-12-10")
    paid = desk.pay("45.18")
    desk.go_to("2026-12-15")
    assert desk.plans.get(made.plan.id).state == "kept"
    with desk.office.database.write() as tx:
        order = Outgoing(paid, RETURNED, D("45.18"), desk.today, "MD06", "claimed", "staff:office")
        Receiving(desk.office.rules).give_back(tx, order)
    found = desk.plans.get(made.plan.id)
    assert found.broken is not None and (found.broken.since, found.state) == (desk.today, "broken")
    assert desk.overdue() == D("90.35")


@ON_SQLITE
def test_a_certificate_does_not_see_what_was_agreed_after_it(desk: Desk) -> None:
    desk.pay("54.91")
    before = desk.certificate()
    assert isinstance(before, Granted) and before.certificate.position["variant"] == "not_yet_due"
    # At the same instant of the clock, and later.
    made = desk.agree(first="2026-12-10")
    assert desk.office.positions.check(before.certificate.number).agrees
    during = desk.certificate()
    assert isinstance(during, Granted) and during.certificate.position["variant"] == "agreed_plan"
    desk.office.clock.advance(timedelta(hours=1))
    desk.plans.end(desk.office.key(), "staff:office", made.plan.id, "The holder asked for it")
    desk.office.clock.advance(timedelta(hours=1))
    desk.agree(count=2, first="2026-12-20")
    for granted in (before, during):
        assert desk.office.positions.check(granted.certificate.number).agrees


@ON_SQLITE
def test_the_office_ends_a_plan_and_agrees_on_another(desk: Desk) -> None:
    made = desk.agree(SEPTEMBER)
    with pytest.raises(Refused, match=f"{SEPTEMBER} is in the payment plan {made.plan.id} of 2026-11-21 already"):
        desk.agree(SEPTEMBER)
    key = desk.office.key()
    ended = desk.plans.end(key, "staff:ann", made.plan.id, " Agreed anew ")
    assert desk.plans.end(key, "staff:ann", made.plan.id, " Agreed anew ") == ended
    assert (ended.state, ended.plan.reason, ended.plan.ended_by) == ("ended", "Agreed anew", "staff:ann")
    assert desk.items()[0] == (SEPTEMBER, "2026-10-22", "54.91") and desk.overdue() == D("54.91")
    with pytest.raises(Refused, match="is ended already"):
        desk.plans.end(desk.office.key(), "staff:ann", made.plan.id, "again")
    with pytest.raises(Invalid, match="1 to 500 characters"):
        desk.plans.end(desk.office.key(), "staff:ann", made.plan.id, " ")
    again = desk.agree(SEPTEMBER, count=1)
    assert [each.plan.id for each in desk.plans.page(SUPPLY, with_ended=False, before="", limit=5)] == [again.plan.id]
    both = desk.plans.page("", with_ended=True, before="", limit=5)
    assert [each.plan.id for each in both] == [again.plan.id, made.plan.id]
    with pytest.raises(DBAPIError, match="written once"), desk.office.database.write() as tx:
        tx.execute(text("UPDATE payment_plan_instalment SET amount = 1"))


@ON_SQLITE
def test_what_cannot_be_in_a_plan_is_refused_by_a_sentence(desk: Desk) -> None:
    desk.pay("54.91")
    desk.office.disputes.open(desk.office.key(), "staff:office", OCTOBER, "The meter was changed")
    for invoices, error, said in (
        ([SEPTEMBER], Refused, f"Nothing of invoice {SEPTEMBER} is unpaid"),
        ([OCTOBER], Refused, f"Invoice {OCTOBER} is in dispute; close the dispute first"),
        (["E-9"], NotFound, "There is no invoice 'E-9' of this supply"),
        ([], Refused, f"nothing to pay in instalments on this account: Invoice {OCTOBER} is in dispute"),
    ):
        with pytest.raises(error, match=said):
            desk.agree(*invoices)
    desk.office.disputes.close(desk.office.key(), "staff:office", OCTOBER, "It was not")
    for how, said in (
        ({"count": 0}, "0 instalments are not possible here; choose 1 to 36"),
        ({"count": 37}, "37 instalments are not possible"),
        ({"first": "2026-11-20"}, "The first instalment is on 2026-11-20; give a day from today"),
        ({"first": "2027-11-23"}, "give a day from today"),
        ({"first": "5-12-2026"}, "first "),
    ):
        with pytest.raises(Invalid, match=said):
            desk.agree(**how)
    with pytest.raises(Refused, match="is due on 2026-11-23, after the first instalment; begin later"):
        desk.agree(OCTOBER, first="2026-11-22")
    with pytest.raises(NotFound, match="There is no payment plan 'x'"):
        desk.plans.get("x")
    desk.pay("55.39", invoice=OCTOBER)
    with pytest.raises(Invalid, match=r"0\.05 cannot be divided into 6 instalments"):
        desk.agree(count=6)


@ON_SQLITE
def test_a_remittance_collects_the_instalments_due_by_its_day_and_a_plan_waits_for_the_bank(desk: Desk) -> None:
    office, terms = desk.office, debit_terms(desk.office.rules.profile)
    assert terms is not None
    order = NewMandate(SUPPLY, "", "ES7620770024003102575766", "2026-01-02", "2026-01-02", "folder 3", "")
    Mandates(office.database, office.rules, terms).add(office.key(), "staff:office", order)
    remittances = Remittances(office.database, office.rules, office.blobs, terms)
    proposed = remittances.propose(office.key(), "staff:office", "2026-11-25", []).remittance.number
    with pytest.raises(Refused, match=f"{SEPTEMBER} is in the remittance {proposed}; wait until"):
        desk.agree(SEPTEMBER)
    remittances.discard(office.key(), "staff:office", proposed)
    made = desk.agree(count=2, first="2026-12-10")
    desk.go_to("2026-12-07")
    # All of September's invoice, and 0.27 of October's; of what is due in January nothing.
    sent = remittances.propose(office.key(), "staff:office", "2026-12-10", [])
    assert sent.sums == {"proposed": (2, D("55.18"))}
    remittances.approve(office.key(), "staff:office", sent.remittance.number)
    desk.go_to("2026-12-14")
    assert desk.plans.get(made.plan.id).state == "kept", "the bank has the instalment"
    assert desk.overdue() == D("55.18")
    Collections(office.database, office.rules).settle(office.key(), "staff:office", sent.remittance.number)
    assert desk.plans.get(made.plan.id).paid == (D("55.18"), D("0.00")) and desk.overdue() == 0


def test_racing_calls_agree_on_one_plan(desk: Desk) -> None:
    key, made = desk.office.key(), []

    def work(number: int) -> None:
        same = number % 2 == 0
        with suppress(Refused):
            asked = key if same else desk.office.key()
            made.append(desk.plans.agree(asked, "staff:office", SUPPLY, 3, "2026-12-10", [SEPTEMBER]).plan.id)

    in_threads(50, work)
    assert len({*made}) == 1 and len(desk.plans.page("", with_ended=True, before="", limit=9)) == 1
