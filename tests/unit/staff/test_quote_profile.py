"""`coopctl bill quote --profile`: a quote by the rows that a cooperative's own law.toml states."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.staff.quote_examples import DWELLING, Capture, amounts, asked, priced

CONFIRMED = """
[[electricity_tax.rate]]
from = 2026-11-01
to = 2026-12-01
source = "RDL 25/2026 (BOE-A-2026-20265), art. 20"
percent = "0.5"
minimum_per_mwh = "1"
reduced_minimum_per_mwh = "0.5"

[[iva.electricity]]
from = 2026-11-01
to = 2026-12-01
source = "RDL 25/2026 (BOE-A-2026-20265), art. 18"
percent = "21"
reduced = "10"
reduced_up_to_w = 10000
"""


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """The demonstration's, whose cooperative states the taxes of November."""
    folder = tmp_path / "profile"
    folder.mkdir()
    (folder / "coop.toml").write_bytes(Path("profiles/demo-es/coop.toml").read_bytes())
    (folder / "law.toml").write_text(CONFIRMED, encoding="utf-8")
    return folder


def test_the_rows_of_the_profile_take_the_place_of_the_release_s(
    tmp_path: Path, capsys: Capture, profile: Path
) -> None:
    """0.5 % of 42.07 is 0.21; the least for 245 kWh at 1 €/MWh is 0.25. IVA is 10 % of 43.67 + 0.25."""
    found = amounts(priced(tmp_path, capsys, DWELLING, "--profile", str(profile)))
    assert (found["iee"], found["iva"], found["total"]) == ("0.25", "4.39", "48.31")
    assert amounts(priced(tmp_path, capsys, DWELLING))["total"] == "55.44"


def test_a_bill_accrued_on_another_day_is_the_release_s(tmp_path: Path, capsys: Capture, profile: Path) -> None:
    quote = DWELLING | {"accrual_date": "2026-10-31"}
    assert amounts(priced(tmp_path, capsys, quote, "--profile", str(profile)))["total"] == "55.44"


def test_what_it_refuses_is_told_in_a_sentence(tmp_path: Path, capsys: Capture, profile: Path) -> None:
    missing = tmp_path / "none"
    _, err = asked(tmp_path, capsys, DWELLING, "--profile", str(missing), code=1)
    assert str(missing) in err
    argentine = str(Path("profiles/demo-ar"))
    _, err = asked(tmp_path, capsys, DWELLING, "--profile", argentine, code=1)
    assert f"The quote's jurisdiction is 'es', and that of {argentine} 'ar'." in err
    (profile / "law.toml").write_text("[[iva.electricty]]\n", encoding="utf-8")
    _, err = asked(tmp_path, capsys, DWELLING, "--profile", str(profile), code=1)
    assert "law.toml" in err and "Traceback" not in err
