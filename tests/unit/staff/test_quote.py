"""`coopctl bill quote` through the command itself: worked bills to the cent, and the exact document."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.staff.cli import run
from tests.unit.billing.examples import spanish_bill
from tests.unit.staff.quote_examples import DWELLING, SIX, WORKSHOP, Capture, amounts, asked, priced, without


def test_the_dwelling_of_55_44(tmp_path: Path, capsys: Capture) -> None:
    found = priced(tmp_path, capsys, DWELLING)
    assert list(found) == ["lines", "taxes", "total", "currency"]
    assert found["lines"][0] == {
        "concept": "power",
        "period": "P1",
        "quantity": "4.6",
        "unit": "kW",
        "unit_price": "27.704413",
        "amount": "10.82",
        "in_iee_base": True,
        "in_vat_base": True,
    }
    assert found["lines"][-1] == {
        "concept": "meter_rental",
        "period": None,
        "quantity": None,
        "unit": None,
        "unit_price": None,
        "amount": "0.83",
        "in_iee_base": False,
        "in_vat_base": True,
    }
    assert found["taxes"] == [
        {"tax": "iee", "base": "42.07", "rate": "0.0511269632", "amount": "2.15"},
        {"tax": "iva", "base": "45.82", "rate": "0.21", "amount": "9.62"},
    ]
    assert (found["total"], found["currency"]) == ("55.44", "EUR")
    assert amounts(found) == {
        "power P1": "10.82",
        "power P2": "0.28",
        "energy P1": "12.15",
        "energy P2": "7.04",
        "energy P3": "11.78",
        "bono_social_financing": "0.77",
        "meter_rental": "0.83",
        "iee": "2.15",
        "iva": "9.62",
        "total": "55.44",
    }


MAY = {"from": "2026-04-30", "to": "2026-05-31", "accrual_date": "2026-05-31"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (MAY, {"iee": "0.25", "bono_social_financing": "0.59", "iva": "4.37", "total": "48.11"}),
        ({"energy_kwh": {"P1": "0", "P2": "0", "P3": "0"}}, {"iee": "0.57", "iva": "2.79", "total": "16.06"}),
        (
            {"surplus": {"kwh": "180", "eur_kwh": "0.06"}},
            {"surplus": "-10.80", "iee": "1.60", "iva": "7.24", "total": "41.71"},
        ),
        ({"surplus": {"kwh": "700", "eur_kwh": "0.06"}}, {"surplus": "-30.97", "total": "16.06"}),
        ({"prices": without(DWELLING["prices"], "power_eur_kw_year")}, {"power P1": "10.82", "total": "55.44"}),
        ({"extra_lines": []}, {"meter_rental": "0.83", "total": "55.44"}),
        ({"meter": "three_phase", "extra_lines": []}, {"meter_rental": "1.39"}),
        ({"meter": "own", "extra_lines": [{"concept": "other_service", "amount": "5"}]}, {"other_service": "5.00"}),
        ({"discounts": [{"kwh": "100"}]}, {"discount": "-12.64"}),
        ({"discounts": [{"percent": "20"}]}, {"discount": "-6.19"}),
        ({"discounts": [{"amount": "5"}]}, {"discount": "-5.00"}),
        ({"surplus": {"kwh": "0"}}, {"total": "55.44"}),
    ],
)
def test_variants_of_it(tmp_path: Path, capsys: Capture, change: dict[str, Any], expected: dict[str, str]) -> None:
    found = amounts(priced(tmp_path, capsys, DWELLING | change))
    assert {name: found[name] for name in expected} == expected


def test_numbers_may_be_json_numbers_and_are_taken_as_they_are_written(tmp_path: Path, capsys: Capture) -> None:
    written = json.dumps(DWELLING)
    for text in ("4.6", "27.704413", "0.725423", "62", "0.196", "0.83", "128"):
        written = written.replace(f'"{text}"', text)
    assert priced(tmp_path, capsys, written)["total"] == "55.44"


def test_the_workshop_pays_excess_and_reactive_energy(tmp_path: Path, capsys: Capture) -> None:
    found = priced(tmp_path, capsys, WORKSHOP)
    figures = amounts(found)
    assert (figures["excess_power P4"], figures["reactive P4"], figures["meter_rental"]) == ("4.34", "12.63", "1.39")
    (excess,) = [line for line in found["lines"] if line["concept"] == "excess_power"]
    assert (excess["quantity"], excess["unit"], excess["unit_price"]) == ("6.4", "kW", "0.021891")
    assert excess["in_iee_base"] and excess["in_vat_base"]


def test_a_promotional_percentage_of_the_workshop(tmp_path: Path, capsys: Capture) -> None:
    """1,500 kWh for 210.00; 20 % are 42.00 and 15 % 31.50."""
    for percent, expected in (("20", "-42.00"), ("15", "-31.50")):
        quote = WORKSHOP | {"energy_kwh": {"P4": "1500"}, "discounts": [{"percent": percent, "label": "Promotion"}]}
        assert amounts(priced(tmp_path, capsys, quote))["discount"] == expected


def test_high_voltage(tmp_path: Path, capsys: Capture) -> None:
    """6.1TD at the tables' tolls and charges: 1,000 kWh in P6 at 0.001588; no rental, which high voltage has its own of."""
    quote = without(WORKSHOP, "prices") | {
        "tariff": "6.1TD",
        "energy_kwh": {"P6": "1000"},
        "max_demand_kw": {},
        "reactive_kvarh": {},
    }
    figures = amounts(priced(tmp_path, capsys, quote, said="tolls and charges alone"))
    assert (figures["power P1"], figures["energy P6"]) == ("50.27", "1.59")  # 20 × 29.595368 × 31/365
    assert "meter_rental" not in figures


