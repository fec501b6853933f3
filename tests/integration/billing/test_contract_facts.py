"""Facts of contracts that the supplies service tells: what they change on a bill, kept with it and calculated again."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from sqlalchemy import select

from services.billing import tables
from services.billing.domain.supplies import Contract
from services.billing.repository import invoices, read_model
from services.billing.snapshots import supply_of, supply_state
from services.staff.verify.check import verify
from tests.support.billing import STAFF, Office, contract_message, member_message, supply_message


def tell(office: Office, **facts: Any) -> None:
    office.tell(member_message("ana"), supply_message("ana", contract_message("ana", **facts)))


def electricity_tax(office: Office) -> tuple[D, D]:
    """Base and amount, of an invoice that holds when it is calculated again."""
    with office.database.read() as connection:
        invoice_id = connection.execute(select(tables.invoice.c.id)).scalar_one()
        taxes = invoices.details(connection, invoice_id).taxes
    _, bundle = office.invoices.bundle(STAFF, invoice_id)
    assert verify(bundle).differences == ()
    return next((tax.base, tax.amount) for tax in taxes if tax.kind == "iee")


@pytest.mark.parametrize(
    ("use", "base", "amount"),
    [("", "42.07", "2.15"), ("listed_use", "6.31", "0.32")],
)
def test_a_use_with_a_lower_electricity_tax(office: Office, use: str, base: str, amount: str) -> None:
    """Ley 38/1992 art. 98: 85 % less base, 42.07 × 0.15 = 6.31."""
    tell(office, electricity_tax=use)
    assert office.bill().run.invoiced == 1
    assert electricity_tax(office) == (D(base), D(amount))


def test_a_promotional_code(office: Office) -> None:
    """10 % of 30.97 in the first six months; a second reader recalculates the invoice from its bundle alone."""
    tell(office, promotion_code="BIENVENIDA26", **{"from": "2026-06-01"})
    assert office.bill().run.invoiced == 1
    with office.database.read() as connection:
        invoice_id = connection.execute(select(tables.invoice.c.id)).scalar_one()
        lines = invoices.details(connection, invoice_id).lines
    assert [line.amount for line in lines if line.concept == "discount"] == [D("-3.10")]
    _, bundle = office.invoices.bundle(STAFF, invoice_id)
    assert verify(bundle).differences == ()


def test_a_promotional_code_of_other_days_holds_the_bill(office: Office) -> None:
    tell(office, promotion_code="BIENVENIDA26")
    assert [held.reason for held in office.bill().held] == ["NO_PROMOTION"]


def test_a_maximeter_that_was_not_read_holds_the_bill(office: Office) -> None:
    tell(office, power_control="maximeter")
    assert [held.reason for held in office.bill().held] == ["NO_MAXIMUM_DEMAND"]


def test_a_snapshot_of_before_has_none_of_them(office: Office) -> None:
    tell(office, electricity_tax="irrigation", vulnerable=True)
    with office.database.read() as connection:
        (supply,) = read_model.supplies(connection, ["ana"])
    (contract,) = supply.services[0].contracts
    assert (contract.electricity_tax, contract.vulnerable) == ("irrigation", True)
    state = supply_state(supply)
    for fact in ("power_control", "electricity_tax", "vulnerable", "promotion_code", "access_contract"):
        del state["services"][0]["contracts"][0][fact]
    older: Contract = supply_of(state).services[0].contracts[0]
    assert (older.power_control, older.electricity_tax, older.vulnerable) == ("", "", False)
