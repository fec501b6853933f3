"""The reminder of overdue debts as a letter: who owes what since when, by when to pay, and what the law gives the household."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.billing.documents import account_head, ink
from services.billing.documents.edition import Edition, edition, letterhead, sheet
from services.billing.documents.model import Holder, Issuer, Jurisdiction, Supply
from services.billing.documents.paper import INNER, Paper, Stack
from services.billing.documents.table import Cell, head, row
from services.billing.documents.typeface import REGULAR, SEMIBOLD
from services.billing.signing import Seal
from services.chassis.errors import Invalid

COLUMNS = (INNER * 0.5, INNER * 0.25, INNER * 0.25)


@dataclass(frozen=True)
class ReminderLetter:
    """What is unpaid on the day of printing, of the debts that the reminder was about.

    `proof`: it goes by a means that proves its receipt; `cut_off_months` (0: nothing is known to tell) and `protected_until`
    are what the law gives the household; `how_to_pay` are the cooperative's own words.
    """

    jurisdiction: Jurisdiction
    currency: str
    issuer: Issuer
    holder: Holder
    supply: Supply
    reminder_id: str
    step: int
    proof: bool
    printed_on: date
    debts: tuple[tuple[str, date, Decimal], ...]
    credit: Decimal
    pay_until: date
    cut_off_months: int = 0
    protected_until: date | None = None
    how_to_pay: str = ""
    notice: str = ""

    @property
    def total(self) -> Decimal:
        return sum((amount for *_, amount in self.debts), Decimal("0.00"))

    def check(self) -> None:
        """Refuse a letter that asks for nothing."""
        if self.total <= 0:
            raise Invalid(f"The reminder {self.reminder_id} cannot be printed: nothing of it is unpaid.", field="debts")


def render_reminder_letter(doc: ReminderLetter, locale: str, seal: Seal | None = None) -> bytes:
    """The PDF of `doc` in the reader's locale, signed with `seal` if any; the same input always gives the same bytes.

    Raises Invalid when nothing is unpaid or the language is unknown.
    """
    doc.check()
    e = edition(locale, doc.jurisdiction, doc.currency)
    title = e.t("Demand for payment") if doc.proof else e.t("Payment reminder")
    paper = sheet(e, doc.issuer, title=title, reference=doc.supply.account, notice=doc.notice, seal=seal)
    printed = e.t("Issued on {date}").format(date=e.f.day(doc.printed_on))
    letterhead(
        paper, doc.issuer, [(title, SEMIBOLD, 10.5), (doc.supply.account, REGULAR, 8.5), (printed, REGULAR, 8.5)]
    )
    _to_whom(paper, doc, e)
    _text(doc, e).flow(paper)
    return paper.finish()


def _to_whom(paper: Paper, doc: ReminderLetter, e: Edition) -> None:
    left = Stack(account_head.HALF)
    left.text(e.t("To pay"), SEMIBOLD, 9.5, ink.MUTED)
    left.space(2)
    left.display(e.f.money(doc.total), 34)
    left.space(3)
    left.tag(e.t("Please pay it by {date}").format(date=e.f.day(doc.pay_until)), ink.AMBER, ink.AMBER_GROUND, 10)
    account_head.draw(paper, left, doc.holder, doc.supply, identified=False)


def _text(doc: ReminderLetter, e: Edition) -> Stack:
    stack = Stack(INNER)
    stack.text(_opening(doc, e), REGULAR, 10)
    stack.space(8)
    stack.items.append(head(COLUMNS, (e.t("Invoice"), e.t("Due date"), e.t("Unpaid")), ("left", "left", "right")))
    for number, due, amount in doc.debts:
        cells = [Cell(number), Cell(e.f.short_date(due)), Cell(e.f.amount(amount), align="right")]
        stack.items.append(row(COLUMNS, cells))
    total = [Cell(e.t("Total"), SEMIBOLD), Cell(""), Cell(e.f.money(doc.total), SEMIBOLD, align="right")]
    stack.items.append(row(COLUMNS, total, size=9.5, pad=4))
    stack.space(8)
    for text in _paragraphs(doc, e):
        stack.text(text, REGULAR, 10)
        stack.space(6)
    stack.text(doc.issuer.name, SEMIBOLD, 10)
    stack.text(" · ".join(text for text in (doc.issuer.telephone, doc.issuer.email) if text), REGULAR, 9, ink.MUTED)
    return stack


def _opening(doc: ReminderLetter, e: Edition) -> str:
    if doc.proof:
        return e.t("We demand payment of this, overdue and unpaid. It is sent by a means that proves its receipt.")
    if doc.step > 1:
        return e.t("We remind you again that this is still overdue and unpaid:")
    return e.t("You may have missed it: this is overdue and we know of no payment:")


def _paragraphs(doc: ReminderLetter, e: Edition) -> list[str]:
    found = []
    if doc.credit > 0:
        credit = e.t("Your account has {amount} in your favour, which you may take off.")
        found.append(credit.format(amount=e.f.money(doc.credit)))
    if doc.how_to_pay:
        found.append(doc.how_to_pay)
    if doc.cut_off_months and doc.proof:
        law = e.t(
            "If it is not paid, the law lets a cut-off of the supply be asked for, and never before {months} months have "
            "passed since you received this demand."
        )
        found.append(law.format(months=doc.cut_off_months))
    if doc.cut_off_months and doc.protected_until:
        safe = e.t("As a vulnerable household, your supply cannot be cut off before {date}.")
        found.append(safe.format(date=e.f.day(doc.protected_until)))
    found.append(
        e.t(
            "If you have paid it already, please ignore this letter. If you do not agree with an invoice, write to us: while "
            "your claim is being looked at we shall not ask you for that amount. If you cannot pay it at once, call us and we "
            "shall find a way."
        )
    )
    return found
