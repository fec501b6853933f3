"""`coopctl invoices dispute` and `coopctl certificate`, on billing's own interfaces and a database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.billing.certificates_api import CertificatesApi
from services.billing.grpc_api import BillingApi
from services.chassis import context
from services.chassis.clock import FixedClock
from services.chassis.db import Database
from services.staff import certificates, disputes
from services.staff.cli import run
from tests.support.billing import NOW, STAFF, Office
from tests.support.migrated import Migrated

Command = Callable[..., Any]


class Stub:
    """Calls an interface as a clerk would over the wire."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def __getattr__(self, name: str) -> Any:
        def call(request: Any) -> Any:
            context.enter(STAFF, "test", context.new_traceparent())
            return getattr(self._api, name)(request, None)

        return lambda request, timeout=0: copy_context().run(call, request)


@pytest.fixture
def coopctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """A command with its exit code and JSON; Ana's October invoice is overdue by a day."""
    url = Migrated(tmp_path).on_sqlite("billing", tmp_path / "own.db")
    database = Database(url, service="billing", clock=FixedClock(NOW))
    ana = Office(database, tmp_path)
    ana.add_supplies(1)
    ana.bill("2026-10", "2026-11-02")
    ana.clock.advance(timedelta(days=3))
    api = CertificatesApi(ana.rules, ana.certificates, ana.disputes, ana.positions)
    nothing: Any = None
    billing = BillingApi(
        ana.rules, ana.runs, ana.invoices, ana.accounts, ana.certificates, ana.documents, nothing, nothing
    )
    office = SimpleNamespace(
        stub=lambda service, kind: Stub(api), calling=lambda service: nullcontext(), billing=Stub(billing)
    )

    @contextmanager
    def signed_in() -> Iterator[Any]:
        yield office

    for module in (certificates, disputes):
        monkeypatch.setattr(module, "signed_in", signed_in)
    monkeypatch.setattr(certificates, "find", lambda office, supply: SimpleNamespace(id="s00000", account_number="1/1"))

    def command(*words: str, code: int = 0) -> Any:
        assert run([*words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    yield command
    database.close()


def test_the_office_disputes_certifies_checks_and_revokes(coopctl: Command) -> None:
    refused = coopctl("certificate", "request", "1/1", code=1)["refused"]
    assert (refused["due"][0]["invoice_number"], refused["total_due"]["amount"]) == ("E-2026-000001", "55.44")
    opened = coopctl("invoices", "dispute", "open", "E-2026-000001", "--why", "Not my meter")["dispute"]
    assert (opened["account_number"], opened["opened_by"]) == ("1/1", STAFF.actor)
    granted = coopctl("certificate", "request", "1/1", "--all")["granted"]
    assert (granted["variant"], granted["all_supplies"], granted["account_numbers"]) == ("disputed", True, ["1/1"])
    assert coopctl("invoices", "dispute", "list")["disputes"] == [opened]
    closed = coopctl("invoices", "dispute", "close", "E-2026-000001", "--outcome", "It is")["dispute"]
    assert (closed["outcome"], closed["closed_by"]) == ("It is", STAFF.actor)
    assert coopctl("invoices", "dispute", "list")["disputes"] == []
    assert len(coopctl("invoices", "dispute", "list", "--all")["disputes"]) == 1
    checked = coopctl("certificate", "check", granted["number"])
    assert checked["agrees"] and checked["ledger_hash"] == granted["position_hash"]
    revoked = coopctl("certificate", "revoke", granted["number"], "--why", "Wrong holder")["certificate"]
    assert (revoked["state"], revoked["revoked_why"]) == ("revoked", "Wrong holder")
    assert [each["number"] for each in coopctl("certificate", "list", "1/1")["certificates"]] == [granted["number"]]


def test_tables_for_people(coopctl: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["invoices", "dispute", "open", "E-2026-000001", "--why", "Not my meter"]) == 0
    assert "E-2026-000001 is in dispute: 55.44" in capsys.readouterr().err
    assert run(["certificate", "request", "1/1"]) == 0
    assert run(["certificate", "check", "C-2026-000001"]) == 0
    assert run(["certificate", "list", "1/1"]) == 0
    said = capsys.readouterr().out
    assert "In dispute" in said and "the ledger agrees" in said and "disputed" in said
