"""Which open items a remittance collects, and why the others are left out.

Sources: EPC016-06 (notice, submission, lapsed mandates); the 21 days of a change of account; a returned collection is
presented again once, and only where that may help: everything else a person decides.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from services.billing.domain.payments.direct_debits import (
    AUTOMATIC_RETRIES,
    TARGET,
    latest_submission,
    next_banking_day,
)
from services.billing.domain.payments.mandates import DebitAccount, Mandate, Terms
from services.billing.domain.payments.returns import return_reason
from services.chassis.errors import Invalid, Refused


@dataclass(frozen=True)
class Candidate:
    """What is unpaid and due of an invoice, of a supply with a mandate.

    `returned`: reason codes of its earlier collections, in order; `open_in`: number of the remittance that has it now;
    `dead`: accounts of the mandate that a bank said cannot be debited; `disputed`: the member contests the invoice.
    `issued_at`: when the invoice was made, and with it the notice of its collection.
    """

    invoice_id: str
    number: str
    member_id: str
    issued_on: date
    amount: Decimal
    mandate: Mandate
    attempts: int = 0
    returned: tuple[str, ...] = ()
    open_in: str = ""
    disputed: bool = False
    dead: AbstractSet[str] = field(default_factory=frozenset)
    issued_at: datetime | None = None

    @property
    def end_to_end(self) -> str:
        """The invoice's number, with a count from its second collection on: each is known by its own."""
        return f"{self.number}-{self.attempts + 1}" if self.attempts else self.number


@dataclass(frozen=True)
class Chosen:
    """`amended`: the account is another than that of the mandate's last collection, which the bank must be told."""

    candidate: Candidate
    account: DebitAccount
    amended: bool


@dataclass(frozen=True)
class Excluded:
    candidate: Candidate
    code: str
    why: str


def decide(item: Candidate, collect_on: date, terms: Terms, decided: bool = False) -> Chosen | Excluded:
    """Whether an item is collected on a day. `decided`: a person wants it, which returned, or without notice on it."""
    mandate = item.mandate
    excluded = _of_mandate(item, collect_on) or _of_returns(item, decided)
    if excluded is not None:
        return excluded
    noticed = item.issued_on + timedelta(days=terms.notice_days)
    if collect_on < noticed:
        return Excluded(
            item,
            "notice",
            f"The invoice of {item.issued_on} gives {terms.notice_days} days of notice: not before {noticed}.",
        )
    on_record = mandate.recorded_at
    if not decided and item.issued_at is not None and on_record is not None and on_record > item.issued_at:
        return Excluded(
            item,
            "no_notice",
            f"The invoice of {item.issued_on} says another way of paying: the mandate was not on record then. Decide it when "
            "the member wants it collected all the same.",
        )
    account = mandate.account_for(item.issued_on, item.dead, terms.change_days)
    if account is None and mandate.account.iban in item.dead:
        return Excluded(
            item, "account_wrong", "The bank said that the account cannot be debited; ask the member for another."
        )
    if account is None:
        told = mandate.account.told_on
        return Excluded(
            item,
            "account_change",
            f"The account was told on {told}, less than {terms.change_days} days before the invoice of {item.issued_on}.",
        )
    return Chosen(item, account, bool(mandate.last_iban) and account.iban != mandate.last_iban)


def _of_mandate(item: Candidate, collect_on: date) -> Excluded | None:
    mandate = item.mandate
    if item.open_in:
        return Excluded(item, "in_remittance", f"It is in remittance {item.open_in} already.")
    if item.disputed:
        return Excluded(item, "disputed", "It is in dispute; it can be collected when that has ended.")
    if mandate.state_on(collect_on) == "cancelled":
        return Excluded(item, "cancelled", f"The mandate {mandate.reference} is cancelled.")
    if mandate.state_on(collect_on) == "lapsed":
        return Excluded(
            item, "lapsed", f"The mandate {mandate.reference} lapsed on {mandate.lapses_on()}: unused for 36 months."
        )
    if mandate.signed_on > collect_on:
        return Excluded(item, "signed_later", f"The mandate was signed on {mandate.signed_on}.")
    if mandate.member_id != item.member_id:
        return Excluded(item, "other_holder", f"The mandate {mandate.reference} was given by another holder.")
    return None


def _of_returns(item: Candidate, decided: bool) -> Excluded | None:
    if not item.returned or decided:
        return None
    last = return_reason(item.returned[-1])
    if len(item.returned) > AUTOMATIC_RETRIES:
        return Excluded(
            item, "returned", f"It came back {len(item.returned)} times, the last one because {last.words}; decide it."
        )
    if not last.retry:
        return Excluded(item, "returned", f"It came back because {last.words}; decide whether to present it again.")
    return None


def check_collection_day(collect_on: date, today: date) -> None:
    """Invalid for a day on which banks do not collect, Refused for one that is too near: the file comes a banking day before."""
    if not TARGET.is_working_day(collect_on):
        raise Invalid(
            f"Banks do not collect on {collect_on} (a weekend or TARGET holiday); the next day is "
            f"{TARGET.on_or_after(collect_on)}.",
            field="collect_on",
        )
    if today > latest_submission(collect_on):
        raise Refused(
            f"The bank would have needed the file for {collect_on} by {latest_submission(collect_on)}; today is {today}, so "
            f"collect on {next_banking_day(today)} or later.",
            "TOO_LATE_FOR_THE_BANK",
        )
    if collect_on > today + timedelta(days=92):
        raise Invalid(f"{collect_on} is more than three months away; propose it when it is nearer.", field="collect_on")
