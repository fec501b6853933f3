"""`coopctl admin retention`: what it counts and takes away of every service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from coop.common.v1 import retention_service_pb2 as pb

from services.staff import admin_retention
from services.staff.cli import run


class Service:
    """A stub that answers what a test says, whichever service is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.noted: list[str] = []
        self.batches = [1000, 7]

    def GetRetention(self, request: Any, timeout: float) -> Any:
        inbox = pb.KeptData(code="inbox", what="events", why="They may come again.", how="deleted", days=90, old=1007)
        inbox.before.FromDatetime(datetime(2026, 8, 24, tzinfo=UTC))
        return pb.GetRetentionResponse(
            data=[inbox, pb.KeptData(code="audit", what="the log", why="A chain.", how="kept")]
        )

    def ApplyRetention(self, request: Any, timeout: float) -> Iterator[Any]:
        for removed in self.batches:
            yield pb.ApplyRetentionResponse(code="inbox", removed=removed)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    made = Service()

    class Office:
        def stub(self, service: str, kind: Any) -> Service:
            made.asked.append(service)
            return made

        def calling(self, service: str) -> Any:
            return nullcontext()

    @contextmanager
    def signed_in() -> Iterator[Office]:
        yield Office()

    monkeypatch.setattr(admin_retention, "signed_in", signed_in)
    monkeypatch.setattr(admin_retention, "noted", lambda _office, routine: made.noted.append(routine))
    return made


def test_the_plan_says_what_is_kept_and_why_and_changes_nothing(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["admin", "retention", "plan"]) == 0
    said = capsys.readouterr().out
    assert "90 days" in said and "1007" in said and "for good" in said and "identity audit: A chain." in said
    assert service.noted == []
    assert run(["admin", "retention", "plan", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metering"][0]["old"] == 1007


def test_what_is_old_is_taken_away_service_by_service(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["admin", "retention", "apply", "--json"]) == 0
    removed = json.loads(capsys.readouterr().out)["removed"]
    assert list(removed) == service.asked == ["identity", "supplies", "metering", "billing", "notifications"]
    assert removed["billing"] == {"inbox": 1007} and service.noted == ["retention"]
    service.batches = []
    assert run(["admin", "retention", "apply"]) == 0
    assert "Nothing is older than it is kept." in capsys.readouterr().err
