"""Bundles written in November 2026: every release verifies them, whatever it writes itself (docs/invoice-bundle.md)."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from services.staff.verify.check import verify

KEPT = {
    "electricity-and-water-argentina": "33644.53",
    "power-changed-spain": "55.45",
    "rectifying-by-difference": "-4.98",
    "surplus-capped-spain": "16.06",
}
FOLDER = Path(__file__).parent / "bundles"


def test_all_of_them_are_looked_at() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(KEPT)


@pytest.mark.parametrize("name", KEPT)
def test_a_bundle_of_then_still_holds(name: str) -> None:
    verdict = verify(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))
    assert (verdict.differences, verdict.printed_total) == ((), Decimal(KEPT[name]))
    assert verdict.calculated_total == verdict.printed_total


def test_an_older_bundle_without_parties_and_due_date_is_not_asked_for_its_hash() -> None:
    bundle = json.loads((FOLDER / "power-changed-spain.json").read_text(encoding="utf-8"))
    for name in ("supply_id", "member_id", "due_date"):
        del bundle["invoice"][name]
    del bundle["sha256"]
    assert verify(bundle).holds
