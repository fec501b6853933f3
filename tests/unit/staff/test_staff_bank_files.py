"""`coopctl payments import|files|queue`: what they send and print, and how they end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from coop.billing.v1 import bank_service_pb2 as pb
from coop.common.v1.types_pb2 import Money
from coop.identity.v1 import identity_service_pb2 as identity_pb2

from services.chassis.errors import Invalid
from services.staff import bank_files, bank_queue
from services.staff.cli import run

WAITING = pb.BankMovement(
    id="m-1",
    booked_on="2026-11-20",
    amount=Money(amount="55.44", currency_code="EUR"),
    state="queued",
    texts=["de Ana"],
    sentence="Nothing points to an invoice.",
)


class Billing:
    """A stub that answers what a test says."""

    def __init__(self) -> None:
        self.file = pb.BankFile(file_name="n43.txt", format="csb43", state="taken", movements=3, fresh=2)
        self.sent: list[Any] = []

    def ImportBankFile(self, requests: Any, timeout: float) -> Any:
        parts = list(requests)
        self.sent.append(parts)
        if parts[0].file_name == "bad.txt":
            raise Invalid("Line 3, count: the file has 2.")
        return pb.ImportBankFileResponse(
            file=self.file,
            counts=[
                pb.BankMovementCount(state=state, movements=1, amount=Money(amount="55.44", currency_code="EUR"))
                for state in ("queued", "matched")
            ],
            movements=[WAITING],
            dry_run=parts[0].dry_run,
        )

    def ListBankFiles(self, request: Any) -> Any:
        return pb.ListBankFilesResponse(files=[self.file], next_page_token="")

    def ListBankMovements(self, request: Any) -> Any:
        self.sent.append(request)
        return pb.ListBankMovementsResponse(movements=[WAITING], next_page_token="" if request.page_token else "more")

    def _decided(self, request: Any) -> pb.BankMovement:
        self.sent.append(request)
        found = pb.BankMovement(id=request.movement_id, state="decided", amount=WAITING.amount)
        found.decision.CopyFrom(pb.BankDecision(why=request.why, actor="staff:ana"))
        return found

    def UnmatchBankMovement(self, request: Any) -> Any:
        return pb.UnmatchBankMovementResponse(movement=self._decided(request))

    def MatchBankMovement(self, request: Any) -> Any:
        return pb.MatchBankMovementResponse(movement=self._decided(request))

    def SettleBankMovement(self, request: Any) -> Any:
        return pb.SettleBankMovementResponse(movement=self._decided(request))

    def IgnoreBankMovement(self, request: Any) -> Any:
        return pb.IgnoreBankMovementResponse(movement=self._decided(request))


class Identity:
    def GetStaffNames(self, request: Any, timeout: float) -> Any:
        known = [identity_pb2.StaffName(id=each, name="Ana Gil") for each in request.ids if each == "ana"]
        return identity_pb2.GetStaffNamesResponse(staff=known)


@pytest.fixture
def billing(monkeypatch: pytest.MonkeyPatch) -> Billing:
    made = Billing()

    class Office:
        identity = Identity()

        def stub(self, service: str, kind: Any) -> Billing:
            return made

        def calling(self, service: str) -> Any:
            return nullcontext()

    @contextmanager
    def signed_in() -> Iterator[Office]:
        yield Office()

    monkeypatch.setattr(bank_files, "signed_in", signed_in)
    monkeypatch.setattr(bank_queue, "signed_in", signed_in)
    return made


def test_files_are_sent_whole_and_a_bad_one_does_not_stop_the_others(
    billing: Billing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / "bad.txt", tmp_path / "n43.txt"]
    for path in paths:
        path.write_bytes(path.name.encode())
    assert run(["payments", "import", *map(str, paths)]) == 1
    told = capsys.readouterr()
    assert "n43.txt: 2 new of 3 movements, csb43" in told.out and "In the queue" in told.out
    assert "Nothing points to an invoice." in told.out
    assert told.err.strip() == "bad.txt: Line 3, count: the file has 2."
    head, *chunks, last = billing.sent[1]
    assert head.request_id and head.file_name == "n43.txt" and last.complete
    assert b"".join(each.chunk for each in chunks) == b"n43.txt"
    assert run(["payments", "import", str(paths[1]), "--dry-run", "--request-id", "r1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["refused"], found["files"][0]["dry_run"]) == ([], True)
    assert (billing.sent[2][0].request_id, billing.sent[2][0].dry_run) == ("r1", True)
    billing.file.fresh = 0
    assert run(["payments", "import", str(paths[1])]) == 0
    assert "nothing new; its 3 movements are in the books already" in capsys.readouterr().out
    billing.file.movements = 0
    assert run(["payments", "import", str(paths[1])]) == 0
    assert "nothing new; it has no movements" in capsys.readouterr().out
    assert run(["payments", "import", *map(str, paths), "--request-id", "r1"]) == 2
    assert run(["payments", "files", "--json"]) == 0


def test_the_queue_is_listed_page_by_page(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["payments", "queue", "list", "--json"]) == 0
    assert [each["id"] for each in json.loads(capsys.readouterr().out)["movements"]] == ["m-1", "m-1"]
    assert list(billing.sent[0].states) == ["queued", "return", "new"]
    assert run(["payments", "queue", "list", "--state", "matched", "--file", "f1"]) == 0
    assert (list(billing.sent[2].states), billing.sent[2].file_id) == (["matched"], "f1")
    assert "Nothing points to an invoice." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        (["match", "m-1", "--invoice", "E-1", "--invoice", "E-2"], {"invoices": ["E-1", "E-2"], "supply": ""}),
        (["match", "m-1", "--supply", "5555/1"], {"invoices": [], "supply": "5555/1"}),
        (["settle", "m-1", "--account", "collector"], {"account": "collector"}),
        (["ignore", "m-1"], {}),
        (["unmatch", "m-1"], {}),
    ],
)
def test_decisions(
    billing: Billing, capsys: pytest.CaptureFixture[str], arguments: list[str], sent: dict[str, Any]
) -> None:
    why = "--reason" if arguments[0] == "unmatch" else "--why"
    assert run(["payments", "queue", *arguments, why, "she rang"]) == 0
    (request,) = billing.sent
    assert request.request_id and (request.movement_id, request.why) == ("m-1", "she rang")
    assert {name: getattr(request, name) for name in sent} == sent
    printed = capsys.readouterr().out
    assert "she rang" in printed and "Ana Gil" in printed and "staff:ana" not in printed


def test_a_match_names_invoices_or_a_supply(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["payments", "queue", "match", "m-1", "--why", "she rang"]) == 2
    assert "Say what it pays" in capsys.readouterr().err and billing.sent == []
