"""Invitation codes: how they are written and read, and who may use one.

A code is eight symbols of Crockford's base 32 (https://www.crockford.com/base32.html), printed in two groups: "7K3M-9QXF".
Its last symbol is a check over GF(32) that finds any one wrong symbol and any two neighbours in the wrong order. Small
letters, blanks and hyphens are read too, O as 0, I and L as 1.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from services.chassis.errors import Invalid, Refused

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
_GROUP = 4
_READ = str.maketrans("OIL", "011", " -\t\u00a0\u2010\u2011\u2013")
#: x⁵ + x² + 1, which generates GF(32).
_POLYNOMIAL = 0b100101
_LARGEST_KWH = 10_000
_MOST_DAYS = 366


@dataclass(frozen=True)
class InvitationRules:
    """What the cooperative gives: `wh` to each of the two, for contracts that began at most `days` days ago."""

    wh: int
    days: int

    def check_new(self, contract_start: date, today: date) -> None:
        """Refused for a contract that has been in force for longer than a code may be named."""
        last = contract_start + timedelta(days=self.days)
        if today > last:
            raise Refused(
                f"The contract began on {contract_start}, and a code can be named until {self.days} days after that, "
                f"{last}: an invitation is for new supplies.",
                "INVITATION_LATE",
            )


def rules_of(section: dict[str, Any]) -> InvitationRules | None:
    """The profile's [invitations], {kwh = 100, days = 60}; None where there is none. Invalid names what cannot be."""
    if not section:
        return None
    kwh, days = section.get("kwh"), section.get("days")
    if isinstance(kwh, bool) or not isinstance(kwh, int) or not 1 <= kwh <= _LARGEST_KWH:
        raise Invalid(f"[invitations] kwh = {kwh!r} must be a whole number of kWh, 1 to {_LARGEST_KWH}.", field="kwh")
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= _MOST_DAYS:
        raise Invalid(f"[invitations] days = {days!r} must be a whole number of days, 1 to {_MOST_DAYS}.", field="days")
    return InvitationRules(int(Decimal(kwh) * 1000), days)


def new_code() -> str:
    """A code nobody can guess from another: 35 random bits and the check symbol."""
    values = [secrets.randbelow(32) for _ in range(LENGTH - 1)]
    return "".join(ALPHABET[value] for value in (*values, _check(values)))


def read_code(text: str) -> str:
    """The code as it is kept, from what somebody typed. Invalid for what is no code or has a wrong symbol."""
    code = text.strip().upper().translate(_READ)
    strange = sorted(set(code) - set(ALPHABET))
    if strange:
        raise Invalid(
            f"{text.strip()[:40]!r} is no invitation code: {strange[0]!r} is in none. Copy it from the invitation, such as "
            "7K3M-9QXF.",
            "INVITATION_MISSPELT",
            field="code",
        )
    if len(code) != LENGTH:
        raise Invalid(
            f"{text.strip()[:40]!r} is no invitation code: it has {len(code)} letters and digits, and a code has {LENGTH}.",
            "INVITATION_MISSPELT",
            field="code",
        )
    values = [ALPHABET.index(symbol) for symbol in code]
    if _check(values[:-1]) != values[-1]:
        raise Invalid(
            f"{printed(code)} is misspelt: one of its letters or digits is wrong, or two changed places. Copy it again.",
            "INVITATION_MISSPELT",
            field="code",
        )
    return code


def printed(code: str) -> str:
    """In two groups, as people read it aloud."""
    return f"{code[:_GROUP]}-{code[_GROUP:]}"


def _check(values: list[int]) -> int:
    """The symbol that makes the sum of symbols, each times its own power of x, zero."""
    total = 0
    for value in values:
        total = _times_x(total ^ value)
    return total


def _times_x(value: int) -> int:
    value <<= 1
    return value ^ _POLYNOMIAL if value & 0b100000 else value
