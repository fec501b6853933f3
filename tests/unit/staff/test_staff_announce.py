"""`coopctl admin announce`: which service is asked for which kinds, and what is shown of its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from coop.common.v1 import announcing_service_pb2 as pb

from services.staff import admin_announce
from services.staff.cli import run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """(service, kinds) of each call; the answers tell of two batches of members and one of accesses."""
    found: list[tuple[str, list[str]]] = []

    class Stub:
        def __init__(self, service: str) -> None:
            self.service = service

        def AnnounceState(self, request: pb.AnnounceStateRequest, timeout: float) -> Iterator[Any]:
            found.append((self.service, list(request.kinds)))
            for kind, number in (("members", 200), ("members", 263), ("accesses", 71)):
                yield pb.AnnounceStateResponse(kind=kind, announced=number, topic=f"coop.supplies.{kind}.v1")

    class Office:
        def stub(self, service: str, kind: Any) -> Stub:
            return Stub(service)

        def calling(self, service: str) -> Any:
            return nullcontext()

    @contextmanager
    def signed_in() -> Iterator[Office]:
        yield Office()

    monkeypatch.setattr(admin_announce, "signed_in", signed_in)
    return found


def test_what_was_announced_is_counted_by_kind(
    asked: list[tuple[str, list[str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["admin", "announce", "supplies", "--kind", "members", "--kind", "accesses", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"announced": {"members": 263, "accesses": 71}}
    assert run(["admin", "announce", "supplies"]) == 0
    told = capsys.readouterr().out
    assert "263" in told and "coop.supplies.accesses.v1" in told and " 200 " not in told
    assert asked == [("supplies", ["members", "accesses"]), ("supplies", [])]


def test_a_name_that_is_no_service_is_wrong_use(
    asked: list[tuple[str, list[str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["admin", "announce", "members"]) == 2
    assert "say one of identity, supplies" in capsys.readouterr().err
    assert not asked
