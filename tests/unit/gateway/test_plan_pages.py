"""A payment plan on the member's pages and in the JSON API: what to pay next, and what broke it."""

from __future__ import annotations

from typing import Any

from coop.billing.v1 import billing_pb2, billing_service_pb2
from coop.common.v1.types_pb2 import Money

from tests.unit.gateway.conftest import Portal
from tests.unit.gateway.test_pages import text, token_of

BEARER = {"Authorization": "Bearer good-token"}
HERE, OTHER = "E-2026-000123", "E-2026-000061"


def eur(amount: str) -> Money:
    return Money(amount=amount, currency_code="EUR")


def a_plan(**changes: Any) -> billing_pb2.PaymentPlan:
    values: dict[str, Any] = {"id": "plan-1", "supply_id": "sup-1", "state": "kept", "outstanding": eur("69.79")}
    plan = billing_pb2.PaymentPlan(**{**values, **changes})
    for number in (HERE, OTHER):
        plan.invoices.add(invoice_number=number)
    for due, amount, paid in (
        ("2026-12-10", "34.90", "34.90"),
        ("2027-01-11", "34.89", "4.89"),
        ("2027-02-10", "34.89", "0"),
    ):
        plan.instalments.add(due_date=due, amount=eur(amount), paid=eur(paid))
    return plan


BROKEN: dict[str, Any] = {"state": "broken", "broken_by": 2, "missing": eur("30.00"), "broken_since": "2027-01-12"}


def test_the_invoice_and_the_statement_tell_what_is_next(portal: Portal) -> None:
    invoice = next(each for each in portal.world.invoices if each.number == HERE)
    invoice.plan.CopyFrom(a_plan())
    portal.world.plans = [a_plan()]
    said = text(portal.member.get(f"/s/sup-1/invoices/{invoice.id}").text)
    assert "Se paga con un plan de pagos acordado. El siguiente: plazo 2 de 3, 30,00 €, hasta el" in said
    assert f"El plan es también de {OTHER} ." in said and "Se paga a plazos" not in said
    said = text(portal.member.get("/s/sup-1/statement").text)
    assert "Hay un plan de pagos acordado. El siguiente: plazo 2 de 3, 30,00 €" in said and "Movimientos" in said
    portal.world.plans = [a_plan(**BROKEN)]
    said = text(portal.member.get("/s/sup-1/statement").text)
    assert "El plan de pagos está incumplido: el plazo 2" in said and "El siguiente" not in said


def test_a_refusal_names_the_instalment_that_was_missed(portal: Portal) -> None:
    broken = billing_service_pb2.BrokenPlan(
        plan_id="plan-1", position=2, of=3, due_date="2027-01-11", missing=eur("30.00")
    )
    portal.world.overdue, portal.world.broken_plans = True, [broken]
    page = portal.member.get("/s/sup-1/certificates").text
    said = text(portal.member.post("/s/sup-1/certificates", data={"csrf_token": token_of(page)}).text)
    assert "El plan de pagos está incumplido: del plazo 2 de 3" in said and "faltaban 30,00 €" in said
    answer = portal.visitor.post("/api/v1/supplies/sup-1/certificates", headers=BEARER, json={}).json
    (told,) = answer["broken_plans"]
    assert (told["number"], told["of"], told["due_date"], told["missing"]["amount"]) == (2, 3, "2027-01-11", "30.00")


def test_the_json_api_has_the_plan(portal: Portal) -> None:
    portal.world.plans = [a_plan(**BROKEN)]
    (plan,) = portal.visitor.get("/api/v1/supplies/sup-1/debt", headers=BEARER).json["plans"]
    assert (plan["state"], plan["missed"], plan["invoice_numbers"]) == ("broken", 2, [HERE, OTHER])
    assert [each["left"]["amount"] for each in plan["instalments"]] == ["0.00", "30.00", "34.89"]
    portal.world.invoices[0].plan.CopyFrom(a_plan())
    found = portal.visitor.get(f"/api/v1/invoices/{portal.world.invoices[0].id}", headers=BEARER).json
    assert (found["plan"]["state"], found["plan"]["missed"]) == ("kept", None)
