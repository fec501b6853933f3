"""`coopctl admin audit verify`: what it says of each chain, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from coop.billing.v1 import audit_service_pb2 as invoice_audit
from coop.billing.v1 import fiscal_service_pb2 as fiscal
from coop.identity.v1 import audit_service_pb2 as audit

from services.staff import admin_audit
from services.staff.cli import run


class Services:
    """A stub of every interface that answers what a test says."""

    def __init__(self) -> None:
        self.log = audit.VerifyAuditResponse(entries=7, seal="a" * 64)
        self.series = [invoice_audit.SeriesCheck(series="E-2026", invoices=3, hash="b" * 64)]
        self.noted: list[str] = []
        self.records = fiscal.VerifyFiscalRecordsResponse(records=3)

    def VerifyAudit(self, request: Any, timeout: float) -> Any:
        return self.log

    def VerifyInvoices(self, request: Any, timeout: float) -> Any:
        return invoice_audit.VerifyInvoicesResponse(series=self.series)

    def VerifyFiscalRecords(self, request: Any, timeout: float) -> Any:
        return self.records


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    made = Services()

    class Office:
        def stub(self, service: str, kind: Any) -> Services:
            return made

        def calling(self, service: str) -> Any:
            return nullcontext()

    @contextmanager
    def signed_in() -> Iterator[Office]:
        yield Office()

    monkeypatch.setattr(admin_audit, "signed_in", signed_in)
    monkeypatch.setattr(admin_audit, "noted", lambda _office, routine: made.noted.append(routine))
    return made


def test_whole_chains_end_well(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["admin", "audit", "verify", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["sound"] is True and services.noted == ["audit-verification"]
    assert [(each["name"], each["rows"], each["whole"]) for each in said["chains"]] == [
        ("audit log", 7, True),
        ("invoices E-2026", 3, True),
        ("fiscal records", 3, True),
    ]


def test_each_broken_chain_is_named_and_ends_with_one(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    services.log.broken.CopyFrom(audit.BrokenEntry(sequence=5, why="entry 5 was changed after it was written"))
    services.series[0].MergeFrom(
        invoice_audit.SeriesCheck(broken_sequence=4, broken_number="E-2026-000004", why="it was changed")
    )
    services.records.without_record.append("E-2026-000002")
    assert run(["admin", "audit", "verify"]) == 1
    assert services.noted == []
    said = capsys.readouterr().err
    assert "audit log, entry 5: entry 5 was changed after it was written." in said
    assert "invoices E-2026, E-2026-000004: it was changed." in said
    assert "fiscal records, E-2026-000002: this invoice has no record." in said
