"""Excess power above 50 kW through real metering and billing: from a file of quarters of an hour to its invoice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from coop.billing.v1 import billing_service_pb2 as pb
from coop.supplies.v1 import supplies_pb2

from services.metering.domain.hours import day_number, local_days
from services.staff.cli import run
from services.staff.invoice_explained import explained
from services.staff.verify.check import verify
from tests.support.billing import contract_message, supply_message
from tests.support.prime_files import hourly, report
from tests.support.quarters import quarter_file
from tests.system.measured_and_billed import Cooperative, measured_and_billed
from tests.unit.metering.formats.curve_writers import SUPPLY

HOURS = 745  # of October 2026
OCTOBER = local_days("Europe/Madrid").start_of(day_number(date(2026, 10, 1)))
#: Wednesday the 14th from 10 to 11, the peak of October: P4.
PEAK = OCTOBER + 13 * 24 + 10
SIX = [f"P{number}" for number in range(1, 7)]
PRODUCT = """
[[product]]
code = "seis"
kind = "fixed"
service = "electricity"
name = "Tarifa fija de seis periodos"
from = 2020-01-01
energy = { P1 = "0.19", P2 = "0.18", P3 = "0.17", P4 = "0.16", P5 = "0.15", P6 = "0.11" }
power = "regulated"
"""
QUOTE = {
    "jurisdiction": "es",
    "tariff": "3.0TD",
    "zone": "peninsula",
    "from": "2026-09-30",
    "to": "2026-10-31",
    "accrual_date": "2026-11-02",
    "contracted_kw": dict.fromkeys(SIX, "100"),
    "prices": {"energy_eur_kwh": dict(zip(SIX, ("0.19", "0.18", "0.17", "0.16", "0.15", "0.11"), strict=True))},
}


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cooperative]:
    """One supply of 100 kW in every period."""
    with measured_and_billed(tmp_path, monkeypatch, PRODUCT) as cooperative:
        powers = [supplies_pb2.ContractedPower(period=period, watts=100_000) for period in SIX]
        contract = contract_message(
            "ana", product_code="seis", tariff="3.0TD", powers=powers, meter_rental="three_phase", use="other"
        )
        cooperative.hear_supply(supply_message("ana", contract, cups=SUPPLY))
        yield cooperative


def october(*peak: int) -> bytes:
    """80 kW all the time, but for one hour with these Wh in its quarters."""
    return quarter_file({OCTOBER + number: (20_000,) * 4 for number in range(HOURS)} | {PEAK: peak})


def test_quarters_of_an_hour_become_a_line_that_anybody_can_verify(
    factory: Cooperative, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Hours alone do not say whether a quarter exceeded: 30 kWh in one quarter would be 120 kW.
    factory.load("hours.xml", report(hourly("CIR4621247027", OCTOBER, [30_000] * HOURS)))
    (held,) = [each for message in factory.preview() for each in message.held]
    assert held.reason == "NO_QUARTER_HOURS"
    assert "those of 189 hours of P4, 147 hours of P5 and 409 hours of P6 are not known" in held.explanation

    factory.load("quarters.csv", october(26_250, 25_750, 26_000, 10_000))
    factory.bill()
    member = factory.billing.as_member("account-ana")
    (listed,) = member.ListInvoices(pb.ListInvoicesRequest(supply_id="ana")).invoices
    invoice = member.GetInvoice(pb.GetInvoiceRequest(invoice_id=listed.number)).invoice
    (line,) = [each for each in invoice.lines if each.concept == "excess_power"]
    # 5, 3 and 4 kW above: √(25 + 9 + 16) = 7.0711; 7.0711 × 0.424794 = 3.0038.
    assert (line.period, Decimal(line.quantity), line.unit_price, line.amount.amount) == (
        "P4", Decimal("7.0711"), "0.424794", "3.00"
    )  # fmt: skip
    assert line.description == "Exceso de potencia por cuartos de hora"

    # The same file and contract in a quote that asks no service.
    (tmp_path / "october.csv").write_bytes(october(26_250, 25_750, 26_000, 10_000))
    (tmp_path / "quote.json").write_text(json.dumps(QUOTE), encoding="utf-8")
    arguments = [str(tmp_path / "quote.json"), "--curve", str(tmp_path / "october.csv"), "--json"]
    assert run(["bill", "quote", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == invoice.total.amount

    bundle = factory.bundle(invoice.number)
    shown = explained(invoice, factory.facts(invoice.number), bundle)
    (told,) = [each for each in shown["lines"] if each["quarters"]]
    assert told["behind"] == (
        "3 quarters of an hour above the 100 kW contracted, the highest 105 kW on 2026-10-14 at 10:00, "
        "104 kW on 2026-10-14 at 10:30, 103 kW on 2026-10-14 at 10:15; √(5² + 4² + 3²) = √50 = 7.0711 kW"
    )
    assert [row["table"] for row in told["rows"]] == ["quarter_hour_excess"]
    verdict = verify(bundle)
    assert (verdict.differences, verdict.hours) == ((), HOURS)
    del bundle["sha256"]  # so that it is the calculation that finds it
    bundle["segments"][0]["quarter_demand_w"]["P4"][2][1] += 1_000
    assert any("excess_power P4" in each for each in verify(bundle).differences)

    # The distributor sends the hour again: the same energy, and none of its quarters exceeded.
    factory.load("again.csv", quarter_file({PEAK: (22_000,) * 4}))
    made = factory.approve(factory.proposal(lambda each: each.invoice_number == invoice.number))
    assert (made.rectifies, [(each.concept, each.amount.amount) for each in made.lines]) == (
        invoice.number,
        [("excess_power", "-3.00")],
    )
    assert made.rectification_reason == "medidas corregidas", "the energy is what it was"
    corrected = factory.bundle(made.number)
    assert verify(corrected).differences == ()
    (told,) = explained(made, factory.facts(made.number), corrected)["lines"]
    assert (told["quarters"]["count"], told["rows"][0]["table"]) == (3, "quarter_hour_excess")
