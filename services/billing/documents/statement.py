"""The statement of account as PDF: opening balance, every movement with the balance after it, closing balance."""

from __future__ import annotations

from decimal import Decimal

from services.billing.documents import account_head, ink
from services.billing.documents.account_words import told
from services.billing.documents.edition import Edition, edition, letterhead, sheet
from services.billing.documents.model import AgreedPlan, StatementDocument
from services.billing.documents.paper import INNER, PADDING, Item, Paper, Stack, place
from services.billing.documents.table import Cell, head, row
from services.billing.documents.typeface import REGULAR, SEMIBOLD
from services.billing.documents.vocabulary import CAME_BY, MOVEMENTS
from services.billing.signing import Seal

COLUMNS = tuple(INNER * part for part in (0.14, 0.44, 0.14, 0.14, 0.14))


def render_statement(doc: StatementDocument, locale: str, seal: Seal | None = None) -> bytes:
    """The PDF of `doc` in the reader's locale, signed with `seal` if any; the same input always gives the same bytes.

    Raises Invalid when the movements do not lead to the closing balance or the language is unknown.
    """
    doc.check()
    e = edition(locale, doc.jurisdiction, doc.currency)
    title = e.t("Statement of account")
    reference = f"{doc.holder.document_type} {doc.holder.document}"
    paper = sheet(e, doc.issuer, title=title, reference=reference, notice=doc.notice, seal=seal)
    issued = e.t("Issued on {date}").format(date=e.f.day(doc.issue_date))
    letterhead(paper, doc.issuer, [(title, SEMIBOLD, 10.5), (issued, REGULAR, 8.5)])
    _balance(paper, doc, e)
    for plan in doc.plans:
        place(paper, _plan(plan, e))
        paper.y -= 4
    _movements(doc, e).flow(paper, again=_head(e))
    return paper.finish()


def _state(balance: Decimal, e: Edition) -> tuple[str, ink.Colour, ink.Colour]:
    if balance > 0:
        return e.t("To pay"), ink.AMBER, ink.AMBER_GROUND
    if balance < 0:
        return e.t("In the member's favour"), ink.GREEN, ink.GREEN_GROUND
    return e.t("Settled"), ink.GREEN, ink.GREEN_GROUND


def _balance(paper: Paper, doc: StatementDocument, e: Edition) -> None:
    left = Stack(account_head.HALF)
    left.text(e.t("Balance on {date}").format(date=e.f.day(doc.last_day)), SEMIBOLD, 9.5, ink.MUTED)
    left.space(2)
    left.display(e.f.money(abs(doc.closing_balance)), 34)
    left.space(3)
    left.tag(*_state(doc.closing_balance, e), 10)
    if doc.debt:
        left.space(4)
        left.message(e.t("Overdue: **{amount}**"), {"amount": e.f.money(doc.debt.overdue)})
        left.message(e.t("Not yet due: **{amount}**"), {"amount": e.f.money(doc.debt.not_yet_due)})
        if doc.debt.credit:
            left.message(e.t("In your favour: **{amount}**"), {"amount": e.f.money(doc.debt.credit)})
    account_head.draw(paper, left, doc.holder, doc.supply)


def _plan(plan: AgreedPlan, e: Edition) -> Stack:
    """What is paid in instalments, and what of each is left; of a broken plan, by which one it broke."""
    stack = Stack(INNER - 2 * PADDING)
    stack.heading(e.t("Payment plan"))
    told = e.t("Agreed on {date} for {invoices}.")
    stack.text(told.format(date=e.f.day(plan.agreed_on), invoices=e.f.listing(list(plan.invoices))), REGULAR, 9)
    if plan.missed:
        broken = e.t(
            "It is broken: instalment {number}, of {date}, was not paid on its day, so what is left of its invoices is due by "
            "their own dates."
        )
        stack.text(broken.format(number=plan.missed, date=e.f.day(plan.parts[plan.missed - 1].due)), REGULAR, 9)
    else:
        kept = e.t(
            "While each instalment is paid on its day nothing of it is overdue. If one is not, all of it is due at once."
        )
        stack.text(kept, REGULAR, 9)
    stack.space(4)
    columns = tuple(stack.width * part for part in (0.2, 0.4, 0.2, 0.2))
    names = (e.t("Instalment"), e.t("Due date"), e.t("Amount"), e.t("Unpaid"))
    stack.items.append(head(columns, names, ("left", "left", "right", "right")))
    for number, part in enumerate(plan.parts, 1):
        left = e.f.amount(part.left) if part.left else e.t("Paid")
        cells = [
            Cell(str(number)),
            Cell(e.f.day(part.due)),
            Cell(e.f.amount(part.amount), align="right"),
            Cell(left, align="right"),
        ]
        stack.items.append(row(columns, cells))
    return stack


def _head(e: Edition) -> Item:
    names = (e.t("Date"), e.t("Movement"), e.t("Charges"), e.t("Payments"), e.t("Balance"))
    return head(COLUMNS, names, ("left", "left", "right", "right", "right"))


def _movements(doc: StatementDocument, e: Edition) -> Stack:
    stack = Stack(INNER)
    period = e.f.period(doc.period_start, doc.last_day)
    stack.text(e.t("Movements, {period}").format(period=period), SEMIBOLD, 13, keep=True)
    stack.add(6, lambda paper, x, top: None, keep=True)
    stack.items.append(_head(e))
    opening = e.t("Opening balance")
    stack.items.append(_balance_row(e.f.short_date(doc.period_start), opening, doc.opening_balance, e))
    balance = doc.opening_balance
    for movement in doc.movements:
        balance += movement.amount
        name = e.word(MOVEMENTS, movement.kind, movement.label)
        if movement.reference:
            name += f" {movement.reference}"
        if movement.due:
            name += ", " + e.t("due on {date}").format(date=e.f.short_date(movement.due))
        if movement.method:
            name += ", " + e.word(CAME_BY, movement.method)
        if words := told(movement, e):
            name += f": {words}"
        charge = e.f.amount(movement.amount) if movement.amount > 0 else ""
        payment = e.f.amount(-movement.amount) if movement.amount < 0 else ""
        cells = [
            Cell(e.f.short_date(movement.day), colour=ink.MUTED),
            Cell(name),
            Cell(charge, align="right"),
            Cell(payment, align="right"),
            Cell(e.f.amount(balance), align="right"),
        ]
        stack.items.append(row(COLUMNS, cells))
    stack.items.append(_balance_row(e.f.short_date(doc.last_day), e.t("Closing balance"), doc.closing_balance, e))
    stack.space(6)
    note = e.t(
        "A positive balance is owed by the member; a negative one is in the member's favour. Amounts in {currency}."
    )
    stack.text(note.format(currency=e.f.symbol), REGULAR, 8, ink.MUTED)
    return stack


def _balance_row(day: str, name: str, balance: Decimal, e: Edition) -> Item:
    cells = [
        Cell(day, colour=ink.MUTED),
        Cell(name, SEMIBOLD),
        Cell(""),
        Cell(""),
        Cell(e.f.money(balance), SEMIBOLD, align="right"),
    ]
    return row(COLUMNS, cells, size=9.5, pad=4)
