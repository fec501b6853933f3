"""A cooperative's billing rules are read once, and what is wrong in them is one clear sentence."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pytest

from services.billing.domain.planning import plan
from services.billing.rules import rules_of
from services.chassis.environment import SettingsError
from services.chassis.profile import load_profile
from tests.unit.billing.examples import OCTOBER, argentine_supply, book

PROFILES = Path(__file__).resolve().parents[3] / "profiles"


def test_the_demonstration_cooperatives():
    spain = rules_of(load_profile(PROFILES / "demo-es"))
    assert (spain.currency, spain.days_to_pay, spain.min_hours_ratio) == ("EUR", 20, D("0.95"))
    assert spain.due_date(date(2026, 11, 2)) == date(2026, 11, 23)
    argentina = rules_of(load_profile(PROFILES / "demo-ar"))
    assert argentina.book.services() == {"electricity", "water"}
    (light,) = plan(argentine_supply(), OCTOBER, book())
    assert argentina.country.metering_tariff(light) == "flat"


@pytest.mark.parametrize("profile", ["demo-es", "demo-ar"])
def test_every_product_has_prices_for_the_fourteen_months_of_the_demonstration(profile: str):
    rules = rules_of(load_profile(PROFILES / profile))
    for code in rules.book.codes():
        for year, month in [(2025, month) for month in range(9, 13)] + [(2026, month) for month in range(1, 12)]:
            assert rules.book.prices(code).at(date(year, month, 1)).code == code


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (
            "products.toml",
            'kind = "fixed"',
            'kind = "magic"',
            "kind 'magic' is not known; use one of fixed, indexed, blocks, flat",
        ),
        ("products.toml", "to = 2026-01-01", "to = 2025-12-31", "no row covers 2025-12-31 to 2026-01-01"),
        ("products.toml", "to = 2026-01-01\n", "", "overlaps"),
        ("products.toml", 'P1 = "0.201"', 'P1 = "cheap"', "energy.P1 = 'cheap' is not a number"),
        ("products.toml", "[[product]]", "[[product]", "cannot be read"),
        (
            "products.toml",
            '\npower = "regulated"',
            '\npowr = "regulated"',
            "powr is not a known field; did you mean 'power'?",
        ),
        (
            "products.toml",
            '\npower = "regulated"',
            '\nadjustment = "0.01"',
            "adjustment is for a product of kind indexed, and this one is fixed",
        ),
        ("products.toml", 'P1 = "0.201"', 'P1 = "-0.201"', "energy.P1 = -0.201 is less than zero"),
        ("coop.toml", 'min_hours_ratio = "0.95"', 'min_hours_ratio = "95"', "min_hours_ratio is 95; give a share"),
        (
            "coop.toml",
            'outlier_times = "5"',
            'outlier_times = "1"',
            "outlier_times is 1; give more than 1, such as 3",
        ),
        ("coop.toml", "days_to_pay = 20", "days_to_pay = 2000", "days_to_pay and valid_days are days, at most a year"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, file: str, old: str, new: str, words: str):
    folder = shutil.copytree(PROFILES / "demo-es", tmp_path / "coop")
    path = folder / file
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SettingsError) as wrong:
        rules_of(load_profile(folder))
    assert words in str(wrong.value)


def test_the_rows_of_law_toml_count(tmp_path: Path):
    folder = shutil.copytree(PROFILES / "demo-es", tmp_path / "coop")
    rows = '[[iva.general]]\nfrom = 2027-01-01\nsource = "una ley"\npercent = "22"\n'
    (folder / "law.toml").write_text(rows, encoding="utf-8")
    rules = rules_of(load_profile(folder))
    assert '"percent":"22"' in rules.rule_set.content
    (folder / "law.toml").write_text(rows.replace("general", "generel"), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"law.toml: there is no table \[\[iva.generel\]\]"):
        rules_of(load_profile(folder))


def test_a_profile_without_a_price_book(tmp_path: Path):
    folder = shutil.copytree(PROFILES / "demo-es", tmp_path / "coop")
    (folder / "products.toml").unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        rules_of(load_profile(folder))
