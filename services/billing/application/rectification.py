"""How an invoice is to be rectified, and what that would do: plain data between the office, the rules and the books."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from services.billing.application.fiscal_notes import Authorisation
from services.billing.domain.bill import ZERO
from services.billing.domain.rectifying import DIFFERENCE, RECORD_TYPES, SUBSTITUTION, Booking, Figures
from services.billing.domain.regularisation import Instalment
from services.billing.repository.corrections import Rectification
from services.billing.repository.invoices import Details, Issued


@dataclass(frozen=True)
class Order:
    """How an invoice is to be rectified. `parts`: in how many instalments a debt is paid, 0 for as many as the law gives.

    `legal_interest` is the office's word (a ratio) for years that the table of legal interest does not have.
    """

    cause: str
    reason: str
    method: str = DIFFERENCE
    parts: int = 0
    legal_interest: Decimal | None = None
    #: Day on which the error was found, and first day of the first period that had it.
    found_on: date | None = None
    first_wrong: date | None = None
    #: The code that it is issued under, where a country's tax office gives one beforehand.
    authorisation: Authorisation | None = None


@dataclass(frozen=True)
class Standing:
    """What holds of an invoice: its figures, the holder, supply and contracts that they are for, the Wh and litres billed with
    them, and what rectified it so far.
    """

    figures: Figures
    printed: Mapping[str, Any]
    billed_wh: int
    billed_litres: int
    made: tuple[Rectification, ...]
    #: Number and issue date of the documents whose figures together are these: what took the place of the invoice last, or
    #: the invoice itself, and what corrected that by difference.
    documents: tuple[tuple[str, date], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What rectifying would do today. `blocked` is the sentence that stands against it, "" when nothing does."""

    original: Issued
    corrected: Figures
    change: Figures
    before: Figures
    billed_wh: int
    billed_litres: int
    revision: int
    interest: Decimal
    booking: Booking
    applied: Decimal  # credit of the account that pays at once
    parts: tuple[Instalment, ...]
    most_parts: int
    due_date: date
    #: What of the invoices rectified is settled already; a substitution asks for the rest.
    settled: Decimal
    found_on: date
    first_wrong: date
    #: Number and issue date of the documents that say what stands before it.
    documents: tuple[tuple[str, date], ...]
    #: What was paid of the invoices rectified, by day.
    payments: tuple[tuple[date, Decimal], ...] = ()
    blocked: str = ""
    blocked_reason: str = ""

    @property
    def delta(self) -> Decimal:
        return self.corrected.total - self.before.total


def litres_of(details: Details) -> int:
    """The water that a meter counted on a bill."""
    return sum(close.used for service, close in details.readings if service == "water")


def printed_rectification(found: Outcome, order: Order, corrected: Details) -> dict[str, Any]:
    """What the document says of its being one: the rectified invoice, how, why, and what is paid how."""
    return {
        "number": found.original.number,
        "issue_date": found.original.issue_date.isoformat(),
        "method": order.method,
        "record_type": RECORD_TYPES[order.cause],
        "cause": order.cause,
        "reason": order.reason,
        # A difference corrects what took the invoice's place last; a substitution takes the place of all that stands.
        "documents": [
            [number, issued.isoformat()]
            for number, issued in (found.documents if order.method == SUBSTITUTION else found.documents[:1])
        ],
        "taxes": [[tax.kind, str(tax.base), str(tax.amount)] for tax in found.before.taxes],
        "before_total": str(found.before.total),
        "right_total": str(found.corrected.total),
        "billed_wh": found.billed_wh,
        "billed_litres": found.billed_litres,
        "known_litres": litres_of(corrected),
        "interest": str(found.interest),
        "settled": str(found.settled if order.method == SUBSTITUTION else ZERO),
        "instalments": [[part.due_date.isoformat(), str(part.amount)] for part in found.parts],
        # What interest and instalments were calculated from, so that they can be calculated again.
        "found_on": found.found_on.isoformat(),
        "first_wrong": found.first_wrong.isoformat(),
        "payments": [[day.isoformat(), str(amount)] for day, amount in found.payments],
        "stated_interest": None if order.legal_interest is None else str(order.legal_interest * 100),
        "credit_used": str(found.applied),
        **({"authorisation": printed_authorisation(order.authorisation)} if order.authorisation else {}),
    }


def printed_authorisation(given: Authorisation) -> dict[str, Any]:
    """The code under which a document is issued, as it keeps it."""
    return {
        "voucher": given.voucher,
        "point_of_sale": given.point_of_sale,
        "code": given.cae.code,
        "valid_until": given.cae.valid_until.isoformat(),
        "provider": given.cae.provider,
        "qr_url": given.qr_url,
    }


def rectification_of(row: Issued, found: Outcome, order: Order) -> Rectification:
    return Rectification(
        row.id,
        found.original.id,
        found.revision,
        order.method,
        RECORD_TYPES[order.cause],
        order.cause,
        order.reason,
        found.interest,
        found.corrected,
    )
