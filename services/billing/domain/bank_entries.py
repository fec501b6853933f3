"""Entries of money at the bank that is nobody's yet: in, on to where it belongs, or out of these books again.

A movement of a statement moves BANK against UNMATCHED, one of a collector's file the collector's account; what it is
then takes it from there: a payment (ledger.py), the account of money on its way that it settles, or nothing of ours.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from services.billing.domain.ledger import BANK, METHOD_ACCOUNTS, UNMATCHED, Entry, Posting

#: Where the money of a movement lies, by where it was told, and how who paid it is said to have paid.
PLACES = {"statement": BANK, "collector": METHOD_ACCOUNTS["collector"]}
METHODS = {"statement": "transfer", "collector": "collector"}
#: Accounts of money on its way that a movement of the bank can settle.
CLEARING = ("card", "direct_debit", "collector")
#: Entries of the cooperative alone name no supply.
NOBODY = ""


def arrived_entry(day: date, reference: str, source: str, amount: Decimal) -> Entry:
    """A movement enters the books; `source` is a key of PLACES, the amount negative for money out."""
    postings = (Posting(PLACES[source], "", amount), Posting(UNMATCHED, "", -amount))
    return Entry(NOBODY, day, "bank_movement", reference, postings)


def settled_entry(day: date, reference: str, account: str, amount: Decimal) -> Entry:
    """What was on its way on an account of CLEARING is at the bank; the bank's charge-back (negative) opens it again."""
    postings = (Posting(UNMATCHED, "", amount), Posting(account, "", -amount))
    return Entry(NOBODY, day, "settled", reference, postings)


def set_aside_entry(day: date, reference: str, source: str, amount: Decimal) -> Entry:
    """A movement that has nothing to do with members' accounts leaves these books."""
    postings = (Posting(UNMATCHED, "", amount), Posting(PLACES[source], "", -amount))
    return Entry(NOBODY, day, "set_aside", reference, postings)
