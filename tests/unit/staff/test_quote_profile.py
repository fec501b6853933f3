"""`coopctl bill quote --profile`: a quote by the products of a cooperative and the rows of its own law.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.staff.quote_examples import DWELLING, Capture, amounts, asked, priced, without

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


FIXED = without(DWELLING, "prices", "surplus") | {"product": "fija-2026"}
SPAIN = ("--profile", "profiles/demo-es")


def test_a_product_of_the_price_book(tmp_path: Path, capsys: Capture) -> None:
    """The dwelling's prices are those of the demonstration's product."""
    assert amounts(priced(tmp_path, capsys, FIXED, *SPAIN)) == amounts(priced(tmp_path, capsys, DWELLING))


def test_a_change_of_its_price_splits_the_bill(tmp_path: Path, capsys: Capture) -> None:
    """15 days of 2025 and 16 of 2026: of 62 kWh in P1 30 at 0.201 and 32 at 0.196."""
    dates = {"from": "2025-12-16", "to": "2026-01-16", "accrual_date": "2026-01-19"}
    found = amounts(priced(tmp_path, capsys, FIXED | dates, *SPAIN))
    assert found["energy P1"] == "6.03 6.27"


def test_a_promotional_code_ends_inside_the_bill(tmp_path: Path, capsys: Capture) -> None:
    """Six months from 11 April: 10 days of October have 10 % off 3.92 + 2.27 + 3.80."""
    promoted = FIXED | {"promotion": "BIENVENIDA26", "contract_start": "2026-04-11"}
    found = amounts(priced(tmp_path, capsys, promoted, *SPAIN))
    assert (found["energy P1"], found["discount"]) == ("3.92 8.23", "-1.00")
    new = amounts(priced(tmp_path, capsys, FIXED | {"promotion": "BIENVENIDA26"}, *SPAIN))
    assert new["discount"] == "-3.10"  # of 30.97: a contract without a first day begins with the quote


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"product": "fija"}, "which the price book does not know (it has fija-2026, indexada-2026, plana-2026)"),
        ({"product": "indexada-2026"}, "is priced by the hour; give prices.indexed"),
        ({"promotion": "VERANO"}, "is not in the price book, which has BIENVENIDA26"),
        ({"promotion": "BIENVENIDA26", "contract_start": "2025-12-31"}, "is for contracts that begin from 2026-01-01"),
        ({"contract_start": "2026-10-02"}, "is after 2026-10-01, the first day billed"),
        ({"prices": DWELLING["prices"]}, "stands beside prices"),
        ({"surplus": {"kwh": "10", "eur_kwh": "0.06"}}, "stands beside product 'fija-2026'"),
        ({"surplus": {"kwh": "10"}}, "product 'fija-2026' pays no surplus; leave surplus out."),
        ({"from": "2024-12-20", "to": "2025-01-19", "accrual_date": "2025-01-20"}, "product fija-2026"),
    ],
)
def test_what_no_contract_could_have_is_refused(
    tmp_path: Path, capsys: Capture, change: dict[str, object], words: str
) -> None:
    out, err = asked(tmp_path, capsys, FIXED | change, *SPAIN, code=1)
    assert words in err and out == ""


def test_a_product_needs_its_price_book_and_a_promotion_its_product(tmp_path: Path, capsys: Capture) -> None:
    assert "name the profile that has it with --profile" in asked(tmp_path, capsys, FIXED, code=1)[1]
    promoted = DWELLING | {"promotion": "BIENVENIDA26"}
    assert "goes with a product" in asked(tmp_path, capsys, promoted, *SPAIN, code=1)[1]
