"""The hours behind each line of an explanation: of its own tariff period, with their prices where each has its own."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.staff.bill_explain import _change, _known_otherwise, _measured
from services.staff.invoice_behind import behind
from services.staff.invoice_hours import hours_of, known_otherwise, missing_of, of_lines, rows_of, said

BUNDLES = Path(__file__).resolve().parents[1] / "billing" / "bundles"


def kept(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((BUNDLES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def told(bundle: dict[str, Any], measured_in: tuple[int, ...] = (0,)) -> tuple[list[Any], list[list[dict[str, Any]]]]:
    hours = [hours_of(bundle, segment) for segment in bundle["segments"]]
    lines = [
        (line, measured_in if line["concept"] in ("energy", "surplus") else ()) for line in bundle["invoice"]["lines"]
    ]
    return of_lines(lines, hours), hours


def test_each_line_has_the_hours_of_its_period_and_they_give_its_quantity() -> None:
    bundle = kept("surplus-capped-spain")
    found, (hours,) = told(bundle)
    by_line = {
        (line["concept"], line["period"]): (line, each)
        for line, each in zip(bundle["invoice"]["lines"], found, strict=True)
    }
    for period, count in (("P1", 168), ("P2", 168), ("P3", 409)):
        line, sums = by_line["energy", period]
        assert (sums["hours"], Decimal(sums["import_wh"]) / 1000) == (count, Decimal(line["quantity"]))
        assert said(line, sums) == f"{count} hours"
    line, sums = by_line["surplus", ""]
    assert Decimal(sums["export_wh"]) / 1000 == Decimal(line["quantity"])
    assert said(line, {**sums, "estimated": 2}) == f"{sums['hours']} hours with energy fed in, 2 of them estimated"
    assert by_line["power", "P1"][1] is None
    noon = next(hour for hour in hours if hour["start"] == "2026-10-14T12:00:00+02:00")
    assert (noon["period"], noon["lines"], noon["price"]) == ("P1", [3, 7], None)


def test_a_curve_with_a_gap_says_how_many_hours_nobody_knows() -> None:
    bundle = kept("power-changed-spain")
    first, second = bundle["segments"]
    assert (missing_of(bundle, first), missing_of(bundle, second)) == (0, 0)  # the second has the day of 25 hours
    del second["hours"][4:7]
    assert missing_of(bundle, second) == 3


def test_hours_of_an_indexed_price_have_the_markets_and_the_one_paid(capsys: pytest.CaptureFixture[str]) -> None:
    """Wednesday 14 October 2026, 11 h: (0.08432 + 0.012) x 1.167 + 0.097553 is 0.209958."""
    bundle = kept("power-changed-spain")
    segment = bundle["segments"][1]
    segment["product"] = {**segment["product"], "kind": "indexed", "adjustment": "0.012"}
    segment["hours"] = [["2026-10-14T11:00:00+02:00", 420, 0, 1]]
    segment["priced_hours"] = [["2026-10-14", "P1", 420, "0.08432"]]
    bundle["tables"]["loss"] = [
        {"tariff": "2.0TD", "from": "2021-06-01", "to": None, "percent": {"P1": "16.7"}, "source": ""}
    ]
    (hour,) = hours_of(bundle, segment)
    assert (hour["market_price"], hour["price"]) == ("0.08432", "0.209958")
    curve = {"hours": 1, "measured": 1, "estimated": 0, "missing": 0, "import_wh": 420, "methods": {"1": 1}}
    curve |= {"first": "", "last": "", "curve_version": 7, "by_hour": [{**hour, "lines": [3]}]}
    document = {
        "lines": [],
        "measured": [{"service": "electricity", "tariff": "2.0TD", "curve": curve, "readings": []}],
    }
    assert list(rows_of(document)) == [
        ("3", "2026-10-14T11:00:00+02:00", "P1", 420, 0, 1, "0.08432", "0.209958"),
    ]
    _measured(document)
    shown = " ".join(capsys.readouterr().out.split())
    assert "Paid EUR/kWh" in shown and "P1 420 0 1 0.08432 0.209958" in shown


def test_a_surplus_that_is_worth_more_than_the_energy_says_so() -> None:
    bundle = kept("surplus-capped-spain")
    at = next(at for at, line in enumerate(bundle["invoice"]["lines"]) if line["concept"] == "surplus")
    assert behind(bundle)[at] == ("385.608 kWh x 0.06 EUR would be 23.14 EUR: no more than the energy term is paid")


def test_a_rectifying_invoice_tells_the_hours_and_readings_that_changed(capsys: pytest.CaptureFixture[str]) -> None:
    bundle = kept("rectifying-by-difference")
    then, now = bundle["rectification"]["before"]["segments"][0], bundle["segments"][0]
    stamps = [f"2026-10-01T{hour:02}:00:00+02:00" for hour in range(3)]
    then["hours"] = [[stamps[0], 100, 0, 1], [stamps[1], 200, 0, 2]]
    now["hours"] = [[stamps[0], 100, 0, 1], [stamps[1], 150, 7, 1], [stamps[2], 30, 0, 1]]
    close = {"meter": "M1", "register": "total", "from": "2026-10-01", "to": "2026-11-01", "initial": 5, "final": 9}
    close |= {"used": 4, "unit": "litre", "origin": "estimate", "reading_ids": ["a", "b"]}
    then["closes"] = [close]
    found = known_otherwise(bundle, by_hour=True)
    assert found is not None
    assert (found["hours"], found["first"], found["last"]) == (2, stamps[1], stamps[2])
    assert (found["import_wh"], found["export_wh"], found["readings_then"]) == (-20, 7, [close])
    assert (found["by_hour"][0]["import_wh_then"], found["by_hour"][0]["method_now"]) == (200, 1)
    assert found["by_hour"][1]["import_wh_then"] is None
    _known_otherwise(found)
    shown = " ".join(capsys.readouterr().out.split())
    assert "Taken -20 Wh Given +7 Wh" in shown and f"{stamps[1]} 200 150 0 7 2 1" in shown
    assert (
        f"{stamps[2]} - 30 - 0 - 1" in shown and "M1 total 2026-10-01 to 2026-11-01 5 9 4 litre estimate a, b" in shown
    )
    assert known_otherwise(kept("power-changed-spain"), by_hour=False) is None


def test_days_are_counted_in_words() -> None:
    assert [_change({"more": more, "unit": "day"}) for more in ("1", "-1", "-11", "")] == [
        "1 day",
        "-1 day",
        "-11 days",
        "",
    ]
