"""Double entry: every invoice, payment and use of credit is an entry whose postings sum to zero.

Accounts: `receivable` and `member_credit` of a supply's account, `revenue` by service, `tax` by tax; `bank` and `cash`; and
where money is on its way to the bank: `card`, `direct_debit` and `collector`, which the bank's own movement clears,
`unmatched` for money of which it is not known yet whose it is, and `till_difference` for what was counted otherwise. A debit
is positive, a credit negative; what a member owes is receivable + member_credit. Entries of the cooperative alone have no supply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from services.billing.domain.bill import ZERO
from services.chassis.errors import Invalid
from services.chassis.money import minor_units, round_half_up

RECEIVABLE = "receivable"
MEMBER_CREDIT = "member_credit"
#: The two accounts that together are what a member sees as "my account".
MEMBER_ACCOUNTS = (RECEIVABLE, MEMBER_CREDIT)
#: Where each way of paying lands.
METHOD_ACCOUNTS = {
    "cash": "cash",
    "transfer": "bank",
    "card": "card",
    "direct_debit": "direct_debit",
    "collector": "collector",
}
BANK, UNMATCHED = "bank", "unmatched"
#: What was counted in the till more or less than the ledger had.
TILL_DIFFERENCE = "till_difference"
#: How money goes back: the payer's bank took it back, or the cooperative returns it.
RETURNED, REFUND = "payment_returned", "refund"
#: Debts lapse after five years (Spain, Código Civil, art. 1964; Argentina, Código Civil y Comercial, art. 2560): money that
#: came before is a year that was typed wrongly.
OLDEST_PAYMENT_YEARS = 5
#: A payment that was of somebody else: its money waits on UNMATCHED again.
TAKEN_OFF = "payment_taken_off"


@dataclass(frozen=True)
class Posting:
    account: str
    detail: str
    amount: Decimal


@dataclass(frozen=True)
class Entry:
    """One dated, balanced entry. `kind` is "invoice", "payment", "credit_applied", "rectification", "payment_returned",
    "refund", "payment_taken_off", "settled" (money that reached the bank), "till_difference", or "bank_movement" and "set_aside" of
    bank_entries.py; `document` what it is about.
    """

    supply_id: str
    day: date
    kind: str
    document: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        balance = sum((posting.amount for posting in self.postings), ZERO)
        if balance != 0 or len(self.postings) < 2:
            raise ValueError(f"the entry {self.kind} {self.document} does not balance: its postings sum to {balance}")

    @property
    def member_amount(self) -> Decimal:
        """Change of what the member owes."""
        return sum((each.amount for each in self.postings if each.account in MEMBER_ACCOUNTS), ZERO)


@dataclass(frozen=True)
class OpenItem:
    """What is still unpaid of an invoice."""

    invoice_id: str
    number: str
    due_date: date
    outstanding: Decimal

    def in_parts(self, plan: Sequence[tuple[date, Decimal]]) -> tuple[OpenItem, ...]:
        """An item for each unpaid instalment of a plan of (due date, amount): what was paid paid the first ones.

        What is unpaid beyond the plan, because credit that paid came back, is due with the first one.
        """
        if not plan:
            return (self,)
        left, parts = self.outstanding, []
        for due, amount in reversed(plan):
            part = min(left, amount)
            if part > 0:
                parts.append(replace(self, due_date=due, outstanding=part))
            left -= part
        if left > 0:
            parts[-1] = replace(parts[-1], outstanding=parts[-1].outstanding + left)
        return tuple(reversed(parts))


@dataclass(frozen=True)
class Allocation:
    """How an amount is spread: invoice id and amount, in order; `credit` is what no invoice took."""

    takes: tuple[tuple[str, Decimal], ...]
    credit: Decimal

    @property
    def taken(self) -> Decimal:
        return sum((amount for _, amount in self.takes), ZERO)


@dataclass(frozen=True)
class Debt:
    """An account on a day: due and unpaid, issued and not yet due, and what the cooperative owes the member."""

    overdue: Decimal
    not_yet_due: Decimal
    credit: Decimal
    items: tuple[OpenItem, ...]

    def due_items(self, today: date) -> tuple[OpenItem, ...]:
        return tuple(item for item in self.items if item.due_date < today)

    def future_items(self, today: date) -> tuple[OpenItem, ...]:
        return tuple(item for item in self.items if item.due_date >= today)


@dataclass(frozen=True)
class Settled:
    """What of an invoice was paid; negative: opened again."""

    invoice_id: str
    number: str
    amount: Decimal


@dataclass(frozen=True)
class Movement:
    """An entry of an account as its statement has it; `change` is of what the member owes.

    `settled`: which invoices it paid; `credited`: what became credit, negative where credit was used or went back;
    `method` and `payment_id` of a payment, and of what went back of one; `receipt_number` of a payment that has one.
    """

    day: date
    kind: str
    document: str
    change: Decimal
    method: str = ""
    payment_id: str = ""
    settled: tuple[Settled, ...] = ()
    credited: Decimal = ZERO
    receipt_number: str = ""


@dataclass(frozen=True)
class StatementLine:
    movement: Movement
    balance: Decimal

    @property
    def debit(self) -> Decimal:
        return max(self.movement.change, ZERO)

    @property
    def credit(self) -> Decimal:
        return max(-self.movement.change, ZERO)


def invoice_entry(
    supply_id: str, day: date, number: str, revenue: Mapping[str, Decimal], taxes: Mapping[str, Decimal]
) -> Entry:
    """The member owes the total; revenue by service and taxes by kind are earned and owed on."""
    total = sum(revenue.values(), ZERO) + sum(taxes.values(), ZERO)
    postings = [Posting(RECEIVABLE, "", total)]
    postings += [Posting("revenue", service, -amount) for service, amount in sorted(revenue.items())]
    postings += [Posting("tax", tax, -amount) for tax, amount in sorted(taxes.items())]
    return Entry(supply_id, day, "invoice", number, tuple(postings))


def payment_entry(
    supply_id: str, day: date, number: str, method: str, allocation: Allocation, source: str = ""
) -> Entry:
    """Money in for the invoice `number`; what is owed falls by what invoices took, the rest is the member's credit.

    ``source``: the account the money comes from, when not the one of its method: UNMATCHED for what waited there.
    """
    postings = [Posting(source or METHOD_ACCOUNTS[method], method, allocation.taken + allocation.credit)]
    if allocation.taken:
        postings.append(Posting(RECEIVABLE, "", -allocation.taken))
    if allocation.credit:
        postings.append(Posting(MEMBER_CREDIT, "", -allocation.credit))
    return Entry(supply_id, day, "payment", number, tuple(postings))


@dataclass(frozen=True)
class GivenBack:
    """Where an amount that goes back comes from: credit, and the invoices that are open again by so much, in order."""

    credit: Decimal
    reopened: tuple[tuple[str, Decimal], ...]

    @property
    def amount(self) -> Decimal:
        return self.credit + sum((amount for _, amount in self.reopened), ZERO)


def give_back(amount: Decimal, credit: Decimal, settled: Iterable[tuple[str, Decimal]]) -> GivenBack:
    """Takes an amount back from a payment: from the credit it left, then from the invoices it settled, the last first.

    ``credit``: what is left of the account's credit and came with the payment; ``settled``: (invoice id, amount) that
    may be opened again, in the order in which they were settled. Raises Invalid when there is less than the amount.
    """
    from_credit = min(amount, credit)
    left, reopened = amount - from_credit, []
    for invoice_id, taken in reversed(list(settled)):
        part = min(left, taken)
        if part > 0:
            reopened.append((invoice_id, part))
            left -= part
    if left:
        raise Invalid(
            f"{amount} cannot be taken back: {left} of it is neither credit nor paid an invoice.", field="amount"
        )
    together: dict[str, Decimal] = {}
    for invoice_id, part in reopened:
        together[invoice_id] = together.get(invoice_id, ZERO) + part
    return GivenBack(from_credit, tuple(together.items()))


def give_back_entry(supply_id: str, day: date, kind: str, document: str, method: str, given: GivenBack) -> Entry:
    """Money out again, of kind RETURNED, REFUND or TAKEN_OFF: what is owed grows by what was opened, credit falls."""
    place = UNMATCHED if kind == TAKEN_OFF else METHOD_ACCOUNTS[method]
    postings = [Posting(place, method, -given.amount)]
    reopened = given.amount - given.credit
    if reopened:
        postings.append(Posting(RECEIVABLE, "", reopened))
    if given.credit:
        postings.append(Posting(MEMBER_CREDIT, "", given.credit))
    return Entry(supply_id, day, kind, document, tuple(postings))


def credit_entry(supply_id: str, day: date, number: str, amount: Decimal) -> Entry:
    """Earlier credit pays (a part of) an invoice: nothing changes for the member's balance."""
    postings = (Posting(MEMBER_CREDIT, "", amount), Posting(RECEIVABLE, "", -amount))
    return Entry(supply_id, day, "credit_applied", number, postings)


