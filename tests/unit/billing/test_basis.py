"""What each line and tax rests on: rows that were in force, with figures that make the printed price."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest

from services.billing.domain.adjustments import BillTerms
from services.billing.domain.bill import Energy, PeriodEnergy
from services.billing.domain.planning import plan
from services.billing.domain.pricing import price
from services.billing.domain.supplies import Supply
from services.billing.evidence.basis import Basis, bases_of
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import BILL_A, FIXED, OCTOBER, book
from tests.unit.billing.test_pricing_products import HOURS, INDEXED
from tests.unit.billing.test_second_calculation import COUNTRIES, REGULATED, SPANISH, bundle_of, supply_of
from tests.unit.billing.test_services_argentina import METERED, water_close
from tests.unit.billing.test_services_argentina import supply as argentine


def made(
    country: str,
    supply: Supply,
    measured: Energy,
    *,
    period: DatePeriod = OCTOBER,
    issued: date = date(2026, 11, 2),
    terms: BillTerms | None = None,
    rows: tuple[dict[str, Any], ...] = (FIXED,),
) -> dict[str, Any]:
    policy = COUNTRIES[country].policy
    segments = plan(supply, period, book(*rows), policy.regulated_energy)
    energies = [measured if segment.metered else None for segment in segments]
    bill = price(supply.id, period, segments, energies, policy, issued, terms or BillTerms())
    return bundle_of(country, bill, segments, energies, terms)


def by_line(bundle: dict[str, Any]) -> dict[tuple[str, str], Basis]:
    lines, _ = bases_of(bundle)
    return {
        (line["concept"], line["period"]): basis for line, basis in zip(bundle["invoice"]["lines"], lines, strict=True)
    }


def test_the_worked_bill_rests_on_its_contract_and_on_the_law_of_its_days():
    bundle = made("es", supply_of("fija"), BILL_A)
    lines = by_line(bundle)
    (agreed,) = lines["energy", "P1"].rows
    assert (agreed.table, agreed.name, agreed.value, agreed.start) == ("product", "fija", "0.196", "2026-10-01")
    assert lines["energy", "P1"].segments == (0,)
    (rental,) = lines["meter_rental", ""].rows
    assert (rental.table, rental.name, rental.value, bool(rental.source)) == (
        "meter_rental",
        "single_phase",
        "0.81",
        True,
    )
    (financing,) = lines["social_bonus_financing", ""].rows
    assert financing.start <= "2026-10-01" and financing.value == "9.011295"
    assert lines["power", "P1"].segments == (), "contracted power is not measured"
    iee, iva = bases_of(bundle)[1]
    assert [(row.table, row.value) for row in iee.rows] == [("rate", "5.11269632")]
    assert [(row.table, row.name, row.value) for row in iva.rows] == [("iva", "electricity", "21")]


@pytest.mark.parametrize("case", SPANISH)
def test_every_line_and_tax_has_its_row_and_the_figures_make_the_price(case: str):
    supply, measured, more = SPANISH[case]
    bundle = made("es", supply, measured, **more)
    lines, taxes = bases_of(bundle)
    stated = {each["concept"] for each in bundle["invoice"]["terms"]["stated"]}
    for line, basis in zip(bundle["invoice"]["lines"], lines, strict=True):
        granted = line["concept"] in ("discount", "invitation") and bundle["invoice"]["terms"]["discounts"]
        assert basis.rows or line["concept"] in stated or granted, line
        tolls = [row for row in basis.rows if row.table in ("toll", "charge")]
        if tolls and line["unit_price"]:
            assert sum(D(row.value) for row in tolls) == D(line["unit_price"])
        days = (bundle["segments"][0]["from"], bundle["segments"][-1]["to"])
        assert all(row.start < days[1] and (not row.end or row.end > days[0]) for row in basis.rows)
    assert all(basis.rows for basis in taxes)
    accrual = bundle["invoice"]["accrual_date"]
    assert all(row.start <= accrual and (not row.end or accrual < row.end) for basis in taxes for row in basis.rows)


def test_a_price_that_changes_inside_the_bill_has_only_the_row_of_its_days():
    """Power across the year's end: each part at the toll and charge of its own year."""
    bundle = made(
        "es",
        supply_of("regulada"),
        BILL_A,
        period=DatePeriod(date(2025, 12, 10), date(2026, 1, 11)),
        issued=date(2026, 1, 12),
        rows=({**REGULATED, "power": "regulated"},),
    )
    power = [
        basis.rows
        for line, basis in zip(bundle["invoice"]["lines"], bases_of(bundle)[0], strict=True)
        if (line["concept"], line["period"]) == ("power", "P1")
    ]
    assert [sorted(row.table for row in rows) for rows in power] == [["charge", "toll"]] * 2
    assert [{row.end for row in rows} for rows in power] == [{"2026-01-01"}, {"2027-01-01"}]


def test_an_indexed_hour_rests_on_the_contract_the_losses_and_the_law():
    measured = Energy({hour.period: PeriodEnergy(hour.import_wh) for hour in HOURS}, 3, 3, hours=HOURS)
    lines = by_line(made("es", supply_of("fija"), measured, rows=(INDEXED,)))
    rows = {row.table: row for row in lines["energy", "P1"].rows}
    assert list(rows) == ["product", "loss", "toll", "charge"]
    assert rows["product"].value == "0.012" and D(rows["loss"].value) > 0
    (fee,) = lines["management_fee", ""].rows
    assert (fee.table, fee.value) == ("product", "3.9")


def test_argentine_water_rests_on_the_block_and_the_first_rule_that_fits():
    measured = Energy(closes=(water_close(18_000),))
    bundle = made("ar", argentine(services=["water"]), measured, rows=(METERED,))
    lines = by_line(bundle)
    block = next(basis for (concept, _), basis in lines.items() if concept == "water")
    assert [(row.table, row.name) for row in block.rows] == [("product", "agua-medida")]
    assert block.segments == (0,)
    (iva,) = bases_of(bundle)[1]
    assert [(row.table, row.name, row.value) for row in iva.rows] == [("iva", "general", "21")]
