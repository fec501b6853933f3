"""Which overdue debts are reminded of, at which step, and which are left alone, on a day.

The steps are the cooperative's policy (`[reminders]` of its profile): the first so many days after the due date, each of
the others no sooner after the one before it than the policy has between the two, so that an old debt goes through all of
them. What the law says of the first notice with proof of receipt bounds the policy (`Law`); nothing here cuts a supply off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from services.billing.domain.bill import ZERO
from services.billing.domain.calendar import WorkingCalendar, due_date
from services.billing.domain.planning import add_months
from services.billing.domain.rows import exact, text
from services.billing.domain.supplies import Member, Supply
from services.chassis.errors import Invalid

#: Why a debt that is overdue is not reminded of.
HOLD, DISPUTED, IN_CORRECTION, DIRECT_DEBIT = "hold", "disputed", "in_correction", "direct_debit"
CREDIT, BELOW_MINIMUM = "credit", "below_minimum"
#: The track of a supply that may not be cut off.
ESSENTIAL = "essential"
MOST_STEPS, LONGEST_DAYS, LONGEST_CODE = 9, 365, 20
#: Days by which weekends and holidays move a due date at most: Easter, and Christmas with its bridges.
_MOVED = 5
#: Document types of people, and first letters of tax numbers that are people's: Orden EHA/451/2008 has those of companies.
_PERSONAL, _PERSONAL_LETTERS = frozenset({"dni", "nie", "passport"}), "0123456789KLMXYZ"


@dataclass(frozen=True)
class Step:
    """`number` counts from 1. `proof`: it goes by registered post (or alike) too, and the office notes its receipt."""

    code: str
    number: int
    after_days: int
    pay_within_days: int
    proof: bool = False


@dataclass(frozen=True)
class Policy:
    """`minimum`: an account that owes less is left alone."""

    steps: tuple[Step, ...]
    minimum: Decimal

    def step(self, code: str) -> Step | None:
        return next((step for step in self.steps if step.code == code), None)


@dataclass(frozen=True)
class Law:
    """What the law says of unpaid supplies, on a day.

    Months before a supply may be cut off count from the day on which the demand was received: `household_months` of people
    in their home up to `household_max_power_w`, `vulnerable_months` of those with the social bonus. The first notice goes
    within `notice_months` of the invoice; a demand that could not be delivered again after `repeat_working_days`; the last
    word with the date `warning_working_days` before it.
    """

    household_max_power_w: int
    household_months: int
    vulnerable_months: int
    notice_months: int
    repeat_working_days: int
    warning_working_days: int
    source: str


@dataclass(frozen=True)
class Essential:
    """Kinds of supplies that may not be cut off whatever they owe; those in `renewed` rest on a paper that ends."""

    kinds: tuple[str, ...]
    renewed: tuple[str, ...]
    source: str

    def check(self, kind: str, until: date | None) -> None:
        """Invalid for a kind that is none, and for one that needs a day on which its paper ends and has none."""
        if kind not in (*self.kinds, *self.renewed):
            raise Invalid(
                f"kind is {kind!r}; {self.source} has {', '.join((*self.kinds, *self.renewed))}.", field="kind"
            )
        if kind in self.renewed and until is None:
            raise Invalid(f"{kind} rests on a paper that ends: say with until on which day.", field="until")


@dataclass(frozen=True)
class Told:
    """What a reminder tells of a cut-off: `months` from the receipt of the demand (0: nothing is known to tell), and the
    day until which the household may not be cut off at all. In working days, after how many a demand that was not received
    is sent again, and how long before a cut-off the last word with its date has to be there."""

    track: str = ""
    months: int = 0
    repeat_days: int = 0
    warning_days: int = 0
    source: str = ""
    protected_until: date | None = None
    protected_source: str = ""

    def state(self) -> dict[str, Any]:
        """As it is kept."""
        until = self.protected_until.isoformat() if self.protected_until else ""
        return {**self.__dict__, "protected_until": until}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Told:
        until = state["protected_until"]
        return cls(**{**state, "protected_until": date.fromisoformat(until) if until else None})

    def earliest_cut_off(self, received_on: date) -> date | None:
        """The first day on which the law lets a cut-off be asked for, once the demand was received; None: not known."""
        if not self.months:
            return None
        day = add_months(received_on, self.months)
        return max(day, self.protected_until) if self.protected_until else day

    def send_again_on(self, issued_on: date, calendar: WorkingCalendar) -> date | None:
        """The day on which a demand that has not been received goes out once more; None: not known."""
        return working_days_from(issued_on, self.repeat_days, calendar) if self.repeat_days else None

    def warn_by(self, received_on: date, calendar: WorkingCalendar) -> date | None:
        """The last day for the last word, were the cut-off on the first day that the law lets it be; None: not known."""
        first = self.earliest_cut_off(received_on)
        return working_days_from(first, -self.warning_days, calendar) if first else None


def working_days_from(day: date, count: int, calendar: WorkingCalendar) -> date:
    """So many working days after a day, or before it when negative.

    >>> working_days_from(date(2027, 2, 10), -15, WorkingCalendar(frozenset())).isoformat()
    '2027-01-20'
    """
    step = timedelta(days=1 if count > 0 else -1)
    for _ in range(abs(count)):
        day += step
        while not calendar.is_working_day(day):
            day += step
    return day


@dataclass(frozen=True)
class Debt:
    """What is overdue of an invoice, or an instalment of it: `due_date` tells them apart. `said`: steps so far, in order.

    `withheld`: why it is left alone whatever the account's state, "" for one that is not.
    """

    invoice_id: str
    number: str
    member_id: str
    due_date: date
    outstanding: Decimal
    foreign: bool = False
    said: tuple[tuple[str, date], ...] = ()
    withheld: str = ""


@dataclass(frozen=True)
class Account:
    """An account with overdue debts. `holder_id`: who holds the supply now; `held`: why the office wants no reminders."""

    supply_id: str
    account_number: str
    holder_id: str
    debts: tuple[Debt, ...]
    credit: Decimal = ZERO
    held: str = ""


@dataclass(frozen=True)
class Due:
    """A reminder that is due: one step, of the debts of one person on one account."""

    account: Account
    member_id: str
    step: Step
    debts: tuple[Debt, ...]
    pay_until: date

    @property
    def total(self) -> Decimal:
        return sum((debt.outstanding for debt in self.debts), ZERO)

    @property
    def former_holder(self) -> bool:
        """Whether the debt is of somebody who does not hold the supply any more."""
        return self.member_id != self.account.holder_id


@dataclass(frozen=True)
class LeftAlone:
    """A debt that a step would be due for, and why it is not reminded of."""

    account: Account
    debt: Debt
    reason: str
    why: str = ""


def next_step(policy: Policy, debt: Debt, on: date) -> Step | None:
    """The step that is due for a debt on a day; None when none is."""
    known = [(step, day) for code, day in debt.said if (step := policy.step(code)) is not None]
    reached = max((step.number for step, _ in known), default=0)
    if reached == len(policy.steps):
        return None
    step = policy.steps[reached]
    if step.proof and debt.foreign:
        return (
            None  # for a concept alien to the service nothing is ever cut off, so nothing is demanded under that threat
        )
    since = debt.due_date + timedelta(days=step.after_days)
    if known:
        last, day = max(known, key=lambda each: each[0].number)
        since = max(since, day + timedelta(days=step.after_days - last.after_days))
    return step if on >= since else None


def due_reminders(
    policy: Policy, account: Account, on: date, calendar: WorkingCalendar
) -> tuple[list[Due], list[LeftAlone]]:
    """The reminders of an account on a day, and the debts that are left alone although a step would be due."""
    stepping = [(debt, step) for debt in account.debts if (step := next_step(policy, debt, on))]
    counted = [debt for debt in account.debts if not debt.withheld]
    reason, why = _whole_account(policy, account, sum((debt.outstanding for debt in counted), ZERO))
    left = [LeftAlone(account, debt, debt.withheld or reason, why) for debt, _ in stepping if debt.withheld or reason]
    if reason:
        return [], left
    groups: dict[tuple[str, int], list[Debt]] = {}
    for debt, step in stepping:
        if not debt.withheld:
            groups.setdefault((debt.member_id, step.number), []).append(debt)
    due = []
    for (member_id, number), debts in sorted(groups.items()):
        step = policy.steps[number - 1]
        debts.sort(key=lambda debt: (debt.due_date, debt.number))
        due.append(Due(account, member_id, step, tuple(debts), due_date(on, step.pay_within_days, calendar)))
    return due, left


def _whole_account(policy: Policy, account: Account, owed: Decimal) -> tuple[str, str]:
    if account.held:
        return HOLD, account.held
    if account.credit >= owed:
        return (CREDIT, "") if account.credit else ("", "")
    return (BELOW_MINIMUM, "") if owed - account.credit < policy.minimum else ("", "")


def told(
    law: Law | None,
    protected: tuple[date, str] | None,
    supply: Supply | None,
    member: Member | None,
    essential: str = "",
) -> Told:
    """What the law gives the holder of an electricity supply; nothing where no law is known or the supply is another's.

    ``protected``: the day until which vulnerable households may not be cut off, and the source of that; ``essential``: the
    source by which the supply may not be cut off at all, of which no months are told.
    """
    if law is None or supply is None or member is None or supply.member_id != member.id:
        return Told()
    if essential:
        return Told(ESSENTIAL, source=essential)
    contracts = [
        contract for service in supply.services if service.kind == "electricity" for contract in service.contracts
    ]
    if not contracts:
        return Told()
    contract = max(contracts, key=lambda each: each.start)
    if not _is_person(member) or contract.use != "dwelling" or contract.highest_power_w > law.household_max_power_w:
        return Told()
    if not contract.vulnerable:
        return Told("household", law.household_months, law.repeat_working_days, law.warning_working_days, law.source)
    until, source = protected or (None, "")
    days = (law.repeat_working_days, law.warning_working_days)
    return Told("vulnerable", law.vulnerable_months, *days, law.source, until, source)


def _is_person(member: Member) -> bool:
    kind = member.document_type.lower()
    return kind in _PERSONAL or (kind == "nif" and member.document[:1].upper() in _PERSONAL_LETTERS)


# -------------------------------------------------------------------------------------------------- the profile's policy
def reminder_policy(section: Mapping[str, Any], days_to_pay: int, law: Law | None) -> Policy | None:
    """`[reminders]` of coop.toml; None without it. Invalid, with a sentence, for what cannot be or the law does not let."""
    if not section:
        return None
    place = "coop.toml [reminders]"
    minimum = exact(section.get("minimum", "0"), "minimum", place)
    within = _days(section, "pay_within_days", place)
    rows = section.get("step")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_STEPS:
        raise Invalid(f"{place}: give 1 to {MOST_STEPS} [[reminders.step]].", field="step")
    if minimum < 0:
        raise Invalid(f"{place}: minimum is {minimum}; give an amount, or 0.", field="minimum")
    steps = tuple(_step(row, number, within, place) for number, row in enumerate(rows, start=1))
    _check_order(steps, place)
    if law is not None:
        _check_law(steps, days_to_pay, law, place)
    return Policy(steps, minimum)


def _step(row: Mapping[str, Any], number: int, within: int, place: str) -> Step:
    place = f"{place} step {number}"
    code = text(row, "code", place)
    if len(code) > LONGEST_CODE or not code.isidentifier():
        raise Invalid(f"{place}: code is {code!r}; use at most {LONGEST_CODE} letters, digits and _.", field="code")
    proof = row.get("proof", False)
    if not isinstance(proof, bool):
        raise Invalid(f"{place}: proof is {proof!r}; write true or false.", field="proof")
    return Step(code, number, _days(row, "after_days", place), _days({"d": within, **row}, "d", place), proof)


def _days(row: Mapping[str, Any], field: str, place: str) -> int:
    found = row.get(field)
    if not isinstance(found, int) or isinstance(found, bool) or not 1 <= found <= LONGEST_DAYS:
        raise Invalid(f"{place}: {field} is {found!r}; give whole days, 1 to {LONGEST_DAYS}.", field=field)
    return found


def _check_order(steps: Sequence[Step], place: str) -> None:
    for before, after in pairwise(steps):
        if after.after_days <= before.after_days:
            raise Invalid(
                f"{place}: step {after.code} comes {after.after_days} days after the due date and {before.code} before it "
                f"{before.after_days}; give later days.",
                field="after_days",
            )
    codes: Iterable[str] = [step.code for step in steps]
    if len(set(codes)) < len(steps):
        raise Invalid(f"{place}: two steps have the same code; each needs its own.", field="code")


def _check_law(steps: Sequence[Step], days_to_pay: int, law: Law, place: str) -> None:
    proven = next((step for step in steps if step.proof), None)
    if proven is None:
        return
    firsts = [date(2025, month, 1) for month in range(1, 13)]
    shortest = min((add_months(first, law.notice_months) - first).days for first in firsts)
    most = shortest - _MOVED - days_to_pay
    if proven.after_days > most:
        raise Invalid(
            f"{place}: step {proven.code}, the first with proof of receipt, comes {proven.after_days} days after the due "
            f"date; the law wants it within {law.notice_months} months of the invoice ({law.source}): with {days_to_pay} "
            f"days to pay, {most} days at most.",
            field="after_days",
        )