def test_a_change_of_prices_splits_power_by_days_and_energy_too(tmp_path: Path, capsys: Capture) -> None:
    """15 days of 2025 and 16 of 2026. Of 62 kWh, 30 fall in the first 15 days: 62 × 15/31."""
    quote = without(DWELLING, "prices", "extra_lines") | {
        "from": "2025-12-16",
        "to": "2026-01-16",
        "accrual_date": "2026-01-19",
        "energy_kwh": {"P1": "62", "P2": "0", "P3": "0"},
    }
    found = priced(tmp_path, capsys, quote, said="tolls and charges alone")
    p1 = [
        (line["concept"], line["quantity"], line["unit_price"], line["amount"])
        for line in found["lines"]
        if line["period"] == "P1"
    ]
    assert p1 == [
        ("power", "4.6", "26.93055", "5.09"),
        ("power", "4.6", "27.704413", "5.59"),
        ("energy", "30", "0.092539", "2.78"),
        ("energy", "32", "0.097553", "3.12"),
    ]
    assert amounts(found)["meter_rental"] == "0.40 0.43"


def test_a_leap_year_has_366_days(tmp_path: Path, capsys: Capture) -> None:
    """February 2024: 4.6 × 29 × 25.391661 ÷ 366 = 9.25 and 0.81 × 12 × 29 ÷ 366 = 0.77."""
    quote = DWELLING | {"from": "2024-01-31", "to": "2024-02-29", "accrual_date": "2025-01-02"}
    quote["prices"] = without(DWELLING["prices"], "power_eur_kw_year")
    quote["extra_lines"] = [{"concept": "bono_social_financing", "amount": "0"}]
    figures = amounts(priced(tmp_path, capsys, quote))
    assert (figures["power P1"], figures["meter_rental"]) == ("9.25", "0.77")


def test_a_stated_line_stands_in_for_the_table_even_where_it_has_no_row(tmp_path: Path, capsys: Capture) -> None:
    """The financing of 2024 is not in the tables."""
    stated = [{"concept": "bono_social_financing", "amount": "0.50"}, {"concept": "connection_fee", "amount": "9.044"}]
    quote = DWELLING | {"from": "2024-09-30", "to": "2024-10-31", "accrual_date": "2025-01-02", "extra_lines": stated}
    figures = amounts(priced(tmp_path, capsys, quote))
    assert (figures["bono_social_financing"], figures["connection_fee"]) == ("0.50", "9.04")
    _, said = asked(tmp_path, capsys, quote | {"extra_lines": []}, code=1)
    assert "'regulated social_bonus_financing' says nothing for 2024-10-01" in said


