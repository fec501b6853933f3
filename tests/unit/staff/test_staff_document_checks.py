"""`coopctl document`: what it says of a PDF, how it ends, and the certificates it writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from coop.billing.v1 import documents_service_pb2 as pb

from services.staff import document_checks
from services.staff.cli import run


class Billing:
    """A stub that answers by what the file says."""

    def VerifyDocument(self, request: Any, timeout: float) -> pb.VerifyDocumentResponse:
        answer = pb.VerifyDocumentResponse(verdict=request.content.decode())
        if answer.verdict == "genuine":
            answer.kind, answer.number, answer.signed_by = "invoice", "E-2026-000123", "Cooperativa"
            answer.issued_at.FromDatetime(datetime(2026, 11, 2, tzinfo=UTC))
        return answer

    def GetSigningCertificates(self, request: Any, timeout: float) -> pb.GetSigningCertificatesResponse:
        made = [pb.SigningCertificate(subject=f"CN={name}", sha256=name * 64, pem=f"PEM {name}") for name in "ab"]
        made[0].in_use = True
        return pb.GetSigningCertificatesResponse(certificates=made)


@pytest.fixture(autouse=True)
def billing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Office:
        def anybody(self, service: str, kind: Any) -> Billing:
            return Billing()

        def calling(self, service: str) -> Any:
            return nullcontext()

    @contextmanager
    def nobody() -> Iterator[Office]:
        yield Office()

    monkeypatch.setattr(document_checks, "nobody", nobody)


@pytest.mark.parametrize(
    ("verdict", "ends", "words"),
    [("genuine", 0, "E-2026-000123"), ("altered", 1, "Altered"), ("not_ours", 1, "Not ours")],
)
def test_the_verdict_is_said_and_decides_how_it_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verdict: str, ends: int, words: str
) -> None:
    file = tmp_path / "invoice.pdf"
    file.write_text(verdict)
    assert run(["document", "check", str(file)]) == ends
    assert words in capsys.readouterr().out
    assert run(["document", "check", str(file), "--json"]) == ends
    assert json.loads(capsys.readouterr().out)["verdict"] == verdict


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["document", "check", str(tmp_path / "none.pdf")]) == 1
    assert "none.pdf cannot be read" in capsys.readouterr().err


def test_certificates_are_listed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["document", "certificates", "--into", str(tmp_path / "new")]) == 0
    assert "CN=a" in capsys.readouterr().out
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == {
        f"{'a' * 16}.pem": "PEM a",
        f"{'b' * 16}.pem": "PEM b",
    }
    assert run(["document", "certificates", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["certificates"]
    assert [each["in_use"] for each in told] == [True, False]
    (tmp_path / "file").write_text("")
    assert run(["document", "certificates", "--into", str(tmp_path / "file")]) == 1
