"""Elements of an ISO 20022 message as a small tree, and the values that they hold: amounts, days, words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from services.billing.domain.payments.movements import refused

_AMOUNT = re.compile(r"(\d{1,15})(?:\.(\d{1,5}))?")
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T[0-9:.]+)?(?:Z|[+-]\d{2}:\d{2})?")


@dataclass
class Node:
    """An element with what stands in it; `line` is that of its start tag."""

    name: str
    line: int
    attributes: dict[str, str]
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, path: str) -> Iterator[Node]:
        first, _, rest = path.partition("/")
        for child in self.children:
            if child.name == first:
                if rest:
                    yield from child.all(rest)
                else:
                    yield child

    def find(self, *paths: str) -> Node | None:
        return next((node for path in paths for node in self.all(path)), None)

    def word(self, *paths: str) -> str:
        return next((node.text for path in paths for node in self.all(path) if node.text), "")


def currency_of(node: Node) -> str:
    """The currency of an element's amount, such as EUR."""
    amount = node.find("Amt")
    return amount.attributes.get("Ccy", "") if amount is not None else ""


def kind_of(node: Node) -> str:
    """The bank's code of the transaction: PMNT/RCDT/ESCT, or its own."""
    family = node.word("BkTxCd/Domn/Cd"), node.word("BkTxCd/Domn/Fmly/Cd"), node.word("BkTxCd/Domn/Fmly/SubFmlyCd")
    return "/".join(part for part in family if part) or node.word("BkTxCd/Prtry/Cd")


def cents_of(node: Node) -> int:
    """An amount in cents. Raises Invalid for what is none, or has more than two decimals."""
    found = _AMOUNT.fullmatch(node.text)
    if not found or not node.text.isascii() or (found[2] or "")[2:].strip("0"):
        raise refused(node.line, node.name, node.text, "this is no amount with at most two decimals.")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")[:2])


def day_of(node: Node | None) -> date | None:
    """The day of a date or an instant as it is written; None for what is none."""
    found = _DATE.fullmatch(node.text) if node is not None and node.text.isascii() else None
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None
