"""`coopctl invoices list`: a rectifying invoice is marked, and both ways are named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from coop.billing.v1 import billing_pb2

from services.staff import invoices
from services.staff.cli import run


def test_what_corrects_and_what_is_corrected_are_marked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [
        billing_pb2.Invoice(number="E-2026-000002", rectified_by=["R-2026-000001"]),
        billing_pb2.Invoice(number="R-2026-000001", kind="rectifying", rectifies="E-2026-000002"),
        billing_pb2.Invoice(number="E-2026-000001"),
    ]

    @contextmanager
    def signed_in() -> Iterator[None]:
        yield None

    monkeypatch.setattr(invoices, "signed_in", signed_in)
    monkeypatch.setattr(invoices, "find", lambda office, supply: SimpleNamespace(id="ana"))
    monkeypatch.setattr(invoices, "invoices_of", lambda office, supply_id: found)
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["invoices", "list", "5555/1"]) == 0
    second, first, plain = capsys.readouterr().out.splitlines()[-3:]
    assert "corrected by R-2026-000001" in second
    assert "corrects E-2026-000002" in first
    assert "correct" not in plain
