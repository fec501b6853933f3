"""A workshop of 20 kW through the bill run: what is issued, kept and printed is what `coopctl bill quote` says before."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from decimal import Decimal as D
from io import BytesIO
from pathlib import Path

import pytest
from coop.supplies.v1 import supplies_pb2
from pypdf import PdfReader
from sqlalchemy import select

from services.billing import tables
from services.billing.repository import invoices
from services.chassis.db import Database
from services.staff.cli import run
from tests.support.billing import ROOT, Office, contract_message, measured, member_message, supply_message

SIX = tuple(f"P{number}" for number in range(1, 7))
PRODUCT = """
[[product]]
code = "seis"
kind = "fixed"
service = "electricity"
name = "Tarifa fija 6 periodos"
from = 2025-01-01
energy = { P1 = "0.19", P2 = "0.18", P3 = "0.17", P4 = "0.16", P5 = "0.15", P6 = "0.11" }
power = "regulated"
surplus_price = "0.05"
discounts = [{ months = 12, percent = "20" }, { percent = "15" }]
"""
ENERGY = replace(
    measured(P4=1_200_000, P5=300_123, P6=500_457),
    max_demand_w={"P4": 26_400, "P5": 19_000},
    reactive_varh={"P4": 700_001, "P6": 9_000_000},
)
QUOTE = {
    "jurisdiction": "es",
    "tariff": "3.0TD",
    "zone": "peninsula",
    "from": "2026-09-30",
    "to": "2026-10-31",
    "accrual_date": "2026-11-02",
    "contracted_kw": dict.fromkeys(SIX, "20"),
    "energy_kwh": {"P4": "1200", "P5": "300.123", "P6": "500.457"},
    "prices": {
        "energy_eur_kwh": {"P1": "0.19", "P2": "0.18", "P3": "0.17", "P4": "0.16", "P5": "0.15", "P6": "0.11"},
    },
    "max_demand_kw": {"P4": "26.4", "P5": "19"},
    "reactive_kvarh": {"P4": "700.001", "P6": "9000"},
    "discounts": [{"percent": "15"}],
}


@pytest.fixture
def workshop(database: Database, tmp_path: Path) -> Office:
    """An office that sells the six-period product to one workshop, in its seventh year."""
    folder = shutil.copytree(ROOT / "profiles" / "demo-es", tmp_path / "coop")
    with (folder / "products.toml").open("a", encoding="utf-8") as products:
        products.write(PRODUCT)
    office = Office(database, tmp_path, str(folder))
    powers = [supplies_pb2.ContractedPower(period=period, watts=20_000) for period in SIX]
    contract = contract_message(
        "shop", product_code="seis", tariff="3.0TD", powers=powers, meter_rental="three_phase", use="other"
    )
    office.tell(member_message("shop"), supply_message("shop", contract))
    return office


def test_it_is_the_quote_to_the_cent_and_can_be_printed(
    workshop: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.energy.usual = ENERGY
    state = workshop.bill()
    assert (state.run.invoiced, state.held) == (1, ())
    path = tmp_path / "quote.json"
    path.write_text(json.dumps(QUOTE), encoding="utf-8")
    assert run(["bill", "quote", str(path), "--json"]) == 0
    quoted = json.loads(capsys.readouterr().out)
    assert str(state.run.total) == quoted["total"]
    with workshop.database.read() as connection:
        invoice_id = connection.execute(select(tables.invoice.c.id)).scalar_one()
        details = invoices.details(connection, invoice_id)
    assert [str(line.amount) for line in details.lines] == [line["amount"] for line in quoted["lines"]]
    kept = {line.concept: line for line in details.lines}
    assert (kept["excess_power"].amount, kept["excess_power"].unit_price) == (D("4.34"), D("0.021891"))
    assert (kept["reactive"].amount, kept["reactive"].quantity) == (D("12.63"), D("304.001"))
    assert kept["discount"].amount == D("-43.81")  # 15 % of 192.00 + 45.02 + 55.05
    first = PdfReader(BytesIO(workshop.documents.invoice(invoice_id).content)).pages[0].extract_text()
    assert "Excesos de potencia y reactiva" in first and "5,11269632 % de 338,81" in first, "the summary is on page one"
    first = PdfReader(BytesIO(workshop.documents.invoice(invoice_id).content)).pages[0].extract_text()


def test_a_demand_that_was_not_read_is_held(workshop: Office) -> None:
    workshop.energy.usual = replace(ENERGY, max_demand_w=None)
    state = workshop.bill()
    assert (state.run.invoiced, [held.reason for held in state.held]) == (0, ["NO_MAXIMUM_DEMAND"])
