"""Bank statements of Spanish banks in lines of 80 characters: norma 43 (CSB 43).

Source: AEB, "Cuaderno 43, información normalizada de cuenta corriente". Records 11 account, 22 movement, 23 texts of it,
24 its amount in another currency, 33 end of account with totals, 88 end of file with the count of records before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO

from services.billing.domain.payments.fixed_width import number
from services.billing.domain.payments.iban import spanish_iban
from services.billing.domain.payments.movements import (
    BankMovement,
    BankStatement,
    Finding,
    Keys,
    StatementFile,
    money_of,
    refused,
)
from services.chassis.errors import Invalid

FORMAT = "csb43"
_WIDTH = 80
_LONGEST_LINE = 1 << 20
_CURRENCIES = {"978": "EUR", "032": "ARS", "840": "USD", "826": "GBP", "756": "CHF"}
_SIGNS = {"1": -1, "2": 1}


@dataclass
class _Movement:
    line: int
    text: str
    booked_on: date
    valued_on: date
    cents: int
    texts: list[str] = field(default_factory=list)


@dataclass
class _Account:
    line: int
    number: str
    iban: str
    currency: str
    first_day: date
    last_day: date
    opening: int
    movements: list[_Movement] = field(default_factory=list)


def read_csb43(source: BinaryIO) -> StatementFile:
    """Reads a file. Raises Invalid, naming line and field, when its amounts, totals or counts do not fit."""
    return _Reader().read(source)


class _Reader:
    def __init__(self) -> None:
        self.account: _Account | None = None
        self.statements: list[BankStatement] = []
        self.findings: list[Finding] = []
        self.keys = Keys()

    def read(self, source: BinaryIO) -> StatementFile:
        records, ended, line = 0, False, 0
        for line, text in _lines(source):
            if ended:
                raise refused(line, "record", text.strip(), "something follows the end of the file.")
            code = text[:2]
            if code == "88":
                self._end_of_file(line, text, records)
                ended = True
                continue
            records += 1
            if code == "11":
                self._begin(line, text)
            elif code == "33":
                self._end(line, text)
            elif code == "22":
                self._movement(line, text)
            elif code in ("23", "24"):
                self._text(line, text)
            else:
                self._find(line, "record", text[:2], "Norma 43 has no such record; it was passed over.")
        if not ended:
            raise refused(line, "record 88", "", "the file ends without its last record: it was cut short.")
        return StatementFile(FORMAT, tuple(self.statements), tuple(self.findings))

    def _begin(self, line: int, text: str) -> None:
        if self.account is not None:
            raise refused(line, "record 11", "", f"the account of line {self.account.line} has not ended (33).")
        try:
            iban = spanish_iban(text[2:6], text[6:10], text[10:20])
        except Invalid as wrong:
            raise refused(line, "account", text[2:20], "this is not bank, branch and number of an account.") from wrong
        last = _date(text[26:32])
        first = _date(text[20:26]) or last
        if first is None:
            raise refused(line, "dates", text[20:32], "the days of the statement are not dates.")
        currency = _CURRENCIES.get(text[47:50], text[47:50])
        opening = _signed(line, "initial balance", text[32], text[33:47])
        self.account = _Account(line, text[2:20], iban, currency, first, last or first, opening)

    def _movement(self, line: int, text: str) -> None:
        account = self._open(line, "22")
        cents = _signed(line, "amount", text[27], text[28:42])
        booked, valued = _date(text[10:16]), _date(text[16:22])
        if booked is None:
            booked = valued or account.last_day
            self._find(line, "operation date", text[10:16], f"This is no date; the movement is kept with {booked}.")
        if valued is None:
            valued = booked
            self._find(line, "value date", text[16:22], f"This is no date; the movement is kept with {booked}.")
        if not account.first_day <= booked <= account.last_day:
            days = f"{account.first_day} to {account.last_day}"
            self._find(
                line, "operation date", str(booked), f"The statement is of {days}; the movement is kept with it."
            )
        account.movements.append(_Movement(line, text, booked, valued, cents))

    def _text(self, line: int, text: str) -> None:
        account = self._open(line, text[:2])
        if not account.movements:
            self._find(
                line, f"record {text[:2]}", text[4:].strip(), "It belongs to no movement; its text was passed over."
            )
            return
        parts = (text[4:42], text[42:80]) if text[:2] == "23" else (text[4:],)
        account.movements[-1].texts += [part.rstrip() for part in parts if part.strip()]

    def _end(self, line: int, text: str) -> None:
        account = self._open(line, "33")
        if text[2:20] != account.number:
            raise refused(line, "account", text[2:20], f"the account that ends here began as {account.number}.")
        for name, count, total, sign in (
            ("debits", text[20:25], text[25:39], -1),
            ("credits", text[39:44], text[44:58], 1),
        ):
            self._totals(line, name, count, total, account, sign)
        closing = _signed(line, "final balance", text[58], text[59:73])
        reached = account.opening + sum(each.cents for each in account.movements)
        if reached != closing:
            raise refused(
                line,
                "final balance",
                text[58:73],
                f"{money_of(account.opening)} and the movements make {money_of(reached)}, not {money_of(closing)}.",
            )
        movements = tuple(self._kept(account, each) for each in account.movements)
        self.statements.append(
            BankStatement(
                account.iban,
                account.currency,
                account.first_day,
                account.last_day,
                account.opening,
                closing,
                movements,
            )
        )
        self.account = None

    def _totals(self, line: int, name: str, count: str, total: str, account: _Account, sign: int) -> None:
        mine = [each.cents for each in account.movements if _SIGNS[each.text[27]] == sign]
        said_count, said_total = number(line, f"count of {name}", count), number(line, f"total of {name}", total)
        if said_count != len(mine):
            raise refused(line, f"count of {name}", count, f"the file has {len(mine)} of them.")
        if said_total != abs(sum(mine)):
            raise refused(
                line, f"total of {name}", total, f"the movements of the file make {money_of(abs(sum(mine)))}."
            )

    def _end_of_file(self, line: int, text: str, records: int) -> None:
        if self.account is not None:
            raise refused(line, "record 88", "", f"the account of line {self.account.line} has not ended (33).")
        said = number(line, "count of records", text[20:26])
        if said != records:
            raise refused(line, "count of records", text[20:26], f"the file has {records} before this one.")

    def _kept(self, account: _Account, each: _Movement) -> BankMovement:
        text = each.text
        return BankMovement(
            account=account.iban,
            booked_on=each.booked_on,
            valued_on=each.valued_on,
            cents=each.cents,
            currency=account.currency,
            bank_reference=self.keys.key(FORMAT, account.iban, text.rstrip(), *each.texts),
            references=tuple(
                reference for part in (text[42:52], text[52:64], text[64:80]) if (reference := part.strip()).strip("0")
            ),
            kind=f"{text[22:24]}/{text[24:27]}",
            texts=tuple(each.texts),
            line=each.line,
        )

    def _open(self, line: int, code: str) -> _Account:
        if self.account is None:
            raise refused(line, f"record {code}", "", "no account (11) was opened before it.")
        return self.account

    def _find(self, line: int, field_name: str, value: str, sentence: str) -> None:
        self.findings.append(
            Finding(line, field_name, value[:80], f"Line {line}, {field_name} {value[:60]!r}: {sentence}")
        )


def _lines(source: BinaryIO) -> Iterator[tuple[int, str]]:
    """Line number and 80 characters of every record; blanks that were cut off at line ends are put back."""
    line = 0
    while raw := source.readline(_LONGEST_LINE):
        raw = raw.rstrip(b"\r\n\x1a\0")
        unbroken = len(raw) > _WIDTH and len(raw) % _WIDTH == 0 and raw.startswith((b"11", b"88"))
        if unbroken and raw[_WIDTH : _WIDTH + 2] in (b"11", b"22", b"23", b"24", b"33", b"88"):
            for start in range(0, len(raw), _WIDTH):  # some banks write no line ends at all
                line += 1
                yield line, raw[start : start + _WIDTH].decode("latin-1")
            continue
        line += 1
        if raw.strip():
            yield line, _line(line, raw)


def _line(line: int, raw: bytes) -> str:
    try:  # a file that an editor opened and saved is in UTF-8, perhaps with its mark; names in Latin-1 are no valid UTF-8
        text = raw.decode("utf-8-sig" if line == 1 else "utf-8").rstrip()
    except UnicodeDecodeError:
        text = raw.decode("latin-1").rstrip()
    if len(text) > _WIDTH:
        raise refused(line, "record", text, f"it has {len(text)} characters and norma 43 has {_WIDTH}.")
    return text.ljust(_WIDTH)


def _date(text: str) -> date | None:
    if not (text.isascii() and text.isdigit()):
        return None
    year = int(text[:2])
    try:
        return date(year + (1900 if year >= 70 else 2000), int(text[2:4]), int(text[4:6]))
    except ValueError:
        return None


def _signed(line: int, name: str, sign: str, digits: str) -> int:
    """Cents; the sign is 1 for a debit and 2 for a credit."""
    if sign not in _SIGNS:
        raise refused(line, f"sign of the {name}", sign, "this is neither 1 (debit) nor 2 (credit).")
    return _SIGNS[sign] * number(line, name, digits)
