"""`coopctl invoice charge` and `invoice concepts`: what they ask billing and what they print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from coop.billing.v1 import charges_service_pb2 as pb
from coop.common.v1.types_pb2 import Money
from coop.supplies.v1 import supplies_pb2

from services.chassis.errors import Invalid, Unavailable
from services.staff import charges
from services.staff.cli import run

CHARGE = [
    "invoice",
    "charge",
    "5555/1",
    "--concept",
    "reconnection",
    "--amount",
    "18.09",
    "--text",
    "After the payment",
]


class Billing:
    """A stub that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.ended = ""

    def IssueCharge(self, request: Any, timeout: float) -> Any:
        self.asked.append(request)
        if request.amount == "0":
            raise Invalid("The amount 0 is not above zero.", field="amount")
        if request.amount == "1":
            raise Unavailable("The tax office does not answer.")
        return pb.IssueChargeResponse(
            invoice_id="i", number="V-2026-000001", holder="Ana Pérez", due_date="2026-12-11", contract_ended_on=self.ended,
            net=Money(amount="18.09", currency_code="EUR"), total=Money(amount="21.89", currency_code="EUR"),
        )  # fmt: skip

    def ListWaitingCharges(self, request: Any) -> Any:
        one = pb.WaitingCharge(id="c1", account_number="5555/1", number="B-FC-00003-00000001", text="A copy")
        other = pb.WaitingCharge(id="c2", account_number="5555/2", text="A fee", refusal="10015: no such document.")
        return pb.ListWaitingChargesResponse(
            charges=[other if request.page_token else one], next_page_token="" if request.page_token else "c1"
        )

    def DropCharge(self, request: Any) -> Any:
        self.asked.append(request)
        return pb.DropChargeResponse()

    def FinishCharge(self, request: Any, timeout: float) -> Any:
        self.asked.append(request)
        return pb.FinishChargeResponse(number="B-FC-00003-00000001", total=Money(amount="3.63", currency_code="ARS"))

    def GetChargeConcepts(self, request: Any) -> Any:
        own = pb.ChargeConcept(code="reconnection", name="Reconexión", source="Ley 23.349")
        return pb.GetChargeConceptsResponse(concepts=[own])


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

    monkeypatch.setattr(charges, "signed_in", signed_in)
    monkeypatch.setattr(
        charges, "find", lambda office, supply: supplies_pb2.Supply(id=f"id of {supply}", account_number=supply)
    )
    return made


def test_a_charge_is_issued_and_told(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*CHARGE, "--date", "2026-11-20", "--request-id", "mine"]) == 0
    (asked,) = billing.asked
    assert (asked.supply_id, asked.concept, asked.amount) == ("id of 5555/1", "reconnection", "18.09")
    assert (asked.text, asked.day, asked.request_id) == ("After the payment", "2026-11-20", "mine")
    said = capsys.readouterr()
    for part in ("V-2026-000001", "Ana Pérez", "After the payment", "21.89", "2026-12-11"):
        assert part in said.out
    assert "ended" not in said.err
    assert run([*CHARGE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["invoice"]["number"] == "V-2026-000001"
    assert billing.asked[1].request_id and billing.asked[1].day == ""


def test_who_pays_after_the_contract_ended_is_said_and_so_is_why_not(
    billing: Billing, capsys: pytest.CaptureFixture[str]
) -> None:
    billing.ended = "2026-10-01"
    assert run(CHARGE) == 0
    said = capsys.readouterr().err
    assert "5555/1 ended on 2026-10-01; it is charged to Ana Pérez" in " ".join(said.split())
    assert run([*CHARGE[:6], "0", *CHARGE[7:]]) == 1
    assert "not above zero" in capsys.readouterr().err
    # It may be half done: sent again as it is, it would be another one.
    assert run([*CHARGE[:6], "1", *CHARGE[7:], "--request-id", "mine"]) == 1
    assert "--request-id mine, so that it is charged once" in " ".join(capsys.readouterr().err.split())


def test_concepts_are_listed_with_their_tax(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["invoice", "concepts"]) == 0
    said = capsys.readouterr().out
    assert "reconnection" in said and "as the holder is taxed" in said
    assert run(["invoice", "concepts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["concepts"][0]["source"] == "Ley 23.349"


def test_what_waits_is_listed_and_finished(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["invoice", "waiting", "--json"]) == 0
    assert [each["id"] for each in json.loads(capsys.readouterr().out)["charges"]] == ["c1", "c2"]  # two pages
    assert run(["invoice", "waiting"]) == 0
    told = capsys.readouterr()
    assert "A copy" in told.out and "no answer" in told.out and "refused: 10015: no such document." in told.out
    assert "asks once more" in told.err and "'coopctl invoice drop ID'" in told.err
    assert run(["invoice", "finish", "c1", "--request-id", "mine"]) == 0
    assert "B-FC-00003-00000001" in capsys.readouterr().out
    assert (billing.asked[0].charge_id, billing.asked[0].request_id) == ("c1", "mine")


def test_a_refused_charge_is_given_up_with_a_reason(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["invoice", "drop", "c2"]) == 2
    assert run(["invoice", "drop", "c2", "--reason", "Paid in cash."]) == 0
    assert "Charge c2 is given up" in capsys.readouterr().err
    assert (billing.asked[0].charge_id, billing.asked[0].reason) == ("c2", "Paid in cash.")
