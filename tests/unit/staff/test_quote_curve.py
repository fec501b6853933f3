"""`coopctl bill quote --curve`: the hours of a file as the energy of the quote, and prices by the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.billing.domain.bill import QuarterDemand
from services.chassis.periods import DatePeriod
from services.metering.domain.calendar import calendar
from services.metering.domain.hours import hour_number, hour_start
from services.staff.quote_curve import CurveOfQuote
from tests.support.prime_files import hourly, meter, report, row
from tests.support.quarters import quarter_file
from tests.unit.staff.quote_examples import DWELLING, SIX, WORKSHOP, Capture, amounts, asked, priced, without

OCTOBER = hour_number(datetime(2026, 9, 30, 22, tzinfo=UTC))  # local midnight of 1 October 2026
HOURS = 745
ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "tests" / "unit" / "metering" / "formats" / "samples"


def curve(tmp_path: Path, *meters: str) -> str:
    path = tmp_path / "curve.xml"
    path.write_bytes(report(*meters))
    return str(path)


def steady(tmp_path: Path, wh: int, begin: int = OCTOBER, hours: int = HOURS) -> str:
    return curve(tmp_path, hourly("CIR1", begin, [wh] * hours))


def test_a_curve_is_the_same_bill_as_its_sums(tmp_path: Path, capsys: Capture) -> None:
    """October has 168, 168 and 409 hours; at 100 Wh each that is 16.8, 16.8 and 40.9 kWh."""
    path = steady(tmp_path, 100)
    found = priced(tmp_path, capsys, without(DWELLING, "energy_kwh"), "--curve", path)
    assert [line["quantity"] for line in found["lines"] if line["concept"] == "energy"] == ["16.8", "16.8", "40.9"]
    summed = priced(tmp_path, capsys, DWELLING | {"energy_kwh": {"P1": "16.8", "P2": "16.8", "P3": "40.9"}})
    assert found == summed


def test_the_curve_takes_the_place_of_energy_kwh(tmp_path: Path, capsys: Capture) -> None:
    path = steady(tmp_path, 100)
    found = priced(tmp_path, capsys, DWELLING, "--curve", path, said="energy_kwh is not used")
    assert amounts(found)["energy P1"] == "3.29"


def test_only_the_days_of_the_period_count(tmp_path: Path, capsys: Capture) -> None:
    path = steady(tmp_path, 100, OCTOBER - 48, HOURS + 96)
    found = priced(tmp_path, capsys, without(DWELLING, "energy_kwh"), "--curve", path)
    assert sum(float(line["quantity"]) for line in found["lines"] if line["concept"] == "energy") == 74.5


def test_surplus_comes_from_the_curve_unless_the_quote_states_it(tmp_path: Path, capsys: Capture) -> None:
    rows = [row(OCTOBER + index, 100, export=200) for index in range(HOURS)]  # 149 kWh fed in
    path = curve(tmp_path, meter("CIR1", rows))
    quote = without(DWELLING, "energy_kwh")
    for surplus, expected in (({"eur_kwh": "0.01"}, "-1.49"), ({"kwh": "50", "eur_kwh": "0.01"}, "-0.50")):
        found = priced(tmp_path, capsys, quote | {"surplus": surplus}, "--curve", path)
        assert amounts(found)["surplus"] == expected
    assert "surplus" not in amounts(priced(tmp_path, capsys, without(quote, "surplus"), "--curve", path))


def test_prices_that_change_take_the_hours_that_fell_in_each_span(tmp_path: Path, capsys: Capture) -> None:
    """1 kWh an hour on 31 December 2025 only: all of it is 2025's, where days would give it half."""
    midnight = hour_number(datetime(2025, 12, 30, 23, tzinfo=UTC))
    path = curve(tmp_path, hourly("CIR1", midnight, [1000] * 24 + [0] * 24))
    quote = without(DWELLING, "energy_kwh", "prices") | {
        "from": "2025-12-30",
        "to": "2026-01-01",
        "accrual_date": "2026-01-02",
    }
    found = priced(tmp_path, capsys, quote, "--curve", path, said="tolls and charges alone")
    energies = [(line["period"], line["quantity"]) for line in found["lines"] if line["concept"] == "energy"]
    assert energies == [("P1", "8"), ("P2", "8"), ("P3", "8"), ("P1", "0"), ("P2", "0"), ("P3", "0")]


def test_reactive_energy_of_the_curve(tmp_path: Path, capsys: Capture) -> None:
    """P4: 50 kWh and 37.5 − 2.5 kVArh; 16.5 kVArh are free, so that 18.5 are charged at cos φ 0.82."""
    hour = OCTOBER + 24 + 10  # Friday 2 October, 10:00: P4
    rows = [row(OCTOBER + index, 50_000 if OCTOBER + index == hour else 0) for index in range(HOURS)]
    quiet = 'R1="0" R2="0" R3="0" R4="0"'
    written = meter("CIR1", rows).replace('R1="1" R2="0" R3="0" R4="2"', quiet)
    charged = 'AI="50000" AE="0" '
    assert written.count(charged + quiet) == 1
    path = curve(tmp_path, written.replace(charged + quiet, charged + 'R1="37500" R2="0" R3="0" R4="2500"'))
    quote = without(WORKSHOP, "energy_kwh", "reactive_kvarh")
    found = amounts(priced(tmp_path, capsys, quote, "--curve", path))
    assert (found["energy P4"], found["reactive P4"]) == ("7.00", "0.77")


