"""`coopctl bill corrections` and `bill rectify`: what they ask billing and what they print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from coop.billing.v1 import billing_pb2
from coop.billing.v1 import rectifying_service_pb2 as pb
from coop.common.v1.types_pb2 import DatePeriod, Money

from services.staff import rectifying
from services.staff.cli import run

EUR = "EUR"


def correction(number: int, state: str = "proposed") -> pb.Correction:
    return pb.Correction(
        id=f"c{number}",
        invoice_number=f"E-2026-00000{number}",
        account_number="5555/1",
        period=DatePeriod(start="2026-10-01", end="2026-11-01"),
        state=state,
        billed_wh=245_000,
        known_wh=225_000,
        billed=Money(amount="55.44", currency_code=EUR),
        corrected=Money(amount="50.46", currency_code=EUR),
    )


EFFECT = pb.RectificationEffect(
    invoice_number="E-2026-000001",
    billed=Money(amount="55.44", currency_code=EUR),
    corrected=Money(amount="60.42", currency_code=EUR),
    difference=Money(amount="4.98", currency_code=EUR),
    lines=[billing_pb2.InvoiceLine(description="Energía consumida", period="P1", quantity="-62")],
    instalments=[billing_pb2.Instalment(due_date="2026-12-11", amount=Money(amount="2.49", currency_code=EUR))],
    most_instalments=2,
    blocked="",
)


class Billing:
    """A stub that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def ListCorrections(self, request: Any) -> Any:
        self.asked.append(request)
        if request.page_token:
            return pb.ListCorrectionsResponse(corrections=[correction(2)])
        return pb.ListCorrectionsResponse(corrections=[correction(1)], next_page_token="c1")

    def GetCorrection(self, request: Any, timeout: float) -> Any:
        return pb.GetCorrectionResponse(correction=correction(1), effect=EFFECT)

    def ApproveCorrection(self, request: Any, timeout: float) -> Any:
        self.asked.append(request)
        return pb.ApproveCorrectionResponse(correction=correction(1, "issued"))

    def DiscardCorrection(self, request: Any) -> Any:
        self.asked.append(request)
        return pb.DiscardCorrectionResponse(correction=correction(1, "discarded"))

    def PreviewRectification(self, request: Any, timeout: float) -> Any:
        self.asked.append(request)
        return pb.PreviewRectificationResponse(effect=EFFECT)

    def RectifyInvoice(self, request: Any, timeout: float) -> Any:
        self.asked.append(request)
        total = Money(amount="60.42", currency_code=EUR)
        return pb.RectifyInvoiceResponse(number="R-2026-000001", rectified_number="E-2026-000001", total=total)


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

    monkeypatch.setattr(rectifying, "signed_in", signed_in)
    return made


def test_corrections_of_all_pages_are_listed(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bill", "corrections", "list", "--state", "proposed", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["corrections"]
    assert [each["invoice_number"] for each in found] == ["E-2026-000001", "E-2026-000002"]
    assert {request.state for request in billing.asked} == {"proposed"}
    assert run(["bill", "corrections", "list"]) == 0
    assert "225.000" in capsys.readouterr().out
    assert run(["bill", "corrections", "list", "--state", "open"]) == 2


def test_a_correction_is_shown_with_what_approving_it_does(
    billing: Billing, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bill", "corrections", "show", "c1"]) == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("E-2026-000001", "4.98 EUR", "2026-12-11", "-62"))
    assert run(["bill", "corrections", "show", "c1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["effect"]["most_instalments"] == 2


def test_a_correction_is_approved_with_the_offices_terms(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--instalments", "2", "--legal-interest", "3.25", "--request-id", "once", "--json"]
    assert run(["bill", "corrections", "approve", "c1", *options]) == 0
    assert json.loads(capsys.readouterr().out)["correction"]["state"] == "issued"
    (asked,) = billing.asked
    assert (asked.correction_id, asked.instalments, asked.legal_interest, asked.request_id) == ("c1", 2, "3.25", "once")


def test_a_correction_is_discarded_for_a_reason(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bill", "corrections", "discard", "c1"]) == 2
    assert run(["bill", "corrections", "discard", "c1", "--reason", "The meter was tested"]) == 0
    assert "discarded" in capsys.readouterr().out
    assert billing.asked[-1].why == "The meter was tested"
    assert billing.asked[-1].request_id


def test_an_invoice_is_rectified_or_only_previewed(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bill", "rectify", "E-2026-000001", "--reason", "The meter has three phases"]
    assert run([*command, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dry_run"] is True
    assert isinstance(billing.asked[-1], pb.PreviewRectificationRequest)
    assert billing.asked[-1].method == pb.RECTIFICATION_METHOD_DIFFERENCE
    assert run([*command, "--substitution"]) == 0
    assert "R-2026-000001" in capsys.readouterr().out
    assert billing.asked[-1].method == pb.RECTIFICATION_METHOD_SUBSTITUTION
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rectifying"]["rectified_number"] == "E-2026-000001"
