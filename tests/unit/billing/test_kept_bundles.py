"""Bundles written in November 2026: every release verifies them, whatever it writes itself (docs/invoice-bundle.md)."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from services.staff.verify.check import verify
from services.staff.verify.document import read
from services.staff.verify.numbers import Unverifiable

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


@pytest.mark.parametrize(
    ("where", "name", "value", "said"),
    [
        ("rectification", "before_total", "55.45", "It says that 55.45 stood before, and that side's total is 55.44."),
        ("rectification", "right_total", "0", "It says that 0 stood corrected, and that side's total is 50.46."),
        ("before", "member_id", "another", "The hash of E-2026-000002 in the books is"),
        ("before", "due_date", "2026-11-24", "The hash of E-2026-000002 in the books is"),
    ],
)
def test_what_a_rectifying_invoice_says_of_the_other_is_looked_at(where: str, name: str, value: str, said: str) -> None:
    bundle = json.loads((FOLDER / "rectifying-by-difference.json").read_text(encoding="utf-8"))
    part = bundle["rectification"] if where == "rectification" else bundle["rectification"]["before"]["invoice"]
    assert name in part
    part[name] = value
    assert any(each.startswith(said) for each in verify(bundle).differences), verify(bundle).differences


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("", "no JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"format": NaN}', "NaN stands as a number: a bundle has whole ones"),
        ('{"total": 55.45}', "55.45 stands as a number: .* writes amounts as texts"),
        ('{"invoice": {"total": "1.00", "total": "55.45"}}', "The field 'total' stands twice"),
    ],
)
def test_a_text_that_can_be_read_in_two_ways_or_in_none_is_no_bundle(text: str, said: str) -> None:
    with pytest.raises(Unverifiable, match=said):
        read(text)


def test_an_older_bundle_without_parties_and_due_date_is_not_asked_for_its_hash() -> None:
    bundle = json.loads((FOLDER / "power-changed-spain.json").read_text(encoding="utf-8"))
    for name in ("supply_id", "member_id", "due_date"):
        del bundle["invoice"][name]
    del bundle["sha256"]
    assert verify(bundle).holds
