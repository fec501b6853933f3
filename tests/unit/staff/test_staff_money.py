"""`coopctl payments …` and `coopctl statement`: what they ask the services and what they print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from coop.billing.v1 import billing_pb2
from coop.billing.v1 import payments_service_pb2 as pb
from coop.common.v1.types_pb2 import Money
from coop.identity.v1 import identity_service_pb2

from services.staff import cash_up, payment_lists, payments, refunds, statements
from services.staff.cli import run


def eur(amount: str) -> Money:
    return Money(amount=amount, currency_code="EUR")


PAYMENT = pb.PaymentDetail(
    id="p1",
    account_number="1/1",
    amount=eur("60.00"),
    method="cash",
    paid_on="2026-11-20",
    settled=[billing_pb2.SettledInvoice(invoice_number="E-2026-000001", amount=eur("55.44"))],
    credited=eur("4.56"),
    left=eur("60.00"),
)


class Desk:
    """The billing service: answers by the name of the call, and remembers what was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, []

    def __getattr__(self, name: str) -> Any:
        def call(request: Any, timeout: float = 0) -> Any:
            self.asked.append(request)
            return self.answers[name]

        return call


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk()

    @contextmanager
    def signed_in() -> Iterator[Any]:
        yield SimpleNamespace(
            calling=lambda service: nullcontext(), billing=made, identity=made, stub=lambda service, stub: made
        )

    for module in (payment_lists, refunds, cash_up, statements, payments):
        monkeypatch.setattr(module, "signed_in", signed_in)
    for module in (payment_lists, statements, payments):
        monkeypatch.setattr(module, "find", lambda office, supply: SimpleNamespace(id="s1", account_number=supply))
    monkeypatch.setenv("COLUMNS", "200")
    return made