def allocate(amount: Decimal, named: str, open_items: Iterable[OpenItem]) -> Allocation:
    """Spread a payment: the named invoice first, then the oldest open ones, the rest is credit."""
    items = sorted(open_items, key=lambda item: (item.invoice_id != named, item.due_date, item.number))
    left = amount
    takes: dict[str, Decimal] = {}  # instalments of one invoice come together
    for item in items:
        take = min(left, item.outstanding)
        if take > 0:
            takes[item.invoice_id] = takes.get(item.invoice_id, ZERO) + take
            left -= take
    return Allocation(tuple(takes.items()), left)


def debt_on(today: date, open_items: Iterable[OpenItem], credit: Decimal) -> Debt:
    """The state of an account on a civil day of the cooperative: an invoice is overdue from the day after its due date."""
    items = tuple(
        sorted((item for item in open_items if item.outstanding), key=lambda item: (item.due_date, item.number))
    )
    overdue = sum((item.outstanding for item in items if item.due_date < today), ZERO)
    return Debt(overdue, sum((item.outstanding for item in items), ZERO) - overdue, credit, items)


def statement_lines(opening: Decimal, movements: Sequence[Movement]) -> tuple[tuple[StatementLine, ...], Decimal]:
    """Lines with a running balance, in the order given, and the closing balance."""
    lines, balance = [], opening
    for movement in movements:
        balance += movement.change
        lines.append(StatementLine(movement, balance))
    return tuple(lines), balance