def test_the_quote_is_the_invoice(tmp_path: Path, capsys: Capture) -> None:
    """The same facts through the bill run's own path: contract, price book and metered energy."""
    bill = spanish_bill(issued=date(2026, 11, 3))
    found = priced(tmp_path, capsys, DWELLING | {"extra_lines": []})
    assert [line["amount"] for line in found["lines"]] == [str(line.amount) for line in bill.lines]
    assert found["total"] == str(bill.total)


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        ({"energy_kwh": {"P1": "62"}}, "energy_kwh has nothing for P2, P3: priced as 0 kWh."),
        ({"energy_kwh": {"P1": "62.0004", "P2": "0", "P3": "0"}}, "energy_kwh.P1 is taken as 62:"),
        ({"max_demand_kw": {"P1": "5.2"}}, "the meter's breaker controls 2.0TD"),
        ({"reactive_kvarh": {"P1": "5"}}, "2.0TD pays no reactive energy"),
        ({"supply": "a"}, "supply is not used: it names one of the supplies of a --curve file."),
        (
            {"accrual_date": "2025-11-03"},
            "accrual_date 2025-11-03 is before 2026-10-01, the first day billed: the taxes",
        ),
        ({"accrual_date": "2062-11-03"}, "accrual_date 2062-11-03 is more than a year after 2026-10-31: the taxes"),
    ],
)
def test_what_the_reader_should_know_is_said_beside(
    tmp_path: Path, capsys: Capture, change: dict[str, Any], remark: str
) -> None:
    priced(tmp_path, capsys, DWELLING | change, said=remark)


@pytest.mark.parametrize("field", ["energy_kwh", "reactive_kvarh"])
def test_energy_of_a_period_that_the_month_does_not_have_is_said(tmp_path: Path, capsys: Capture, field: str) -> None:
    remark = f"{field} has something in P1, where no hour from 2026-10-01 to 2026-10-31 is; check the periods."
    priced(tmp_path, capsys, WORKSHOP | {field: {"P1": "5", "P2": "0", "P4": "1"}}, said=remark)


def test_demand_and_reactive_energy_that_are_not_given_are_said(tmp_path: Path, capsys: Capture) -> None:
    _, said = asked(tmp_path, capsys, without(WORKSHOP, "max_demand_kw", "reactive_kvarh"))
    assert "no excess power is priced" in said
    assert "no reactive energy is priced" in said


def test_excess_power_above_50_kw_is_that_of_the_quarter_hours(tmp_path: Path, capsys: Capture) -> None:
    """5, 3 and 4 kW above 100 in P4: their root of 7.0711 kW × 0.478581 in 6.1TD."""
    large = WORKSHOP | {"contracted_kw": dict.fromkeys(SIX, "100"), "tariff": "6.1TD"}
    quote = without(large, "max_demand_kw") | {"quarter_demand_kw": {"P4": ["105", "99", "103", 104], "P5": []}}
    (line,) = [line for line in priced(tmp_path, capsys, quote)["lines"] if line["concept"] == "excess_power"]
    assert (line["quantity"], line["unit"], line["unit_price"], line["amount"]) == ("7.0711", "kW", "0.478581", "3.38")
    out, _ = asked(tmp_path, capsys, quote)
    assert "0.478581 €/kW" in out


def test_quarter_hours_of_a_small_contract_are_not_used(tmp_path: Path, capsys: Capture) -> None:
    quote = WORKSHOP | {"quarter_demand_kw": {"P4": ["30"]}}
    found = priced(tmp_path, capsys, quote, said="up to 50 kW excess power is that of max_demand_kw")
    assert amounts(found)["excess_power P4"] == "4.34"


def test_a_maximeter_in_2_0td(tmp_path: Path, capsys: Capture) -> None:
    quote = DWELLING | {"max_demand_kw": {"P1": "6"}, "power_control": "maximeter"}
    assert amounts(priced(tmp_path, capsys, quote))["excess_power P1"] == "12.13"


