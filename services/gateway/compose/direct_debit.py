"""A supply's direct debit, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from coop.billing.v1 import direct_debit_service_pb2 as pb


@dataclass(frozen=True)
class DirectDebitView:
    """`account` is masked and empty when the bills are not debited; `since` is when it was told, `holds_from` the first
    day whose invoices are collected from it, None when that has passed; `days` of notice that a change takes.
    """

    account: str
    holder: str
    reference: str
    since: date | None
    holds_from: date | None
    days: int

    @classmethod
    def of(cls, answer: pb.GetDirectDebitResponse) -> DirectDebitView:
        found = answer.mandate
        return cls(
            found.iban_masked,
            found.holder,
            found.reference,
            date.fromisoformat(found.since) if found.since else None,
            date.fromisoformat(found.holds_from) if found.holds_from else None,
            answer.account_change_days,
        )