def test_payments_are_listed_in_pages_and_as_json(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.answers["ListPayments"] = pb.ListPaymentsResponse(payments=[PAYMENT])
    assert run(["payments", "list", "--account", "1/1", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["payments"]
    assert (found["amount"]["amount"], found["settled"][0]["invoice_number"]) == ("60.00", "E-2026-000001")
    assert desk.asked[0].supply_id == "s1"
    assert run(["payments", "list"]) == 0
    assert "E-2026-000001 (55.44 EUR)" in capsys.readouterr().out


def test_a_refund_is_asked_for_in_the_payments_currency_and_says_who_must_approve(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.answers["GetPayment"] = pb.GetPaymentResponse(payment=PAYMENT)
    desk.answers["RequestRefund"] = pb.RequestRefundResponse(refund=pb.Refund(id="r1", state="requested"))
    assert run(["payments", "refund", "p1", "--amount", "10", "--why", "paid twice", "--request-id", "k"]) == 0
    assert desk.asked[-1] == pb.RequestRefundRequest(
        payment_id="p1", amount=eur("10"), why="paid twice", request_id="k"
    )
    assert "refund-approve r1" in capsys.readouterr().err
    assert run(["payments", "refund", "p1", "--amount", "-1", "--why", "x"]) == 2


def test_the_till_is_closed_with_what_was_counted(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    open_day = pb.CashUp(day="2026-11-21", till_opening=eur("20.00"), till_closing=eur("45.50"))
    desk.answers["GetCashUp"] = pb.GetCashUpResponse(cash_up=open_day)
    assert run(["payments", "cash-up"]) == 0
    assert "not yet" in capsys.readouterr().out
    closed = pb.CashUp(day="2026-11-21", count=pb.TillCount(counted=eur("0"), difference=eur("-45.50")))
    desk.answers["CloseTill"] = pb.CloseTillResponse(cash_up=closed)
    assert run(["payments", "cash-up", "--counted", "0", "--why", "emptied", "--json"]) == 0
    assert desk.asked[-1].counted == eur("0") and desk.asked[-1].day == "2026-11-21" and desk.asked[-1].request_id
    assert json.loads(capsys.readouterr().out)["cash_up"]["count"]["difference"]["amount"] == "-45.50"


def test_a_payment_is_recorded_on_an_account(desk: Desk) -> None:
    debt = billing_pb2.DebtState(overdue=eur("0.00"))
    desk.answers["GetDebtState"] = SimpleNamespace(debt=debt)
    desk.answers["RecordPayment"] = SimpleNamespace(payment=billing_pb2.Payment(id="p2"), debt=debt)
    assert run(["payments", "record", "--account", "1/1", "--amount", "5", "--method", "cash"]) == 0
    asked = desk.asked[-1]
    assert (asked.invoice, asked.supply_id, asked.amount, bool(asked.request_id)) == ("", "s1", eur("5"), True)
    assert asked.paid_on == "", "the day is the cooperative's, wherever this is typed"
    for wrong in ([], ["--account", "1/1", "--invoice", "E-1"]):
        assert run(["payments", "record", *wrong, "--amount", "5", "--method", "cash"]) == 2


def test_books_that_differ_end_with_one(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.answers["GetBooksCheck"] = pb.GetBooksCheckResponse(entries=3)
    assert run(["payments", "check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sound"] is True
    wrong = pb.BooksDifference(what="credit is not what the ledger has as credit", subject="1/1", amount=eur("1.00"))
    desk.answers["GetBooksCheck"] = pb.GetBooksCheckResponse(entries=3, differences=[wrong])
    assert run(["payments", "check"]) == 1
    assert "1/1" in capsys.readouterr().out


def test_a_statement_is_named_by_its_account_alone(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    entry = billing_pb2.StatementEntry(
        date="2026-11-20",
        kind="payment",
        method="cash",
        debit=eur("0.00"),
        credit=eur("60.00"),
        balance=eur("-4.56"),
        settled=PAYMENT.settled,
        credited=eur("4.56"),
    )
    part = billing_pb2.PlanInstalment(due_date="2026-12-10", amount=eur("27.72"), paid=eur("0.00"))
    plan = billing_pb2.PaymentPlan(id="plan-1", state="kept", instalments=[part])
    desk.answers["GetStatement"] = SimpleNamespace(statement=billing_pb2.Statement(entries=[entry]))
    desk.answers["GetDebtState"] = SimpleNamespace(debt=billing_pb2.DebtState(credit=eur("4.56"), plans=[plan]))
    assert run(["statement", "1/1", "--from", "2026-11-01", "--to", "2026-11-30"]) == 0
    out = capsys.readouterr().out
    assert "E-2026-000001 (55.44 EUR); credit 4.56 EUR" in out and "-60.00 EUR" in out
    assert "kept, next 2026-12-10 (27.72 EUR): plan-1" in " ".join(out.split())
    assert (desk.asked[0].period.start, desk.asked[0].period.end) == ("2026-11-01", "2026-12-01")
    person = pb.Form347Person(tax_number="12345678Z", name="Ana", total=eur("3005.07"), quarters=[eur("0.00")] * 4)
    desk.answers["GetForm347"] = pb.GetForm347Response(year=2026, persons=[person])
    assert run(["statement", "form-347", "2026"]) == 0
    assert "3,005.07 EUR" in capsys.readouterr().out


def test_people_read_names_and_programs_read_actors(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    eva = identity_service_pb2.StaffName(id="1", name="Eva Ruiz")
    desk.answers["GetStaffNames"] = identity_service_pb2.GetStaffNamesResponse(staff=[eva])
    back = pb.PaymentReversal(kind="refund", day="2026-11-21", amount=eur("4.56"), recorded_by="staff:1")
    paid = pb.PaymentDetail(id="p1", amount=eur("60.00"), recorded_by="staff:1", reversals=[back])
    refund = pb.Refund(id="r1", state="paid", amount=eur("4.56"), requested_by="staff:1", decided_by="staff:9")
    count = pb.TillCount(counted=eur("0"), difference=eur("0"), closed_by="staff:1")
    day = pb.CashUp(day="2026-11-21", rows=[pb.CashUpRow(method="cash", person="staff:1")], count=count)
    answers: dict[str, tuple[list[str], str, Any, int]] = {
        "payments list": (["payments", "list"], "ListPayments", pb.ListPaymentsResponse(payments=[paid]), 1),
        "payments show": (["payments", "show", "p1"], "GetPayment", pb.GetPaymentResponse(payment=paid), 2),
        "refunds": (["payments", "refunds"], "ListRefunds", pb.ListRefundsResponse(refunds=[refund]), 1),
        "cash-up": (["payments", "cash-up"], "GetCashUp", pb.GetCashUpResponse(cash_up=day), 2),
    }
    for name, (command, call, answer, times) in answers.items():
        desk.answers[call] = type(answer).FromString(answer.SerializeToString())
        assert run([*command, "--json"]) == 0
        programs = capsys.readouterr().out
        assert (programs.count("staff:1") >= times, "Eva Ruiz" in programs) == (True, False), name
        assert run(command) == 0
        people = capsys.readouterr().out
        assert (people.count("Eva Ruiz"), "staff:1" in people) == (times, False), name
    assert "staff:9" in _printed(desk, capsys, refund), "nobody has that id any more"


def _printed(desk: Desk, capsys: pytest.CaptureFixture[str], refund: pb.Refund) -> str:
    desk.answers["ListRefunds"] = pb.ListRefundsResponse(refunds=[refund])
    assert run(["payments", "refunds"]) == 0
    return capsys.readouterr().out
