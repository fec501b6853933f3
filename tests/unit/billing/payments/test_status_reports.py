"""What a bank rejects of a remittance: collections, blocks, or all of it; damaged reports are refused with a sentence."""

from __future__ import annotations

import io
import random

import pytest

from services.billing.domain.payments.pain002 import Rejected, StatusReport, read_status_report
from services.chassis.errors import Invalid


def reason(code: str) -> str:
    return f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn><AddtlInf>said {code}</AddtlInf></StsRsnInf>"


def collection(reference: str, code: str, version: str) -> str:
    mandate = "<MndtId>M-1</MndtId>" if version < "10" else "<DrctDbtMndt><MndtId>M-1</MndtId></DrctDbtMndt>"
    status = f"<TxSts>RJCT</TxSts>{reason(code)}" if code else "<TxSts>ACCP</TxSts>"
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId>{status}<OrgnlTxRef><Amt>"
        f'<InstdAmt Ccy="EUR">55.44</InstdAmt></Amt><MndtRltdInf>{mandate}</MndtRltdInf></OrgnlTxRef></TxInfAndSts>\n'
    )


def report(inside: str, group: str = "<GrpSts>PART</GrpSts>", version: str = "03") -> bytes:
    return (
        f'<?xml version="1.0"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}"><CstmrPmtStsRpt>'
        f"<GrpHdr><MsgId>B1</MsgId></GrpHdr>\n<OrgnlGrpInfAndSts><OrgnlMsgId>R-1</OrgnlMsgId>{group}</OrgnlGrpInfAndSts>\n"
        f"{inside}</CstmrPmtStsRpt></Document>"
    ).encode()


def block(inside: str, status: str = "") -> str:
    return f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>R-1-1</OrgnlPmtInfId>{status}{inside}</OrgnlPmtInfAndSts>"


def read(content: bytes) -> StatusReport:
    return read_status_report(io.BytesIO(content))


@pytest.mark.parametrize("version", ["03", "10"])
def test_rejected_collections(version: str) -> None:
    inside = "".join(collection(name, code, version) for name, code in (("A", "AC01"), ("B", ""), ("C", "MD01")))
    found = read(report(block(inside), version=version))
    assert (found.message_id, found.all_rejected, found.blocks) == ("R-1", False, ())
    assert found.collections == tuple(
        Rejected(name, code, 5544, "M-1", (f"said {code}",), line)
        for name, code, line in (("A", "AC01", 4), ("C", "MD01", 6))
    )


def test_a_rejected_block_and_a_rejected_file() -> None:
    found = read(report(block("", f"<PmtInfSts>RJCT</PmtInfSts>{reason('BE05')}")))
    assert (found.blocks, found.all_rejected) == ((("R-1-1", "BE05"),), False)
    found = read(report("", f"<GrpSts>RJCT</GrpSts>{reason('FF01')}"))
    assert (found.all_rejected, found.all_reason, found.collections) == (True, "FF01", ())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (report("", version="02"), "pain.002.001.02"),
        (report("").replace(b"pain.002", b"pain.008"), "pain.008"),
        (report("").replace(b"<OrgnlMsgId>R-1</OrgnlMsgId>", b""), "of which remittance"),
        (report(block(collection("", "AC01", "03"))), "cannot be told"),
        (report(block(collection("A", "AC01", "03"))).replace(b"55.44", b"55,44"), "no amount"),
        (b"", "damaged"),
    ],
)
def test_what_is_no_report(content: bytes, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        read(content)


def test_a_damaged_report_never_crashes() -> None:
    content, chance = report(block(collection("A", "AC01", "03") + collection("B", "", "03"))), random.Random(2)
    refused = 0
    for _ in range(1000):
        damaged = bytearray(content)
        if chance.random() < 0.4:
            del damaged[chance.randrange(len(damaged)) :]
        else:
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            read(bytes(damaged))
        except Invalid as wrong:
            refused += 1
            assert wrong.message.endswith(".")
    assert refused > 400
