"""What a movement of the bank is before anybody asks whose it is: a payment, a settlement, a return, or money that left.

Sources: ISO 20022 external code set, bank transaction codes (PMNT: MCRD merchant cards, IDDT issued direct debits); AEB,
"Cuaderno 43", common concepts (06 remittances, 12 cards).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.billing.domain.payments.movements import BankMovement
from services.billing.domain.payments.return_files import Returned, returned_by

PAYMENT, SETTLEMENT, RETURN, OUTGOING = "payment", "settlement", "return", "outgoing"

#: Beginnings of the bank's code of money in, and the account of money on its way that it settles.
_SETTLING = {"PMNT/MCRD": "card", "PMNT/IDDT": "direct_debit", "12/": "card", "06/": "direct_debit"}


@dataclass(frozen=True)
class Nature:
    """`account` is the one that is settled, `returned` the collection that comes back."""

    kind: str
    account: str = ""
    returned: Returned | None = None


def nature(movement: BankMovement, words: Mapping[str, Sequence[str]]) -> Nature:
    """What a movement is; `words` are texts by which a settlement of an account is known, as the profile gives them."""
    if movement.cents < 0:
        returned = returned_by(movement)
        return Nature(RETURN, "direct_debit", returned) if returned else Nature(OUTGOING)
    for start, account in _SETTLING.items():
        if movement.kind.startswith(start):
            return Nature(SETTLEMENT, account)
    said = _folded(" ".join((*movement.texts, *movement.references, movement.party_name)))
    for account, marks in words.items():
        if any(_folded(mark) in said for mark in marks):
            return Nature(SETTLEMENT, account)
    return Nature(PAYMENT)


def _folded(text: str) -> str:
    return " ".join(text.upper().split())
