"""What the bank says of a remittance before it is collected: pain.002, with the collections, blocks or file it rejects.

Source: ISO 20022, CustomerPaymentStatusReport, pain.002.001.03 to .10; EPC130-08 for its use with direct debits. What is
rejected here was never booked and does not come in a statement; what comes back later does, with its return reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

from services.billing.domain.payments.iso_nodes import Node, cents_of
from services.billing.domain.payments.movements import refused
from services.billing.domain.payments.xmlstream import XmlStream

_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(pain\.002\.001\.(\d\d))")
VERSIONS = range(3, 11)
_REJECTED = "RJCT"
_REPORT, _BLOCK = "CstmrPmtStsRpt", "OrgnlPmtInfAndSts"


@dataclass(frozen=True)
class Rejected:
    """A rejected collection; `cents` is None where the bank does not repeat the amount."""

    end_to_end: str
    reason: str
    cents: int | None = None
    mandate: str = ""
    texts: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class StatusReport:
    """`message_id` is that of our remittance. `all_reason` says why when the bank rejects the whole of it, `blocks` are the
    payment blocks (PmtInfId) it rejects as a whole, each with its reason.
    """

    message_id: str
    all_rejected: bool
    all_reason: str
    blocks: tuple[tuple[str, str], ...]
    collections: tuple[Rejected, ...]


def read_status_report(source: BinaryIO) -> StatusReport:
    """Reads a file. Raises Invalid, naming line and field, when it is no status report or damaged."""
    reader = _Reader()
    reader.stream.read(source)
    return reader.result()


class _Reader:
    def __init__(self) -> None:
        self.stream = XmlStream(self._start, self._end)
        self.path: list[str] = []
        self.nodes: list[Node] = []
        self.group: Node | None = None
        self.blocks: list[tuple[str, str]] = []
        self.collections: list[Rejected] = []

    def result(self) -> StatusReport:
        if self.group is None or not self.group.word("OrgnlMsgId"):
            raise refused(self.stream.line, "OrgnlMsgId", "", "the report does not say of which remittance it is.")
        rejected = self.group.word("GrpSts") == _REJECTED
        return StatusReport(
            self.group.word("OrgnlMsgId"),
            rejected,
            _reason(self.group) if rejected else "",
            tuple(self.blocks),
            tuple(self.collections),
        )

    def _start(self, namespace: str, name: str, attributes: dict[str, str]) -> None:
        if not self.path:
            found = _NAMESPACE.fullmatch(namespace)
            if name != "Document" or not found or int(found[2]) not in VERSIONS:
                said = found[1] if found else namespace or name
                raise refused(self.stream.line, "Document", said, "status reports are read as pain.002.001.03 to .10.")
        self.path.append(name)
        if len(self.path) > 2 and self.path[1] == _REPORT:
            node = Node(name, self.stream.line, attributes)
            if self.nodes:
                self.nodes[-1].children.append(node)
            self.nodes.append(node)

    def _end(self, name: str, text: str) -> None:
        self.path.pop()
        if not self.nodes:
            return
        node = self.nodes.pop()
        node.text = text
        if not self.nodes and name == "OrgnlGrpInfAndSts":
            self.group = node
        elif not self.nodes and name == _BLOCK and node.word("PmtInfSts") == _REJECTED:
            self.blocks.append((node.word("OrgnlPmtInfId"), _reason(node)))
        elif name == "TxInfAndSts" and len(self.nodes) == 1:
            self.nodes[-1].children.pop()  # kept as what it says: a block may have thousands
            if node.word("TxSts") == _REJECTED:
                self.collections.append(self._rejected(node))

    def _rejected(self, node: Node) -> Rejected:
        end_to_end = node.word("OrgnlEndToEndId")
        if not end_to_end:
            raise refused(node.line, "OrgnlEndToEndId", "", "the rejected collection cannot be told without it.")
        amount = node.find("OrgnlTxRef/Amt/InstdAmt", "OrgnlTxRef/IntrBkSttlmAmt")
        return Rejected(
            end_to_end,
            _reason(node),
            None if amount is None else cents_of(amount),
            node.word("OrgnlTxRef/MndtRltdInf/MndtId", "OrgnlTxRef/MndtRltdInf/DrctDbtMndt/MndtId"),
            tuple(part.text for part in node.all("StsRsnInf/AddtlInf") if part.text),
            node.line,
        )


def _reason(node: Node) -> str:
    return node.word("StsRsnInf/Rsn/Cd", "StsRsnInf/Rsn/Prtry")