def indexed(hours: int, **terms: Any) -> dict[str, Any]:
    return without(DWELLING, "energy_kwh") | {"prices": {"indexed": {"market_eur_kwh": ["0.05"] * hours, **terms}}}


def test_an_indexed_quote_of_a_day(tmp_path: Path, capsys: Capture) -> None:
    """Wednesday 14 October 2026, three hours of the worked table: 0.420, 0.310 and 0.150 kWh; 0.13 € in all."""
    begin = OCTOBER + 13 * 24
    wh = {3: 150, 11: 420, 16: 310}
    path = curve(tmp_path, hourly("CIR1", begin, [wh.get(hour, 0) for hour in range(24)]))
    market = {3: "0.05205", 11: "0.08432", 16: "0.04110"}
    quote = indexed(0, adjustment_eur_kwh="0.012", fee_eur_month="3.9") | {"from": "2026-10-13", "to": "2026-10-14"}
    quote["prices"]["indexed"]["market_eur_kwh"] = [market.get(hour, "0.06") for hour in range(24)]
    figures = amounts(priced(tmp_path, capsys, quote, "--curve", path))
    assert {name: figures[name] for name in ("energy P1", "energy P2", "energy P3", "management_fee")} == {
        "energy P1": "0.09",
        "energy P2": "0.03",
        "energy P3": "0.01",
        "management_fee": "0.13",  # 3.9 × 12 × 1/365
    }


def test_an_indexed_month_pays_the_fee_by_days(tmp_path: Path, capsys: Capture) -> None:
    """At one market price of 0.05 €/kWh: P1 0.05 × 1.167 + 0.097553 = 0.155903; 16.8 kWh; the fee is 3.97."""
    figures = amounts(priced(tmp_path, capsys, indexed(HOURS, fee_eur_month="3.9"), "--curve", steady(tmp_path, 100)))
    assert (figures["energy P1"], figures["management_fee"]) == ("2.62", "3.97")


def test_a_market_that_pays_gives_no_discount_to_take_from(tmp_path: Path, capsys: Capture) -> None:
    """P1: −0.5 × 1.167 + 0.097553 = −0.485947 €/kWh; neither a discount nor a compensation comes on top."""
    quote = indexed(HOURS) | {"discounts": [{"percent": "20"}], "surplus": {"kwh": "10", "eur_kwh": "0.06"}}
    quote["prices"]["indexed"]["market_eur_kwh"] = ["-0.5"] * HOURS
    found = amounts(priced(tmp_path, capsys, quote, "--curve", steady(tmp_path, 100)))
    assert found["energy P1"] == "-8.16"
    assert "discount" not in found
    assert found["surplus"] == "0.00"


def test_every_hour_needs_its_market_price(tmp_path: Path, capsys: Capture) -> None:
    out, said = asked(tmp_path, capsys, indexed(744), "--curve", steady(tmp_path, 100), code=1)
    assert (out, "has 744 prices and the period 745 hours" in said) == ("", True)


def test_a_few_missing_hours_are_said_and_many_refuse_the_quote(tmp_path: Path, capsys: Capture) -> None:
    """Of 745 hours 708 are 95 %."""
    quote = without(DWELLING, "energy_kwh")
    priced(tmp_path, capsys, quote, "--curve", steady(tmp_path, 100, hours=708), said="has 708 of the 745 hours")
    out, said = asked(tmp_path, capsys, quote, "--curve", steady(tmp_path, 100, hours=707), "--json", code=1)
    assert out == ""
    assert "has 707 of the 745 hours" in said and "at least 95 % are needed" in said


def test_a_file_of_several_supplies_needs_a_name(tmp_path: Path, capsys: Capture) -> None:
    path = curve(tmp_path, hourly("CIR1", OCTOBER, [100] * HOURS), hourly("CIR2", OCTOBER, [200] * HOURS))
    quote = without(DWELLING, "energy_kwh")
    _, said = asked(tmp_path, capsys, quote, "--curve", path, code=1)
    assert "has 2 supplies, CIR1, CIR2; say which one in the field supply" in said
    assert amounts(priced(tmp_path, capsys, quote | {"supply": "CIR2"}, "--curve", path))["energy P1"] == "6.59"
    _, said = asked(tmp_path, capsys, quote | {"supply": "CIR3"}, "--curve", path, code=1)
    assert "has no supply 'CIR3'" in said


