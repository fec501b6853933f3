"""References that we gave out and that come back in a bank's words: numbers of invoices, of slips, accounts in barcodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from services.billing.domain.payments.csb57 import read_slip
from services.billing.domain.payments.matching import plain
from services.chassis.errors import Invalid

#: Digits of member and supply in a barcode's account of twelve.
_MEMBER, _SUPPLY = 8, 4
_SLIP = re.compile(r"0*([1-9][0-9]{3})([0-9]{7})(?:[0-9]{6})?")
_SLIP_CODE = re.compile(r"90507[0-9]{41}")
_MOST_DIGITS = 12


def numbers_in(words: Iterable[str], series: Iterable[str], number: Callable[[str, int], str]) -> set[str]:
    """Numbers of invoices that plain words (matching.py) may be: `number` prints one from its series and its count.

    Whether there is such an invoice the register of invoices knows.
    """
    known = {plain(code): code for code in series}
    found = set()
    for word in words:
        for begin, code in known.items():
            rest = word[len(begin) :]
            if word.startswith(begin) and rest.isascii() and rest.isdigit() and len(rest) <= _MOST_DIGITS:
                printed = number(code, int(rest))
                if plain(printed) == word:
                    found.add(printed)
    return found


def slips_in(words: Iterable[str]) -> Mapping[str, tuple[int, int]]:
    """Words that are the reference of a slip, with or without zeros before and its six digits behind, or its whole code:
    year and sequence of the invoice by word.
    """
    found = {}
    for word in words:
        reference = word
        if _SLIP_CODE.fullmatch(word):
            try:
                reference, _ = read_slip(word)
            except Invalid:
                continue  # digits that only look like a slip point to no invoice
        parts = _SLIP.fullmatch(reference)
        if parts:
            found[word] = (int(parts[1]), int(parts[2]))
    return found


def coupon_account(account_number: str) -> str:
    """The twelve digits of an account such as 5555/1; empty for one that could not be read back from them."""
    member, _, supply = account_number.partition("/")
    if not re.fullmatch(rf"[0-9]{{1,{_MEMBER}}}", member) or not re.fullmatch(rf"[0-9]{{1,{_SUPPLY}}}", supply):
        return ""
    digits = f"{int(member):0{_MEMBER}d}{int(supply):0{_SUPPLY}d}"
    return digits if account_of_coupon(digits) == account_number else ""


def account_of_coupon(digits: str) -> str:
    """5555/1 from the twelve digits of a barcode."""
    return f"{int(digits[:_MEMBER])}/{int(digits[_MEMBER:])}"
