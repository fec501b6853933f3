"""`coopctl mandate` and `coopctl remittance` on the real service: what they print, send and write."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from coop.identity.v1 import identity_service_pb2 as identity_pb2

from services.billing.direct_debit_api import direct_debit_servicer
from services.chassis import context
from services.staff import mandates, remittances
from services.staff.cli import run
from tests.support.billing import STAFF, Office

#: What reaches the database is tried on both elsewhere.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Said = Callable[..., Any]
IBAN = "ES79 2100 0813 6101 2345 6789"


class Identity:
    def GetStaffNames(self, request: Any, timeout: float) -> Any:
        eva = [identity_pb2.StaffName(id=each, name="Eva Ruiz") for each in request.ids]
        return identity_pb2.GetStaffNamesResponse(staff=eva)


@pytest.fixture
def coopctl(office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs a command with --json and gives its document; `text=True` gives what it printed and its exit code."""
    api = direct_debit_servicer(office.database, office.rules, office.blobs).servicer

    class Stub:
        def __getattr__(self, name: str) -> Any:
            return lambda request, timeout=None: getattr(api, name)(request, None)

    @contextmanager
    def signed_in() -> Iterator[Any]:
        yield SimpleNamespace(
            stub=lambda service, kind: Stub(), calling=lambda service: nullcontext(), identity=Identity()
        )

    for module in (mandates, remittances):
        monkeypatch.setattr(module, "signed_in", signed_in)
    monkeypatch.setattr(mandates, "find", lambda office, name: SimpleNamespace(id=name))
    context.enter(STAFF, "request", "")
    office.add_supplies(2)
    office.bill("2026-10", "2026-11-02")

    def call(*words: str, text: bool = False) -> Any:
        code = run([*words] if text else [*words, "--json"])
        said = capsys.readouterr()
        if text:
            return said.out + said.err, code
        assert code == 0, said.err
        return json.loads(said.out)

    return call


def test_the_office_collects_a_month_and_takes_returns(coopctl: Said, office: Office, tmp_path: Path) -> None:
    paper = tmp_path / "signed.pdf"
    paper.write_bytes(b"%PDF signed")
    add = ("mandate", "add", "s00000", "--iban", IBAN, "--signed-on", "2026-01-02", "--told-on", "2026-01-02")
    made = coopctl(*add, "--evidence-file", str(paper), "--request-id", "r1")
    assert (made["reference"], made["iban_masked"], made["evidence"]) == (
        "ES0575000000000877HA-1",
        "ES79 **** 6789",
        "signed.pdf",
    )
    assert coopctl(*add, "--evidence-file", str(paper), "--request-id", "r1") == made
    said, code = coopctl("mandate", "list", text=True)
    assert code == 0 and "ES79 **** 6789" in said and "000813610123" not in said
    assert [each["state"] for each in coopctl("mandate", "list", "--supply", "s00000")["mandates"]] == ["active"]

    proposed = coopctl("remittance", "propose", "--collect-on", "2026-11-24")
    number = proposed["number"]
    assert (proposed["collections"], proposed["total"]["amount"], proposed["send_by"]) == (1, "55.44", "2026-11-23")
    assert coopctl("remittance", "approve", number)["state"] == "approved"
    output = tmp_path / "bank" / "file.xml"
    assert coopctl("remittance", "file", number, "-o", str(output))["bytes"] == output.stat().st_size
    assert stat.S_IMODE(output.stat().st_mode) == 0o600 and b"ES7921000813610123456789" in output.read_bytes()
    said, code = coopctl("remittance", "settle", number, text=True)
    assert code == 1 and "is collected on 2026-11-24; today is 2026-11-21" in said
    office.clock.advance(timedelta(days=3))
    assert coopctl("remittance", "settle", number)["state"] == "settled"
    back = coopctl("remittance", "return", "--end-to-end", "E-2026-000001", "--reason", "ms02")
    assert (back["state"], back["reason_code"], back["why"]) == ("returned", "MS02", "the payer refused it")
    shown = coopctl("remittance", "show", number, "--state", "returned")
    assert [each["end_to_end"] for each in shown["collections"]] == ["E-2026-000001"] and shown["exclusions"] == []
    said, _ = coopctl("remittance", "show", number, text=True)
    assert "by Eva Ruiz" in said and "the payer refused it" in said and "000813610123" not in said
    assert coopctl("mandate", "amend", made["reference"], "--iban", "DE89370400440532013000")["accounts"][1]["told_on"]
    assert coopctl("mandate", "show", made["reference"])["iban_masked"] == "DE89 **** 3000"
    again = coopctl("remittance", "propose", "--collect-on", "2026-11-26", "--again", "E-2026-000001")
    assert coopctl("remittance", "discard", again["number"])["state"] == "discarded"
    assert [each["state"] for each in coopctl("remittance", "list")["remittances"]] == ["discarded", "settled"]
    assert coopctl("mandate", "cancel", made["reference"], "--reason", "moved")["cancelled_why"] == "moved"


def test_refusals_are_sentences_and_what_is_left_out_ends_with_one(coopctl: Said, tmp_path: Path) -> None:
    said, code = coopctl("remittance", "propose", "--collect-on", "2026-11-28", text=True)
    assert code == 1 and "Banks do not collect on 2026-11-28" in said
    said, code = coopctl("remittance", "show", "R1", text=True)
    assert code == 1 and "There is no remittance 'R1'" in said
    file = tmp_path / "returns.xml"
    file.write_bytes(
        b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt><OrgnlGrpInfAndSts>'
        b"<OrgnlMsgId>R1</OrgnlMsgId></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><TxInfAndSts><OrgnlEndToEndId>X</OrgnlEndToEndId>"
        b"<TxSts>RJCT</TxSts></TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    )
    said, code = coopctl("remittance", "returns", str(file), text=True)
    assert code == 1 and "Nothing of the file was booked." in said
    said, code = coopctl("remittance", "returns", str(file), "--known-only", text=True)
    assert code == 1 and "'X' is no collection that was sent from here" in said
    os.truncate(file, 8 * 1024 * 1024)
    said, code = coopctl("remittance", "returns", str(file), text=True)
    assert code == 1 and "has 8,388,608 bytes and at most 7,340,032 are taken" in said
