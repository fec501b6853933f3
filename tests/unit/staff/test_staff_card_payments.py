"""`coopctl payments card`: what it asks and prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from coop.billing.v1 import card_service_pb2 as pb
from coop.common.v1.types_pb2 import Money
from coop.supplies.v1 import supplies_pb2

from services.chassis.errors import NotFound
from services.staff import card_payments
from services.staff.cli import run


class Billing:
    """A stub that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.payment = pb.CardPayment(
            order_number="000100000000",
            account_number="5555/1",
            invoice_number="E-2026-000123",
            amount=Money(amount="55.44", currency_code="EUR"),
            state="denied",
            response="0190",
            reason="refused_by_bank",
            payer="member:account-ana",
        )
        self.payment.created_at.FromJsonString("2026-11-21T09:00:00Z")
        self.refused = pb.RefusedNotification(
            order_number="000100000000", reason="NOTIFICATION_DIFFERS", why="It says Ds_Amount '1'.", signed=True
        )
        self.refused.claims.add(name="DS_AMOUNT", value="1")

    def ListCardPayments(self, request: Any) -> Any:
        self.asked.append(request)
        return pb.ListCardPaymentsResponse(
            payments=[self.payment], next_page_token="" if request.page_token else "more"
        )

    def GetCardPayment(self, request: Any) -> Any:
        if request.order_number != "000100000000":
            raise NotFound(f"There is no card payment {request.order_number!r}.", "NO_ORDER")
        return pb.GetCardPaymentResponse(payment=self.payment)

    def ListRefusedNotifications(self, request: Any) -> Any:
        self.asked.append(request)
        return pb.ListRefusedNotificationsResponse(notifications=[self.refused])


@pytest.fixture
def billing(monkeypatch: pytest.MonkeyPatch) -> Billing:
    made = Billing()
    found = SimpleNamespace(supply=supplies_pb2.Supply(id="supply-1"))
    office = SimpleNamespace(
        stub=lambda service, kind: made,
        calling=lambda service: nullcontext(),
        supplies=SimpleNamespace(GetSupply=lambda request: found),
    )

    @contextmanager
    def signed_in() -> Iterator[Any]:
        yield office

    monkeypatch.setattr(card_payments, "signed_in", signed_in)
    return made


def test_the_list_goes_on_over_its_pages_and_stops_at_its_limit(
    billing: Billing, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["payments", "card", "list", "--state", "denied", "--supply", "5555/1"]) == 0
    said = capsys.readouterr().out
    assert said.count("000100000000") == 2
    for words in ("5555/1", "E-2026-000123", "55.44 EUR", "denied", "0190 refused by bank"):
        assert words in said
    assert [(each.state, each.supply_id) for each in billing.asked] == [("denied", "supply-1")] * 2
    assert run(["payments", "card", "list", "--limit", "1", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["payments"]) == 1


def test_one_attempt_with_what_was_refused_of_it(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["payments", "card", "show", "000100000000"]) == 0
    said = capsys.readouterr().out
    assert "member:account-ana" in said and "It says Ds_Amount '1'." in said
    assert run(["payments", "card", "show", "000100000000", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["payment"]["amount"] == {"amount": "55.44", "currency_code": "EUR"}
    (refused,) = document["refused_notifications"]
    assert refused["signed"] is True and refused["claims"] == [{"name": "DS_AMOUNT", "value": "1"}]
    assert run(["payments", "card", "show", "x"]) != 0
    assert "There is no card payment 'x'." in capsys.readouterr().err


def test_every_refused_notification(billing: Billing, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["payments", "card", "refused"]) == 0
    assert "NOTIFICATION" not in capsys.readouterr().out
    assert run(["payments", "card", "refused", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["refused_notifications"]) == 1
