"""`coopctl tariff market`: what it sends and prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from coop.billing.v1 import market_service_pb2 as pb

from services.staff import desk
from services.staff.cli import run


class Billing:
    """A stub that answers what a test says."""

    def __init__(self) -> None:
        self.answer = pb.UploadMarketPricesResponse(file=pb.MarketFile(file_name="p.csv", hours=3), added=3)
        self.sent: list[Any] = []

    def UploadMarketPrices(self, request: Any, timeout: float) -> Any:
        self.sent.append(request)
        return self.answer

    def ListMarketPrices(self, request: Any, timeout: float) -> Any:
        hour = int(request.page_token or 0)
        answer = pb.ListMarketPricesResponse(
            prices=[pb.MarketPrice(start=f"2026-10-14T{hour:02}:00+02:00", price=f"{hour * 10}.00", version=1 + hour)],
            next_page_token=str(hour + 1) if hour < 2 else "",
            hours_expected=745,
            hours_missing=742,
        )
        answer.first_missing.FromJsonString("2026-09-30T22:00:00Z")
        return answer


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

    monkeypatch.setattr(desk, "signed_in", signed_in)
    return made


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "p.csv"
    path.write_text("day;hour;price\n2026-10-14;1;5\n", encoding="utf-8")
    return str(path)


def test_a_file_is_sent_as_it_is_and_counted(billing: Billing, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tariff", "market", "upload", file]) == 0
    assert billing.sent[0].file_name == "p.csv" and billing.sent[0].content == Path(file).read_bytes()
    assert capsys.readouterr().out == "p.csv: 3 hours, 3 new, 0 corrected, 0 as they were.\n"
    billing.answer.seen_before = True
    assert run(["tariff", "market", "upload", file]) == 0
    assert "nothing changed" in capsys.readouterr().out


def test_refused_rows_and_corrections_are_told(billing: Billing, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    row = pb.RefusedMarketPrice(line=7, value="abc", reason="This is no price.")
    correction = pb.CorrectedMarketPrice(before="84.32", after="80.00")
    billing.answer.MergeFrom(
        pb.UploadMarketPricesResponse(
            refused=1,
            refused_rows=[row],
            corrected=1,
            corrections=[correction],
            invoices=1,
            invoice_numbers=["E-2026-1"],
        )
    )
    assert run(["tariff", "market", "upload", file]) == 1
    told = capsys.readouterr()
    assert all(word in told.out for word in ("abc", "This is no price.", "84.32", "80.00"))
    assert "E-2026-1" in told.err and "1 rows were left out" in told.err
    assert run(["tariff", "market", "upload", file, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["refused_rows"][0]["line"] == 7


def test_a_month_by_day_and_by_hour(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tariff", "market", "list", "--month", "2026-10"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[-1].split() == ["2026-10-14", "3", "0.00", "10.00", "20.00", "2"]
    assert "742 of 745 hours have no price, the first from 2026-09-30T22:00:00Z" in told.err
    assert run(["tariff", "market", "list", "--month", "2026-10", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [price["version"] for price in found["prices"]] == [1, 2, 3] and found["hours_missing"] == 742


def test_a_month_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tariff", "market", "list", "--month", "2026-13"]) == 2
    assert "2026-13" in capsys.readouterr().err
