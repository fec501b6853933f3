"""The quotes that the tests ask for: a dwelling of 4.6 kW whose October of 31 days costs 55.44 €, and a workshop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.staff.cli import run

Capture = pytest.CaptureFixture[str]
SIX = tuple(f"P{number}" for number in range(1, 7))

DWELLING: dict[str, Any] = {
    "jurisdiction": "es",
    "tariff": "2.0TD",
    "zone": "peninsula",
    "from": "2026-09-30",
    "to": "2026-10-31",
    "accrual_date": "2026-11-03",
    "contracted_kw": {"P1": "4.6", "P2": "4.6"},
    "energy_kwh": {"P1": "62", "P2": "55", "P3": "128"},
    "prices": {
        "power_eur_kw_year": {"P1": "27.704413", "P2": "0.725423"},
        "energy_eur_kwh": {"P1": "0.196", "P2": "0.128", "P3": "0.092"},
    },
    "surplus": {"kwh": "0", "eur_kwh": "0.06"},
    "max_demand_kw": {},
    "reactive_kvarh": {},
    "extra_lines": [{"concept": "meter_rental", "amount": "0.83"}],
    "discounts": [],
}
WORKSHOP: dict[str, Any] = {
    **DWELLING,
    "tariff": "3.0TD",
    "contracted_kw": dict.fromkeys(SIX, "20"),
    "energy_kwh": {"P4": "1200", "P5": "300", "P6": "500"},
    "prices": {"energy_eur_kwh": dict.fromkeys(SIX, "0.14")},
    "max_demand_kw": {"P4": "26.4"},
    "reactive_kvarh": {"P4": "700"},
    "extra_lines": [],
}


def without(quote: dict[str, Any], *fields: str) -> dict[str, Any]:
    return {name: value for name, value in quote.items() if name not in fields}


def asked(tmp_path: Path, capsys: Capture, quote: Any, *arguments: str, code: int = 0) -> tuple[str, str]:
    """What the command wrote to stdout and stderr for a quote, given as data or as the text of the file."""
    path = tmp_path / "quote.json"
    path.write_text(quote if isinstance(quote, str) else json.dumps(quote), encoding="utf-8")
    assert run(["bill", "quote", str(path), *arguments]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def priced(tmp_path: Path, capsys: Capture, quote: Any, *arguments: str, said: str = "") -> dict[str, Any]:
    """The document of a quote that is priced, with nothing but `said` on stderr."""
    out, err = asked(tmp_path, capsys, quote, "--json", *arguments)
    assert (said in err) if said else err == ""
    found: dict[str, Any] = json.loads(out)
    return found


def amounts(document: dict[str, Any]) -> dict[str, str]:
    """By concept and period; amounts of the same are listed with a blank between."""
    found: dict[str, str] = {}
    for line in document["lines"]:
        name = f"{line['concept']} {line['period'] or ''}".strip()
        found[name] = f"{found[name]} {line['amount']}" if name in found else line["amount"]
    found |= {tax["tax"]: tax["amount"] for tax in document["taxes"]}
    return {**found, "total": document["total"]}
