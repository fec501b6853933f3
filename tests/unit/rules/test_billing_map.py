"""The map of billing in docs/architecture.md names each of its use cases once, and nothing that is not there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
THERE = {path.stem for path in (ROOT / "services" / "billing" / "application").glob("*.py")} - {"__init__"}


def test_each_use_case_of_billing_has_its_place_in_the_map() -> None:
    section = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Billing\n")[1].split("\n## ")[0]
    rows = [line.split("|")[2] for line in section.splitlines() if line.startswith("|")][2:]
    named = Counter(re.findall(r"`(\w+)`", " ".join(rows)))
    assert set(named) == THERE
    assert not [name for name, times in named.items() if times > 1]
