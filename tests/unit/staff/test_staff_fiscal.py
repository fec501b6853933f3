"""`coopctl fiscal`: what it writes and prints of what billing answers, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from coop.billing.v1 import fiscal_service_pb2 as pb

from services.staff import fiscal
from services.staff.cli import run


class Billing:
    """A stub that answers what a test says."""

    def __init__(self) -> None:
        self.verified = pb.VerifyFiscalRecordsResponse(records=3)
        self.asked: list[Any] = []

    def VerifyFiscalRecords(self, request: Any, timeout: float) -> Any:
        return self.verified

    def StreamFiscalRecords(self, request: Any, timeout: float) -> Iterator[Any]:
        self.asked.append((request.first_day, request.last_day))
        yield pb.StreamFiscalRecordsResponse(file_name="../verifactu-1-2.xml", chunk=b"<a")
        yield pb.StreamFiscalRecordsResponse(chunk=b"/>")
        yield pb.StreamFiscalRecordsResponse(file_name="verifactu-3-3.xml", chunk=b"<b/>")

    def ListServiceCodes(self, request: Any) -> Any:
        number = int(request.page_token or 1)
        code = pb.ServiceCode(code=f"9900000000000{number}", voucher="018", point_of_sale=3, used=number - 1)
        return pb.ListServiceCodesResponse(codes=[code], next_page_token="2" if number == 1 else "")


@pytest.fixture
def billing(monkeypatch: pytest.MonkeyPatch) -> Billing:
    made = Billing()

    class Office:
        def stub(self, service: str, kind: Any) -> Billing:
            return made

        def calling(self, service: str) -> Any:
            return nullcontext()

    @contextmanager
    def signed_in() -> Iterator[Office]:
        yield Office()

    monkeypatch.setattr(fiscal, "signed_in", signed_in)
    return made


def test_records_are_written_into_the_folder_whatever_their_names_say(
    billing: Billing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new"
    arguments = ["fiscal", "export", "--from", "2026-11-01", "--to", "2026-11-30", "--into", str(folder), "--json"]
    assert run(arguments) == 0
    assert billing.asked == [("2026-11-01", "2026-11-30")]
    files = json.loads(capsys.readouterr().out)["files"]
    assert [Path(file).parent for file in files] == [folder, folder]
    assert [Path(file).read_bytes() for file in files] == [b"<a/>", b"<b/>"]


def test_a_folder_that_cannot_be_written_is_said(
    billing: Billing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert run(["fiscal", "export", "--from", "2026-11-01", "--to", "2026-11-30", "--into", str(file)]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_sound_chain_ends_well_and_a_broken_one_does_not(
    billing: Billing, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fiscal", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sound"] is True
    billing.verified = pb.VerifyFiscalRecordsResponse(
        records=1, broken=pb.BrokenRecord(position=2, number="E-2026-000002", why="it was changed")
    )
    assert run(["fiscal", "verify"]) == 1
    assert "Record 2 (invoice E-2026-000002) does not stand: it was changed." in capsys.readouterr().err
    billing.verified = pb.VerifyFiscalRecordsResponse(records=2, without_record=["E-2026-000003"])
    assert run(["fiscal", "verify"]) == 1
    assert "E-2026-000003" in capsys.readouterr().err


def test_codes_of_all_pages_are_listed(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fiscal", "codes", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["codes"]
    assert [code["code"] for code in found] == ["99000000000001", "99000000000002"]
    assert run(["fiscal", "codes"]) == 0
    assert "00003" in capsys.readouterr().out
