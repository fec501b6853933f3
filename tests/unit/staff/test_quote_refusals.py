"""What is wrong with a quote file is one sentence that names the field and its value; nothing goes to standard output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.staff.cli import run
from tests.unit.staff.quote_examples import DWELLING, SIX, WORKSHOP, Capture, asked, without

LARGE = without(WORKSHOP, "max_demand_kw") | {"contracted_kw": dict.fromkeys(SIX, "100")}
"""Above 50 kW excess power is that of the quarters of an hour."""


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        (DWELLING | {"tarif": "2.0TD"}, "tarif is not a known field; did you mean 'tariff'?"),
        (DWELLING | {"colour": "red"}, "colour is not a known field; known are jurisdiction, tariff"),
        (DWELLING | {"surplus": {"kw": "1"}}, "surplus.kw is not a known field; did you mean 'kwh'?"),
        (DWELLING | {"prices": {"energy": {}}}, "prices.energy is not a known field"),
        (DWELLING | {"energy_kwh": {"P4": "1"}}, "energy_kwh.P4 is not a known period here"),
        (DWELLING | {"energy_kwh": {"p1": "1"}}, "energy_kwh.p1 is not a known period here; did you mean 'P1'?"),
        (without(DWELLING, "jurisdiction"), "jurisdiction is missing"),
        (without(DWELLING, "tariff"), "tariff is missing"),
        (without(DWELLING, "zone"), "zone is missing"),
        (without(DWELLING, "accrual_date"), "accrual_date is missing"),
        (without(DWELLING, "contracted_kw"), "contracted_kw is missing; give it for P1, P2"),
        (without(DWELLING, "energy_kwh"), "energy_kwh is missing; give it by tariff period, or the curve with --curve"),
        (DWELLING | {"jurisdiction": "pt"}, "jurisdiction = 'pt' is not known; use one of es, ar"),
        (DWELLING | {"jurisdiction": "ar"}, "tariff is not a known field; known are jurisdiction, from, to"),
        (DWELLING | {"tariff": "2.1TD"}, "tariff = '2.1TD' is not known; use one of 2.0TD, 3.0TD, 6.1TD"),
        (DWELLING | {"zone": "madrid"}, "zone = 'madrid' is not known; use one of peninsula"),
        (DWELLING | {"zone": "canarias"}, "no table of IGIC rates for 2026-11-03"),
        (DWELLING | {"from": "2026-02-30"}, "from = '2026-02-30' is not a day of the calendar"),
        (DWELLING | {"to": "31/10/2026"}, "to = '31/10/2026' is not a date; write it as 2026-10-31"),
        (DWELLING | {"to": "20261031"}, "to = '20261031' is not a date"),
        (DWELLING | {"to": "2026-09-30"}, "to = '2026-09-30' is not after from"),
        (DWELLING | {"to": "2028-09-30"}, "quote at most a year"),
        (DWELLING | {"to": "9999-12-31", "from": "9999-12-30"}, "beyond the calendar"),
        (DWELLING | {"contracted_kw": {"P1": "4.6"}}, 'contracted_kw = {"P1": "4.6"} lacks P2'),
        (DWELLING | {"contracted_kw": {"P1": "16", "P2": "16"}}, "is more than 15 kW, where 2.0TD ends"),
        (DWELLING | {"contracted_kw": {"P1": "0", "P2": "0"}}, "is zero in every period"),
        (DWELLING | {"contracted_kw": {"P1": "-4.6", "P2": "4.6"}}, "contracted_kw.P1 = '-4.6' is negative"),
        (DWELLING | {"contracted_kw": {"P1": "4,6", "P2": "4.6"}}, "contracted_kw.P1 = '4,6' is not a number"),
        (DWELLING | {"contracted_kw": "4.6"}, "contracted_kw = '4.6' must be an object"),
        (WORKSHOP | {"contracted_kw": dict.fromkeys(SIX, "15")}, "is at most 15 kW in every period; that is 2.0TD"),
        (WORKSHOP | {"contracted_kw": dict.fromkeys(SIX, "20") | {"P6": "19"}}, "falls from one period to the next"),
        (DWELLING | {"energy_kwh": {"P1": "-1"}}, "energy_kwh.P1 = '-1' is negative"),
        (DWELLING | {"energy_kwh": {"P1": "1e3"}}, "energy_kwh.P1 = '1e3' is not a number"),
        (DWELLING | {"energy_kwh": {"P1": True}}, "energy_kwh.P1 = true is not a number"),
        (DWELLING | {"energy_kwh": {"P1": "40000"}}, "sums to 40,000 kWh, more than 10 times"),
        (DWELLING | {"energy_kwh": {"P1": "99999999999"}}, "is absurd"),
        (
            DWELLING | {"prices": {"energy_eur_kwh": {"P1": "84.32"}}},
            "prices.energy_eur_kwh has 84.32 €/kWh, and no kWh costs more than 10 €: give euros per kWh.",
        ),
        (
            DWELLING | {"prices": {"indexed": {"market_eur_kwh": ["0.08", "-84.32"]}}},
            "prices.indexed.market_eur_kwh has -84.32 €/kWh",
        ),
        (
            DWELLING | {"max_demand_kw": {"P1": "6000"}},
            'max_demand_kw = {"P1": "6000"} has 6,000 kW in P1, more than 10 times the contracted power; check the unit.',
        ),
        (WORKSHOP | {"reactive_kvarh": {"P4": "999999999"}}, "sums to 999,999,999 kVArh, more than 10 times what"),
        (DWELLING | {"surplus": {"kwh": "180", "eur_kwh": "60"}}, "surplus.eur_kwh has 60 €/kWh"),
        (DWELLING | {"energy_kwh": {"P1": 0.1 + 0.2}}, "energy_kwh.P1 = 0.30000000000000004 has more than 15 digits"),
        (DWELLING | {"energy_kwh": {"P1": "62.300000000000004"}}, "as a binary fraction leaves them"),
        (
            DWELLING | {"prices": {"energy_eur_kwh": {"P1": "0.1", "P2": "0.1"}}},
            "must have a price for each of P1, P2, P3",
        ),
        (DWELLING | {"prices": {"power_eur_kw_year": {"P1": "27"}}}, "must have a price for each of P1, P2"),
        (DWELLING | {"surplus": {"kwh": "5"}}, "surplus.eur_kwh is missing"),
        (DWELLING | {"surplus": {"eur_kwh": "0.06"}}, "surplus.kwh is missing"),
        (
            DWELLING | {"extra_lines": [{"concept": "meter_rentl", "amount": "1"}]},
            "concept = 'meter_rentl' is not known; did you mean 'meter_rental'? Use one of",
        ),
        (
            DWELLING | {"extra_lines": [{"concept": "METER_RENTAL", "amount": "1"}]},
            "did you mean 'meter_rental'? Use one",
        ),
        (DWELLING | {"extra_lines": [{"concept": "meter_rental"}]}, "extra_lines[0].amount is missing"),
        (DWELLING | {"extra_lines": [{"concept": "opening_balance", "amount": "1"}]}, "no part of an invoice's total"),
        (DWELLING | {"extra_lines": {"meter_rental": "1"}}, "must be a list of objects"),
        (DWELLING | {"extra_lines": ["meter_rental"]}, "its item 0 is 'meter_rental'"),
        (
            DWELLING | {"extra_lines": [{"concept": "meter_rental", "amount": "0.83"}] * 2},
            "extra_lines[1].concept = 'meter_rental' stands twice; add the amounts up, or give each line a label of its own.",
        ),
        (
            DWELLING | {"extra_lines": [{"concept": "other_service", "amount": "999999999"}]},
            "extra_lines[0].amount = '999999999' is absurd; give at most 100,000,000.",
        ),
        (DWELLING | {"surplus": {"kwh": "900000", "eur_kwh": "0.06"}}, "sums to 900,000 kWh, more than 10 times"),
        (
            DWELLING | {"prices": {"power_eur_kw_year": {"P1": "27704.41", "P2": "1"}}},
            "has 27704.41 €, and no kW costs more than 1000 € a year: give euros per kW and year.",
        ),
        (DWELLING | {"discounts": [{"percent": "120"}]}, "discounts[0].percent = '120' is more than the whole"),
        (DWELLING | {"discounts": [{"percent": "5", "kwh": "100"}]}, "gives percent and kwh; give one of"),
        (DWELLING | {"discounts": [{}]}, "gives nothing; give one of"),
        (DWELLING | {"vulnerable": "yes"}, "vulnerable = 'yes' must be true or false"),
        (DWELLING | {"meter": "two_phase"}, "meter = 'two_phase' is not known; use one of single_phase"),
        (DWELLING | {"electricity_tax": "greenhouse"}, "use 'greenhouse' is not known; use one of industrial_plant"),
        (DWELLING | {"accrual_date": "2022-08-01"}, "depends on the mean market price"),
        (DWELLING | {"accrual_date": "2022-08-01"}, "Give market_price_eur_mwh."),
        (DWELLING | {"accrual_date": "2012-01-01"}, "'electricity_tax rate' says nothing for 2012-01-01"),
        (
            without(DWELLING, "prices") | {"from": "2026-12-15", "to": "2027-01-15", "accrual_date": "2027-01-18"},
            "'regulated power 2.0TD' says nothing for 2027-01-01",
        ),
        (
            without(DWELLING, "prices") | {"from": "2021-04-30", "to": "2021-05-31", "accrual_date": "2021-06-03"},
            "'regulated power 2.0TD' says nothing for 2021-05-01",
        ),
        (
            DWELLING | {"from": "2024-11-30", "to": "2024-12-31", "accrual_date": "2025-01-03"},
            "'regulated social_bonus_financing' says nothing for 2024-12-01",
        ),
        (
            DWELLING | {"from": "2024-11-30", "to": "2024-12-31", "accrual_date": "2025-01-03"},
            "Or give bono_social_financing in extra_lines",
        ),
        (
            LARGE | {"max_demand_kw": {"P4": "105"}},
            "those of P4 (its maximeter read 105 kW, 100 kW are contracted) are not known. Give them as quarter_demand_kw, or give",
        ),
        (
            LARGE | {"max_demand_kw": {"P4": "108"}, "quarter_demand_kw": {"P4": ["105"]}},
            "in P4 the highest is 105 kW, and its maximeter read 108 kW there. Mend the one that is wrong",
        ),
        (LARGE | {"quarter_demand_kw": {"P7": ["1"]}}, "quarter_demand_kw.P7 is not a known period here"),
        (LARGE | {"quarter_demand_kw": {"P4": "105"}}, "quarter_demand_kw.P4 = '105' must be a list of numbers"),
        (LARGE | {"quarter_demand_kw": {"P4": ["105", "x"]}}, "quarter_demand_kw.P4.1 = 'x' is not a number"),
        (LARGE | {"quarter_demand_kw": {"P4": ["1001"]}}, "has 1,001 kW in P4, more than 10 times"),
        (LARGE | {"quarter_demand_kw": {"P4": ["105"]}, "from": "2026-09-29"}, "Bill each month by itself"),
        (DWELLING | {"prices": {"indexed": {"market_eur_kwh": ["0.05"]}}}, "give the curve with --curve"),
    ],
)
def test_each_is_named(tmp_path: Path, capsys: Capture, quote: dict[str, Any], words: str) -> None:
    out, said = asked(tmp_path, capsys, quote, "--json", code=1)
    assert out == ""
    assert words in said.replace("\n", " ")
    assert said.rstrip().endswith((".", "?"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", 'quote.json is empty; a quote is one object, {"jurisdiction": "es", ...}.'),
        (" \n", "is empty"),
        ("{", "is not JSON"),
        ("[]", "a quote is one object"),
        ('"x"', "a quote is one object"),
        ('{"tariff": "2.0TD", "tariff": "3.0TD"}', "'tariff' stands twice"),
        ('{"tariff": NaN}', "NaN is not a number"),
        ("[" * 100_000, "nested too deeply"),
        (json.dumps(DWELLING).replace('"62"', "9" * 5000), "is absurd; give a number below 1,000,000,000."),
        (json.dumps(DWELLING).replace('"62"', "0." + "9" * 5000), "has more than 15 digits"),
        (json.dumps(DWELLING).replace('"62"', "1e400"), "energy_kwh.P1 = 1E+400 is absurd"),
        (json.dumps(DWELLING).replace('"62"', "-1e999999999999"), "energy_kwh.P1 = -1E+999999999999 is absurd"),
        (json.dumps(DWELLING).replace('"62"', "1e" + "9" * 30), "is not a number that can be billed"),
    ],
)
def test_what_is_no_quote_at_all(tmp_path: Path, capsys: Capture, content: str, words: str) -> None:
    out, said = asked(tmp_path, capsys, content, code=1)
    assert (out, words in said.replace("\n", " ")) == ("", True)


def test_files_that_cannot_be_read(tmp_path: Path, capsys: Capture) -> None:
    binary = tmp_path / "binary.json"
    binary.write_bytes(b'{"tariff": "\xff"}')
    wide, bare = tmp_path / "wide.json", tmp_path / "bare.json"
    wide.write_bytes(json.dumps(DWELLING).encode("utf-16"))
    bare.write_bytes(json.dumps(DWELLING).encode("utf-16-le"))
    for path, words in (
        (tmp_path / "none.json", "No such file"),
        (tmp_path, "directory"),
        (binary, "not text in UTF-8: byte 12 cannot be read; save it again as UTF-8."),
        (wide, "looks like UTF-16; save it again as UTF-8."),
        (bare, "looks like UTF-16; save it again as UTF-8."),
        (Path("/dev/zero"), "is larger than 10,000,000 bytes, and a quote has some thousands; give another file."),
    ):
        assert run(["bill", "quote", str(path)]) == 1
        captured = capsys.readouterr()
        assert (captured.out, words in captured.err) == ("", True)


def test_without_a_file_it_is_wrong_use(capsys: Capture) -> None:
    assert run(["bill", "quote"]) == 2
    assert "FILE.json" in capsys.readouterr().err
