"""Bank statements in XML: ISO 20022 camt.053.001.02 to .08, read as a stream, one entry in memory at a time.

Source: ISO 20022, BankToCustomerStatement. Between the versions the status became a choice (`Sts/Cd`), and so did parties
(`Pty/Nm`); both forms are read in all of them. Only booked entries (BOOK) are money; pending ones come again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import BinaryIO

from services.billing.domain.payments.iso_nodes import Node, cents_of, currency_of, day_of, kind_of
from services.billing.domain.payments.movements import (
    BankMovement,
    BankStatement,
    Finding,
    Keys,
    StatementFile,
    money_of,
    refused,
)
from services.billing.domain.payments.xmlstream import XmlStream

_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:((camt\.05\d)\.001\.(\d\d))")
VERSIONS = range(2, 9)
_NO_REFERENCE = frozenset({"", "NOTPROVIDED", "NOT PROVIDED", "NONREF"})


@dataclass(frozen=True)
class _Detail:
    """One transaction of an entry; `cents` is signed, None where the bank gives none."""

    line: int
    cents: int | None
    servicer_reference: str
    end_to_end: str
    mandate: str
    references: tuple[str, ...]
    party_name: str
    party_iban: str
    return_reason: str
    texts: tuple[str, ...]


@dataclass
class _Statement:
    line: int
    account: str = ""
    currency: str = ""
    identification: str = ""
    from_day: date | None = None
    to_day: date | None = None
    balances: dict[str, tuple[int, date | None]] = field(default_factory=dict)
    declared: list[tuple[int, str, str, int]] = field(default_factory=list)  # line, field, of what, value
    movements: list[BankMovement] = field(default_factory=list)
    entries: dict[str, list[int]] = field(default_factory=lambda: {"CRDT": [], "DBIT": []})


def read_camt053(source: BinaryIO) -> StatementFile:
    """Reads a file. Raises Invalid, naming line and field, when it is damaged or its amounts and balances do not fit."""
    reader = _Reader()
    reader.stream.read(source)
    return reader.result()


class _Reader:
    def __init__(self) -> None:
        self.stream = XmlStream(self._start, self._end)
        self.format = ""
        self.path: list[str] = []
        self.nodes: list[Node] = []
        self.details: list[_Detail] = []
        self.statement: _Statement | None = None
        self.statements: list[BankStatement] = []
        self.findings: list[Finding] = []
        self.keys = Keys()

    def result(self) -> StatementFile:
        if not self.statements:
            raise refused(self.stream.line, "Stmt", "", "there is no statement in the file.")
        return StatementFile(self.format, tuple(self.statements), tuple(self.findings))

    def _start(self, namespace: str, name: str, attributes: dict[str, str]) -> None:
        if not self.path:
            self.format = self._known(namespace, name)
        self.path.append(name)
        if name == "Stmt" and self.statement is None:
            self.statement = _Statement(self.stream.line)
        elif self.statement is not None:
            node = Node(name, self.stream.line, attributes)
            if self.nodes:
                self.nodes[-1].children.append(node)
            self.nodes.append(node)

    def _end(self, name: str, text: str) -> None:
        self.path.pop()
        if self.statement is None:
            return
        if not self.nodes:
            self._close(self.statement)
            self.statement = None
            return
        node = self.nodes.pop()
        node.text = text
        if not self.nodes:
            self._part(self.statement, node)
        elif name == "TxDtls" and len(self.nodes) == 2:
            entry = self.nodes[0]
            self.details.append(self._detail(node, entry.word("CdtDbtInd")))
            self.nodes[-1].children.pop()  # kept as a detail: an entry may have thousands

    def _known(self, namespace: str, name: str) -> str:
        found = _NAMESPACE.fullmatch(namespace)
        if name != "Document" or not found or found[2] != "camt.053" or int(found[3]) not in VERSIONS:
            said = found[1] if found else namespace or name
            raise refused(self.stream.line, "Document", said, "statements are read as camt.053.001.02 to .08.")
        return found[1]

    def _part(self, statement: _Statement, node: Node) -> None:
        if node.name == "Id":
            statement.identification = node.text
        elif node.name == "FrToDt":
            statement.from_day = day_of(node.find("FrDtTm", "FrDt"))
            statement.to_day = day_of(node.find("ToDtTm", "ToDt"))
        elif node.name == "Acct":
            statement.account = node.word("Id/IBAN", "Id/Othr/Id")
            statement.currency = node.word("Ccy")
        elif node.name == "Bal":
            kind = node.word("Tp/CdOrPrtry/Cd")
            cents = self._signed(node, node.word("CdtDbtInd"))
            statement.balances.setdefault(kind, (cents, day_of(node.find("Dt/Dt", "Dt/DtTm"))))
            statement.currency = statement.currency or currency_of(node)
        elif node.name == "TxsSummry":
            self._summary(statement, node)
        elif node.name == "Ntry":
            self._entry(statement, node, self.details)
            self.details = []

    def _summary(self, statement: _Statement, node: Node) -> None:
        for name, kind in (("TtlNtries", ""), ("TtlCdtNtries", "CRDT"), ("TtlDbtNtries", "DBIT")):
            count, total = node.find(f"{name}/NbOfNtries"), node.find(f"{name}/Sum")
            if count is not None and count.text.isascii() and count.text.isdigit():
                statement.declared.append((count.line, f"{name}/NbOfNtries", f"count {kind}", int(count.text)))
            if total is not None:
                statement.declared.append((total.line, f"{name}/Sum", f"total {kind}", cents_of(total)))

    def _entry(self, statement: _Statement, node: Node, details: Sequence[_Detail]) -> None:
        indicator = node.word("CdtDbtInd")
        cents = self._signed(node, indicator)
        statement.entries[indicator].append(abs(cents))
        status = node.word("Sts/Cd", "Sts/Prtry", "Sts")
        if status != "BOOK":
            self._find(node, "Sts", status, "The entry is not booked yet; it comes again when it is.")
            return
        currency = currency_of(node)
        if statement.currency and currency != statement.currency:
            raise refused(node.line, "Amt", currency, f"the account is kept in {statement.currency}.")
        statement.currency = currency
        booked, valued = self._days(statement, node)
        servicer = node.word("AcctSvcrRef")
        for number, (detail, part) in enumerate(self._split(node, cents, details)):
            # The bank's own reference identifies an entry; without one all that is said of it does.
            said = (servicer,) if servicer else (detail.end_to_end, detail.mandate, detail.party_iban, *detail.texts)
            statement.movements.append(
                BankMovement(
                    account=statement.account,
                    booked_on=booked,
                    valued_on=valued,
                    cents=part,
                    currency=currency,
                    bank_reference=self.keys.key(
                        "camt.053", statement.account, booked, part, number, detail.servicer_reference, *said
                    ),
                    end_to_end=detail.end_to_end,
                    mandate=detail.mandate,
                    references=detail.references,
                    party_name=detail.party_name,
                    party_iban=detail.party_iban,
                    return_reason=detail.return_reason,
                    kind=kind_of(node),
                    texts=detail.texts,
                    line=detail.line,
                )
            )

    def _split(self, node: Node, cents: int, details: Sequence[_Detail]) -> list[tuple[_Detail, int]]:
        """The transactions of an entry with their amounts; the entry as one where they do not make its amount."""
        if not details:
            return [(self._detail(node, node.word("CdtDbtInd")), cents)]
        extra = tuple(text for text in (node.word("AddtlNtryInf"),) if text)
        if len(details) == 1:
            only = details[0]
            return [(_with(only, only.texts + extra), cents)]
        parts = [detail.cents for detail in details]
        amounts = [part for part in parts if part is not None]
        if len(amounts) == len(parts) and sum(amounts) == cents:
            return [(_with(each, each.texts + extra), part) for each, part in zip(details, amounts, strict=True)]
        said = f"{len(details)} transactions"
        self._find(
            node,
            "NtryDtls",
            said,
            "Their amounts do not make that of the entry; it is kept as one, to be spread by hand.",
        )
        texts = tuple(dict.fromkeys(text for each in details for text in (each.end_to_end, *each.texts) if text))
        return [(_with(self._detail(node, node.word("CdtDbtInd")), texts + extra), cents)]

    def _detail(self, node: Node, entry_indicator: str) -> _Detail:
        indicator = node.word("CdtDbtInd") or entry_indicator
        amount = node.find("Amt", "AmtDtls/TxAmt/Amt")
        reason = node.word("RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry")
        # The one who pays: of money in, and of a collection that comes back. Otherwise whom we paid.
        side = "Dbtr" if indicator == "CRDT" or reason else "Cdtr"
        end_to_end, mandate = node.word("Refs/EndToEndId"), node.word("Refs/MndtId")
        references = [part.text for path in _REFERENCES for part in node.all(path)]
        texts = [part.text for path in _TEXTS for part in node.all(path) if part.text]
        return _Detail(
            line=node.line,
            cents=None if amount is None else _SIGN.get(indicator, 1) * cents_of(amount),
            servicer_reference=node.word("Refs/AcctSvcrRef"),
            end_to_end="" if end_to_end in _NO_REFERENCE else end_to_end,
            mandate="" if mandate in _NO_REFERENCE else mandate,
            references=tuple(dict.fromkeys(text for text in references if text not in _NO_REFERENCE)),
            party_name=node.word(f"RltdPties/{side}/Nm", f"RltdPties/{side}/Pty/Nm"),
            party_iban=node.word(f"RltdPties/{side}Acct/Id/IBAN"),
            return_reason=reason,
            texts=tuple(texts),
        )

    def _days(self, statement: _Statement, node: Node) -> tuple[date, date]:
        booked, valued = day_of(node.find("BookgDt/Dt", "BookgDt/DtTm")), day_of(node.find("ValDt/Dt", "ValDt/DtTm"))
        if booked is None:
            closing = statement.balances.get("CLBD", (0, None))[1]
            booked = valued or closing or statement.to_day
            if booked is None:
                raise refused(node.line, "BookgDt", node.word("BookgDt/Dt"), "the entry has no date at all.")
            self._find(node, "BookgDt", node.word("BookgDt/Dt"), f"This is no date; the entry is kept with {booked}.")
        return booked, valued or booked

    def _close(self, statement: _Statement) -> None:
        if not statement.account:
            raise refused(statement.line, "Acct", "", "the statement does not say of which account it is.")
        for line, name, what, value in statement.declared:
            measure, _, kind = what.partition(" ")
            amounts = statement.entries.get(kind, statement.entries["CRDT"] + statement.entries["DBIT"])
            mine = len(amounts) if measure == "count" else sum(amounts)
            if mine != value:
                said, made = (str(value), str(mine)) if measure == "count" else (money_of(value), money_of(mine))
                raise refused(line, name, said, f"the entries of the statement make {made}.")
        opening = statement.balances.get("OPBD") or statement.balances.get("PRCD")
        closing = statement.balances.get("CLBD")
        moved = sum(each.cents for each in statement.movements)
        if opening is None or closing is None:
            self.findings.append(
                Finding(
                    statement.line,
                    "Bal",
                    statement.identification[:80],
                    f"Statement {statement.identification[:35]!r} has no opening or no closing balance; whether all its "
                    "entries are there could not be checked.",
                )
            )
        elif opening[0] + moved != closing[0]:
            raise refused(
                statement.line,
                "closing balance",
                money_of(closing[0]),
                f"{money_of(opening[0])} and the entries make {money_of(opening[0] + moved)}.",
            )
        days = [each.booked_on for each in statement.movements]
        last = statement.to_day or (closing[1] if closing else None) or max(days, default=None)
        first = statement.from_day or min(days, default=last)
        if first is None or last is None:
            raise refused(statement.line, "FrToDt", "", "the statement does not say of which days it is.")
        if statement.from_day and statement.to_day:
            self._outside(statement, statement.from_day, statement.to_day)
        self.statements.append(
            BankStatement(
                statement.account,
                statement.currency,
                first,
                last,
                opening[0] if opening else None,
                closing[0] if closing else None,
                tuple(statement.movements),
                statement.identification,
            )
        )

    def _outside(self, statement: _Statement, first: date, last: date) -> None:
        for each in statement.movements:
            if not first <= each.booked_on <= last:
                said = f"The statement is of {first} to {last}; the entry is kept with it."
                sentence = f"Line {each.line}, BookgDt '{each.booked_on}': {said}"
                self.findings.append(Finding(each.line, "BookgDt", str(each.booked_on), sentence))

    def _signed(self, node: Node, indicator: str) -> int:
        amount = node.find("Amt")
        if amount is None:
            raise refused(node.line, f"{node.name}/Amt", "", "the amount is missing.")
        if indicator not in _SIGN:
            raise refused(node.line, f"{node.name}/CdtDbtInd", indicator, "this is neither CRDT nor DBIT.")
        return _SIGN[indicator] * cents_of(amount)

    def _find(self, node: Node, name: str, value: str, sentence: str) -> None:
        self.findings.append(
            Finding(node.line, name, value[:80], f"Line {node.line}, {name} {value[:60]!r}: {sentence}")
        )


_SIGN = {"CRDT": 1, "DBIT": -1}
_REFERENCES = (
    "Refs/EndToEndId",
    "Refs/InstrId",
    "Refs/TxId",
    "Refs/PmtInfId",
    "NtryRef",
    "RmtInf/Strd/CdtrRefInf/Ref",
    "RmtInf/Strd/RfrdDocInf/Nb",
)
_TEXTS = ("RmtInf/Ustrd", "RmtInf/Strd/AddtlRmtInf", "RtrInf/AddtlInf", "AddtlTxInf", "AddtlNtryInf")


def _with(detail: _Detail, texts: tuple[str, ...]) -> _Detail:
    return replace(detail, texts=texts)
