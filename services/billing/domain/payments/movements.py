"""What every bank statement becomes: movements of one account with a key by which each is booked once.

A statement is taken whole or not at all: where amounts, balances, totals or counts do not fit, nothing of it is booked.
What is wrong in texts and dates alone is told as a finding, and the movement stays.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.chassis.errors import Invalid


@dataclass(frozen=True, slots=True)
class BankMovement:
    """Money in (positive) or out (negative), in cents of `currency`. Texts and references are as the bank wrote them.

    `bank_reference` is the idempotency key: the same movement in another file has the same one. `return_reason` is the
    code by which a bank gave a direct debit back, `end_to_end` and `mandate` are then those of the collection.
    """

    account: str
    booked_on: date
    valued_on: date
    cents: int
    currency: str
    bank_reference: str
    end_to_end: str = ""
    mandate: str = ""
    references: tuple[str, ...] = ()
    party_name: str = ""
    party_iban: str = ""
    return_reason: str = ""
    kind: str = ""
    texts: tuple[str, ...] = ()
    line: int = 0

    @property
    def amount(self) -> Decimal:
        return Decimal(self.cents).scaleb(-2)


@dataclass(frozen=True)
class Finding:
    """Something that was not as it should be and lost no money: the line, the field, its value, and a sentence."""

    line: int
    field: str
    value: str
    sentence: str


@dataclass(frozen=True)
class BankStatement:
    """The movements of an account between two balances, in cents; a balance is None where the bank gives none."""

    account: str
    currency: str
    first_day: date
    last_day: date
    opening_cents: int | None
    closing_cents: int | None
    movements: tuple[BankMovement, ...]
    identification: str = ""


@dataclass(frozen=True)
class StatementFile:
    """`format` is "camt.053.001.08", "csb43"…"""

    format: str
    statements: tuple[BankStatement, ...]
    findings: tuple[Finding, ...]

    @property
    def movements(self) -> tuple[BankMovement, ...]:
        return tuple(movement for statement in self.statements for movement in statement.movements)


def money_of(cents: int) -> str:
    """Cents as people write them: -12.50."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def refused(line: int, field: str, value: str, why: str) -> Invalid:
    """The sentence for a file that is not taken: where, what stands there, why."""
    said = f" has {value[:60]!r}" if value else ""
    return Invalid(
        f"Line {line}, {field}{said}: {why} The file was refused whole and nothing of it was booked; ask the bank for it "
        "again.",
        "BANK_FILE_REFUSED",
        field=field,
        line=str(line),
    )


class Keys:
    """Keys of the movements of a file. Banks repeat equal movements (two equal receipts on a day): each counts."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def key(self, *parts: object) -> str:
        """32 hexadecimal digits from what identifies a movement at the bank, and its place among its equals."""
        text = "\x1f".join(str(part) for part in parts)
        self._seen[text] += 1
        return hashlib.sha256(f"{text}\x1f{self._seen[text]}".encode()).hexdigest()[:32]