def till_difference_entry(day: date, difference: Decimal) -> Entry:
    """What was counted in the till more (or less, when negative) than the ledger had: the cooperative's own."""
    postings = (Posting(METHOD_ACCOUNTS["cash"], "counted", difference), Posting(TILL_DIFFERENCE, "", -difference))
    return Entry("", day, "till_difference", day.isoformat(), postings)


def check_amount(amount: Decimal, currency: str, expected_currency: str) -> None:
    """Invalid, with a sentence, for an amount that nobody can pay in the currency of the accounts."""
    if currency != expected_currency:
        raise Invalid(
            f"The payment is in {currency or 'no currency'} and the accounts are kept in {expected_currency}; "
            f"record it in {expected_currency}.",
            field="amount.currency_code",
        )
    if not amount.is_finite() or amount <= 0:
        raise Invalid(f"The amount {amount} is not more than zero; record what was really paid.", field="amount.amount")
    if amount != round_half_up(amount, minor_units(currency)) or amount >= Decimal(10) ** 12:
        raise Invalid(
            f"The amount {amount} cannot be paid in {currency}; give at most {minor_units(currency)} decimals and less "
            "than a million million.",
            field="amount.amount",
        )


def check_payment(
    amount: Decimal, currency: str, expected_currency: str, method: str, paid_on: date, today: date
) -> None:
    """Invalid, with a sentence, for an amount, currency, way of paying or date that cannot be."""
    check_amount(amount, currency, expected_currency)
    if method not in METHOD_ACCOUNTS:
        raise Invalid(f"The method {method!r} is not known; use one of {', '.join(METHOD_ACCOUNTS)}.", field="method")
    if paid_on > today:
        raise Invalid(
            f"The payment of {paid_on} is in the future (today is {today}); record it when it arrives.", field="paid_on"
        )
    if today.year - paid_on.year > OLDEST_PAYMENT_YEARS:
        raise Invalid(
            f"The payment of {paid_on} is more than {OLDEST_PAYMENT_YEARS} years old: check its year.", field="paid_on"
        )