@pytest.mark.parametrize(
    "name",
    ["cnmc.csv", "datadis.csv", "edistribucion.csv", "f1.txt", "f5d.txt", "ide.csv", "p5d.txt", "prime.xml"],
)
def test_any_dialect_will_do(tmp_path: Path, capsys: Capture, name: str) -> None:
    """Three days round the hour that comes twice: 73 hours, which every dialect gives alike."""
    quote = without(DWELLING, "energy_kwh") | {"from": "2026-10-23", "to": "2026-10-26"}
    out, _ = asked(tmp_path, capsys, quote, "--curve", str(SAMPLES / name), "--json")
    assert '"energy"' in out


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"no curve", "is none of the known formats"), (None, "No such file")],
)
def test_what_is_no_curve(tmp_path: Path, capsys: Capture, content: bytes | None, words: str) -> None:
    path = tmp_path / "curve.csv"
    if content is not None:
        path.write_bytes(content)
    out, said = asked(tmp_path, capsys, without(DWELLING, "energy_kwh"), "--curve", str(path), code=1)
    assert out == ""
    assert words in said and "gives no curve" in said


def test_a_folder_is_no_curve(tmp_path: Path, capsys: Capture) -> None:
    _, said = asked(tmp_path, capsys, without(DWELLING, "energy_kwh"), "--curve", str(tmp_path), code=1)
    assert "is a folder" in said


#: Wednesday the 14th at 10 o'clock, P4: 105, 103, 104 and 40 kW.
EXCEEDING = (OCTOBER + 13 * 24 + 10, (26_250, 25_750, 26_000, 10_000))
LARGE = without(WORKSHOP, "energy_kwh", "max_demand_kw") | {"contracted_kw": dict.fromkeys(SIX, "100")}


def by_quarters(tmp_path: Path, *changes: tuple[int, tuple[int, ...]]) -> str:
    """October at 80 kW all the time, but for some hours."""
    hours = {OCTOBER + index: (20_000,) * 4 for index in range(HOURS)} | dict(changes)
    path = tmp_path / "ide.csv"
    path.write_bytes(quarter_file(hours))
    return str(path)


def test_quarters_of_an_hour_of_the_curve_are_the_excess_power(tmp_path: Path, capsys: Capture) -> None:
    """5, 3 and 4 kW above 100 in P4: their root of 7.0711 kW × 0.424794."""
    path = by_quarters(tmp_path, EXCEEDING)
    found = priced(tmp_path, capsys, LARGE, "--curve", path)
    (line,) = [line for line in found["lines"] if line["concept"] == "excess_power"]
    assert (line["period"], line["quantity"], line["unit_price"], line["amount"]) == (
        "P4",
        "7.0711",
        "0.424794",
        "3.00",
    )
    stated = priced(tmp_path, capsys, LARGE | {"quarter_demand_kw": {"P4": ["101"]}}, "--curve", path)
    assert amounts(stated)["excess_power P4"] == "0.42", "what the quote states takes their place"
    small = LARGE | {"contracted_kw": dict.fromkeys(SIX, "50"), "max_demand_kw": {}}
    assert not any(
        line["concept"] == "excess_power" for line in priced(tmp_path, capsys, small, "--curve", path)["lines"]
    )


def test_a_maximeter_that_read_more_than_the_curves_quarters_is_named(tmp_path: Path, capsys: Capture) -> None:
    path = by_quarters(tmp_path, EXCEEDING)
    _, said = asked(tmp_path, capsys, LARGE | {"max_demand_kw": {"P4": "110"}}, "--curve", path, code=1)
    assert "in P4 the highest is 105 kW, and its maximeter read 110 kW there" in said.replace("\n", " ")


def test_a_curve_of_hours_has_no_excess_power_unless_the_quote_states_it(tmp_path: Path, capsys: Capture) -> None:
    path = steady(tmp_path, 40_000)
    found = priced(
        tmp_path, capsys, LARGE, "--curve", path, said="quarter_demand_kw is not given: no excess power is priced"
    )
    assert not any(line["concept"] == "excess_power" for line in found["lines"])


def test_the_quarters_of_a_curve_by_period_and_those_that_are_not_known() -> None:
    """Of 110,000 Wh without quarters it is not known; 20,000 Wh in one quarter are 80 kW at most."""
    quarters = np.array([EXCEEDING[1], (-1,) * 4, (-1,) * 4, (25_000,) * 4, (25_001, 0, 0, 0)])
    values = np.zeros((5, 6), np.int64)
    values[:, 0] = (88_000, 110_000, 20_000, 100_000, 25_001)
    found = CurveOfQuote(
        EXCEEDING[0] + np.arange(5),
        values,
        np.ones(5, np.uint8),
        calendar("3.0TD", "peninsula"),
        "Europe/Madrid",
        quarters,
    )
    above, unknown = found.above(DatePeriod.month("2026-10"), dict.fromkeys(SIX, 100_000))
    start = hour_start(EXCEEDING[0])
    quarter = timedelta(minutes=15)
    assert above == {
        "P4": tuple(QuarterDemand(watts, start + n * quarter) for n, watts in enumerate((105_000, 103_000, 104_000))),
        "P5": (QuarterDemand(100_004, start + 16 * quarter),),
    }
    assert unknown == {"P4": 1}
