"""Readings put right after they were billed, through real metering and billing: from the file to the rectifying invoice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from coop.billing.events.v1.events_pb2 import InvoiceRectified
from coop.billing.v1 import billing_service_pb2 as pb
from coop.metering.events.v1.events_pb2 import ReadingCorrected
from coop.supplies.v1 import supplies_pb2

from services.metering.domain.hours import day_number, local_days
from services.staff.invoice_explained import explained
from services.staff.verify.check import verify
from tests.support.billing import contract_message, supply_message
from tests.support.prime_files import hourly, report
from tests.system.measured_and_billed import Cooperative, measured_and_billed

HOURS = 745  # of October 2026
OCTOBER = local_days("Europe/Madrid").start_of(day_number(date(2026, 10, 1)))
LIGHT_METER, WATER_METER = "CIR4621247027", "W-10231"
WATER = """
[[product]]
code = "agua-medida"
kind = "blocks"
service = "water"
name = "Agua con contador"
from = 2020-01-01
fixed_charge = "6.40"
blocks = [{ up_to_m3 = 12, price = "0.42" }, { price = "0.85" }]
sewage = { share = "1", price = "0.35" }
"""


@pytest.fixture
def cooperative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cooperative]:
    with measured_and_billed(tmp_path, monkeypatch, WATER) as found:
        yield found


@pytest.fixture
def home(cooperative: Cooperative) -> Cooperative:
    """Ana's electricity and metered water, billed for October: 300 Wh in every hour, and 18 m³."""
    message = supply_message("ana")
    tap = contract_message("ana-tap", product_code="agua-medida", tariff="", powers=[], meter_rental="")
    water = supplies_pb2.SupplyService(
        id="ana-tap",
        kind=supplies_pb2.SERVICE_KIND_WATER,
        state=supplies_pb2.SERVICE_STATE_CONNECTED,
        meters=[supplies_pb2.Meter(**{"serial": WATER_METER, "from": "2020-01-01"})],
        contracts=[tap],
    )
    message.supply.services.append(water)
    cooperative.hear_supply(message)
    cooperative.load("october.xml", hours([300] * HOURS))
    cooperative.load("water.csv", reading("30/09/2026", "1192,000") + reading("31/10/2026", "1210,000", header=False))
    cooperative.bill()
    return cooperative


def hours(values: list[int]) -> bytes:
    return report(hourly(LIGHT_METER, OCTOBER, values))


def reading(day: str, cubic_metres: str, *, header: bool = True) -> bytes:
    columns = "Contador;Fecha;Lectura;Unidad;Origen\n" if header else ""
    return f"{columns}{WATER_METER};{day};{cubic_metres};m3;visual\n".encode()


def amount(money: Any) -> Decimal:
    return Decimal(money.amount)


def test_hours_and_water_put_right_become_rectifying_invoices_that_anybody_can_verify(home: Cooperative) -> None:
    member = home.billing.as_member("account-ana")
    (invoice,) = member.ListInvoices(pb.ListInvoicesRequest(supply_id="ana")).invoices
    billed_wh = 300 * HOURS
    assert invoice.import_wh == billed_wh

    # The first day was read too high: 250 Wh less in each of its hours.
    home.load("corrected.xml", hours([50] * 24))
    found = home.proposal(lambda each: each.known_wh == billed_wh - 24 * 250)
    assert (found.invoice_number, found.billed_wh) == (invoice.number, billed_wh)
    assert (found.billed_litres, found.known_litres) == (18_000, 18_000)
    made = home.approve(found)
    assert (made.rectifies, made.kind) == (invoice.number, "rectifying")
    change = amount(made.total)
    assert change == amount(found.corrected) - amount(invoice.total) < 0
    debt = member.GetDebtState(pb.GetDebtStateRequest(supply_id="ana")).debt
    assert [(item.invoice_number, amount(item.outstanding)) for item in debt.open_items] == [
        (invoice.number, amount(invoice.total) + change)
    ]
    _, told = home.billing.await_event(InvoiceRectified)
    assert (told.rectified_number, told.member_id, amount(told.difference)) == (invoice.number, "ana-member", change)
    bundle = home.bundle(made.number)
    verdict = verify(bundle)
    assert (verdict.differences, verdict.hours) == ((), 2 * HOURS)
    assert verdict.calculated_total == change
    shown = explained(made, home.facts(made.number), bundle)
    assert all(line["rows"] for line in (*shown["lines"], *shown["taxes"]))
    # What takes the place of a line was measured in the hours known now; what is taken back, in none of them.
    assert [bool(line["measured_in"]) for line in shown["lines"]] == [
        Decimal(line["amount"]) > 0 for line in shown["lines"]
    ]

    # The water was 12 m³ and not 18: what was above the first block comes back, and nothing else.
    home.load("water again.csv", reading("31/10/2026", "1204,000"))
    found = home.proposal(lambda each: each.known_litres == 12_000)
    assert (found.billed_litres, found.billed_wh, found.known_wh) == (18_000, told.import_wh, told.import_wh)
    again = home.approve(found)
    assert {line.service for line in again.lines} == {"water"}
    assert made.rectification_reason.replace("\xa0", " ") == "medidas corregidas de 223,5 kWh a 217,5 kWh"
    assert again.rectification_reason.replace("\xa0", " ") == "medidas corregidas de 18 m³ a 12 m³"
    # 6 m³ x 0.85 and 6 m³ of sewage x 0.35, with 10 % of IVA.
    assert amount(again.total) == -(Decimal("5.10") + Decimal("2.10") + Decimal("0.72"))
    assert verify(home.bundle(again.number)).differences == ()
    listed = member.ListInvoices(pb.ListInvoicesRequest(supply_id="ana")).invoices
    assert [list(each.rectified_by) for each in listed if each.number == invoice.number] == [
        [made.number, again.number]
    ]

    # Metering knows what is billed now, and says each change once.
    home.billing.await_event(InvoiceRectified, 2)
    assert len(home.metering.events(ReadingCorrected)) == 2
    home.load("water once more.csv", reading("31/10/2026", "1205,000"))
    found = home.proposal(lambda each: each.known_litres == 13_000)
    assert found.billed_litres == 12_000
