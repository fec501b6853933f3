"""Why an invoice changed and how its lines came to be: amounts that add up to the cent."""

from datetime import date
from decimal import Decimal

import pytest
from coop.billing.v1 import billing_pb2
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.compose.calculation import calculation
from services.gateway.compose.invoices import InvoiceView, LineView
from services.gateway.compose.money import Money
from services.gateway.compose.why import why
from tests.unit.gateway.fakes import invoice, money


def view(message: billing_pb2.Invoice) -> InvoiceView:
    return InvoiceView.of(message)


def october() -> InvoiceView:
    return view(
        invoice(2, date(2026, 10, 1), date(2026, 11, 1), "55.44", 245_000, billing_pb2.INVOICE_STATE_OPEN, "49.24")
    )


def september() -> InvoiceView:
    return view(
        invoice(1, date(2026, 9, 1), date(2026, 10, 1), "49.24", 224_000, billing_pb2.INVOICE_STATE_PAID, grow="less")
    )


def test_the_worked_example() -> None:
    """245 against 224 kWh: 27.81 € × 21 ÷ 224 = 2.61 for the quantity; energy rose 3.16, so 0.55 for its price."""
    found = why(october(), september())
    assert {cause: str(amount.amount) for cause, amount in found.parts} == {
        "used": "2.61", "price": "0.55", "power": "0.36", "other": "0.06", "tax": "2.62",
    }  # fmt: skip
    assert found.difference.amount == Decimal("6.20")
    assert (found.wh_more, found.days_more) == (21_000, 1)


cents = st.integers(-50_000, 50_000).map(lambda value: Decimal(value) / 100)


@given(st.lists(cents, min_size=5, max_size=5), st.integers(0, 10**7), st.integers(0, 10**7), cents)
def test_the_parts_always_add_up(amounts: list[Decimal], wh: int, wh_before: int, unexplained: Decimal) -> None:
    def made(values: list[Decimal], energy: int, extra: Decimal) -> InvoiceView:
        concepts = ["energy", "power", "water", "meter_rental"]
        message = billing_pb2.Invoice(
            due_date="2026-11-23", issue_date="2026-11-02", import_wh=energy, total=money(str(sum(values) + extra))
        )
        message.period.start, message.period.end = "2026-10-01", "2026-11-01"
        for concept, amount in zip(concepts, values, strict=False):
            message.lines.add(concept=concept, amount=money(str(amount)))
        message.taxes.add(tax="iva", amount=money(str(values[4])))
        return view(message)

    found = why(made(amounts, wh, unexplained), made(amounts[::-1], wh_before, Decimal(0)))
    assert sum((part.amount for _, part in found.parts), Decimal(0)) == found.difference.amount


@pytest.mark.parametrize(
    ("quantity", "unit", "price", "amount", "days", "per", "shown_days"),
    [
        ("62", "kwh", "0.196", "12.15", 31, "quantity", 0),  # energy P1 of the worked bill
        ("4.6", "kw", "27.704413", "10.82", 31, "quantity_year", 31),  # power P1 of the worked bill
        ("", "", "9.011295", "0.77", 31, "year", 31),  # financing of the social tariff
        ("", "", "0.81", "0.83", 31, "month", 31),  # meter rental: 0.81 × 12 × 31 / 365
    ],
)
def test_the_lines_of_the_worked_bill(
    quantity: str, unit: str, price: str, amount: str, days: int, per: str, shown_days: int
) -> None:
    line = LineView("other", "x", "x", "", quantity, unit, price, Money(Decimal(amount), "EUR"), "")
    found = calculation(line, days)
    assert found is not None
    assert (found.per, found.days) == (per, shown_days)


def test_a_calculation_that_does_not_hold_is_not_shown() -> None:
    line = LineView("other", "x", "x", "", "10", "kwh", "0.2", Money(Decimal("7.77"), "EUR"), "")
    assert calculation(line, 31) is None
