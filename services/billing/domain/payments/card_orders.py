"""The life of a card payment's order: what a notification of the bank changes, and when an order is given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import Debt, OpenItem
from services.billing.domain.payments.redsys import Answer
from services.chassis.errors import Refused

State = Literal["created", "authorised", "denied", "expired"]
CREATED: State = "created"
AUTHORISED: State = "authorised"
DENIED: State = "denied"
#: Never stored: what an order is shown as once nobody can be at the bank with it any more.
EXPIRED: State = "expired"
STATES: tuple[State, ...] = (CREATED, AUTHORISED, DENIED, EXPIRED)

LIFETIME = timedelta(hours=1)
"""How long somebody may take at the bank: its page is given up much earlier. A later authorisation is money all the same."""

Scope = Literal["invoice", "overdue", "next", "all"]


def next_state(state: State, answer: Answer) -> State:
    """The state after a notification: an authorisation stays, whatever comes after it, and comes through after a denial.

    The same notifications in any order, however often each comes, thus end in the same state.
    """
    if state == AUTHORISED or answer.paid:
        return AUTHORISED
    return DENIED


def shown_state(state: State, created_at: datetime, now: datetime) -> State:
    """The state for people: an order that the bank said nothing of expires."""
    return EXPIRED if state == CREATED and now - created_at > LIFETIME else state


@dataclass(frozen=True)
class ToPay:
    """What an order is for. `invoice_id`: the one invoice it names, None for a debt of several."""

    amount: Decimal
    invoice_id: str | None


def to_pay(debt: Debt, scope: Scope, invoice_id: str, today: date) -> ToPay:
    """What is unpaid of one invoice, of what is past its date, of that and what falls due on the first day to come (an
    instalment, in an account that is paid in instalments), or of everything issued. Refused when that is nothing.
    """
    if scope == "invoice":
        items = [item for item in debt.items if item.invoice_id == invoice_id]
    elif scope == "overdue":
        items = list(debt.due_items(today))
    elif scope == "next":
        first = min((item.due_date for item in debt.future_items(today)), default=today)
        items = [item for item in debt.items if item.due_date <= first]
    else:
        items = list(debt.items)
    amount = sum((item.outstanding for item in items), ZERO)
    if amount <= 0:
        what = {"invoice": "The invoice is paid", "overdue": "Nothing is past its date"}
        raise Refused(f"{what.get(scope, 'Every invoice is paid')}: there is nothing to pay by card.", "NOTHING_TO_PAY")
    return ToPay(amount, _only(items))


def _only(items: list[OpenItem]) -> str | None:
    named = {item.invoice_id for item in items}
    return named.pop() if len(named) == 1 else None