@pytest.mark.parametrize(
    ("change", "taxes"),
    [
        ({"electricity_tax": "listed_use"}, {"iee": "0.32"}),  # 15 % of 42.07 at 5.11269632 %
        ({**MAY, "accrual_date": "2022-08-01", "market_price_eur_mwh": "45.01"}, {"iva": "2.19"}),
        ({**MAY, "accrual_date": "2022-08-01", "market_price_eur_mwh": "45"}, {"iva": "9.19"}),
        ({**MAY, "accrual_date": "2022-08-01", "vulnerable": True}, {"iva": "2.19"}),
    ],
)
def test_conditions_of_the_taxes(
    tmp_path: Path, capsys: Capture, change: dict[str, Any], taxes: dict[str, str]
) -> None:
    said = "is before" if "accrual_date" in change else ""
    found = amounts(priced(tmp_path, capsys, DWELLING | change, said=said))
    assert {name: found[name] for name in taxes} == taxes


def test_for_people_there_is_a_table(tmp_path: Path, capsys: Capture) -> None:
    out, said = asked(tmp_path, capsys, WORKSHOP)
    lines = [line.split() for line in out.splitlines()]
    assert ["excess_power", "P4", "6.4", "kW", "31", "0.021891", "€/kW·day", "4.34", "yes", "yes"] in lines
    assert lines[-1][0] == "Total"
    assert said == ""
    out, _ = asked(tmp_path, capsys, DWELLING | MAY | {"discounts": [{"percent": "5", "label": "Spring"}]})
    assert "0.5 % (legal minimum)" in out
    assert "discount (Spring)" in out


def test_the_file_may_come_by_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(DWELLING).encode())))
    assert run(["bill", "quote", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"] == "55.44"


def test_it_starts_without_what_talks_to_services(tmp_path: Path) -> None:
    path = tmp_path / "quote.json"
    path.write_text(json.dumps(DWELLING), encoding="utf-8")
    code = (
        f"import sys; from services.staff.cli import run; run(['bill', 'quote', {str(path)!r}, '--json']);"
        " sys.exit(', '.join({'grpc', 'google.protobuf', 'sqlalchemy', 'numpy'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["total"] == "55.44"


def test_the_group_still_has_the_commands_that_ask_services(capsys: Capture) -> None:
    assert run(["bill", "--help"]) == 0
    listed = capsys.readouterr().out
    assert all(command in listed for command in ("quote", "run", "show"))
    assert run(["bill", "quote", "--help"]) == 0
    assert "coopctl bill quote" in capsys.readouterr().out


EARLY = without(DWELLING, "prices", "surplus") | {
    "extra_lines": [{"concept": "meter_rental", "amount": "0.83"}, {"concept": "bono_social_financing", "amount": "0"}],
}


def test_a_royal_decree_law_cuts_the_charges_inside_a_bill(tmp_path: Path, capsys: Capture) -> None:
    """31 March 2022: 16 days at 27.958789 and 15 at 26.164043 per kW and year; the energy is shared by days."""
    quote = EARLY | {
        "from": "2022-03-14",
        "to": "2022-04-14",
        "accrual_date": "2022-04-20",
        "energy_kwh": {"P1": "310"},
        "market_price_eur_mwh": "283.30",
    }
    found = priced(tmp_path, capsys, quote, said="priced at tolls and charges alone")
    lines = [line for line in found["lines"] if line["period"] == "P1"]
    assert [(line["concept"], line["quantity"], line["unit_price"], line["amount"]) for line in lines] == [
        ("power", "4.6", "27.958789", "5.64"),
        ("power", "4.6", "26.164043", "4.95"),
        ("energy", "160", "0.100756", "16.12"),
        ("energy", "150", "0.074409", "11.16"),
    ]
    assert [tax["rate"] for tax in found["taxes"]] == ["0.005", "0.1"]


def test_high_voltage_of_2023(tmp_path: Path, capsys: Capture) -> None:
    """100 kW in every period and 1,000 kWh in P6 of August, 31 days: 22.965215 × 100 × 31 ÷ 365 = 195.05."""
    quote = EARLY | {
        "tariff": "6.1TD",
        "from": "2023-07-31",
        "to": "2023-08-31",
        "accrual_date": "2023-09-04",
        "contracted_kw": {f"P{number}": "100" for number in range(1, 7)},
        "energy_kwh": {"P6": "1000"},
    }
    found = amounts(priced(tmp_path, capsys, quote, said="priced at tolls and charges alone"))
    assert (found["power P1"], found["power P6"], found["energy P6"]) == ("195.05", "9.76", "1.43")
