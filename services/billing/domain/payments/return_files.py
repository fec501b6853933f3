"""Files that say which collections came back, whatever their format: a status report, camt.053 or norma 43."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO

from services.billing.domain.payments.movements import BankMovement
from services.billing.domain.payments.pain002 import read_status_report
from services.billing.domain.payments.returns import REASONS
from services.billing.domain.payments.statements import read_bank_file
from services.chassis.errors import Invalid

#: Norma 43: common concept of returned and unpaid items.
_CSB_RETURNED = "14/"
#: ISO 20022, bank transaction codes: an issued direct debit that came back unpaid.
_ISO_RETURNED = "PMNT/IDDT/UPDD"
NO_REASON = "MS03"


@dataclass(frozen=True)
class Returned:
    """One collection that came back. `end_to_end` may be several words to look among (norma 43 has no field for it).

    `day` is None and `before_booking` true for what the bank rejected before it booked it; `cents` None when not said.
    """

    end_to_end: tuple[str, ...]
    reason: str
    cents: int | None
    day: date | None
    line: int
    before_booking: bool = False


@dataclass(frozen=True)
class ReturnFile:
    """`message_id` and `whole` only of a status report: our remittance, and why all of it was rejected ("" it was not)."""

    format: str
    returned: tuple[Returned, ...]
    message_id: str = ""
    whole: str | None = None


def read_returns(content: bytes) -> ReturnFile:
    """Raises Invalid, with a sentence, for a file that is damaged, cut, none of the three, or that returns nothing."""
    if b":pain.002." in content[:2000]:
        return _of_report(content)
    statement = read_bank_file(BytesIO(content))
    found = [returned_by(each) for each in statement.movements]
    returned = tuple(each for each in found if each is not None)
    if not returned:
        raise Invalid(
            f"The {statement.format} file has {len(statement.movements)} movements and no returned direct debit.",
            "NOTHING_RETURNED",
            field="content",
        )
    return ReturnFile(statement.format, returned)


def _of_report(content: bytes) -> ReturnFile:
    report = read_status_report(BytesIO(content))
    rejected = tuple(
        Returned((each.end_to_end,), each.reason or NO_REASON, each.cents, None, each.line, before_booking=True)
        for each in report.collections
    )
    # A remittance has one block: a day and a sequence type.
    whole = [report.all_reason] if report.all_rejected else [reason for _, reason in report.blocks]
    if not rejected and not whole:
        raise Invalid(f"The status report of {report.message_id} rejects nothing.", "NOTHING_RETURNED", field="content")
    return ReturnFile("pain.002", rejected, report.message_id, (whole[0] or NO_REASON) if whole else None)


def returned_by(each: BankMovement) -> Returned | None:
    """The collection that a movement of a statement takes back; None for what is no return."""
    if each.return_reason:
        return Returned((each.end_to_end,), each.return_reason, abs(each.cents), each.booked_on, each.line)
    if each.cents < 0 and each.kind.startswith(_CSB_RETURNED):
        words = _words([*each.references, *each.texts])
        reason = next((word for word in words if word in REASONS), NO_REASON)
        return Returned(tuple(words), reason, -each.cents, each.booked_on, each.line)
    if each.cents < 0 and each.kind.startswith(_ISO_RETURNED):
        return Returned((each.end_to_end,), NO_REASON, -each.cents, each.booked_on, each.line)
    return None


def _words(texts: Sequence[str]) -> list[str]:
    return [word for text in texts for word in re.split(r"\s+", text) if word]
