"""Bills unlike the supply's own through a run: previewed, held, listed with a reason in words, released by the office."""

from __future__ import annotations

import shutil
from decimal import Decimal as D
from pathlib import Path

import pytest

from services.billing.application.reviews import Reviews
from services.billing.domain.bill import Energy
from services.chassis.db import Database
from services.chassis.errors import Refused
from tests.support.billing import ROOT, Office, measured

WHY = "Read at the meter: they built a swimming pool."
HOURS = {"2026-06": 720, "2026-07": 744, "2026-08": 744, "2026-09": 720}


def light(hours: int, wh: int) -> Energy:
    return measured(expected=hours, P1=wh, P2=0, P3=0)


@pytest.fixture
def village(database: Database, tmp_path: Path) -> Office:
    """Two accounts billed four months for 200 kWh each, by a cooperative that looks at three times the usual."""
    folder = shutil.copytree(ROOT / "profiles" / "demo-es", tmp_path / "coop")
    terms = folder / "coop.toml"
    asked = terms.read_text(encoding="utf-8").replace('outlier_times = "5"', 'outlier_times = "3"')
    terms.write_text(asked, encoding="utf-8")
    office = Office(database, tmp_path, str(folder))
    office.add_supplies(2)
    for month, hours in HOURS.items():
        office.energy.usual = light(hours, 200_000)
        office.bill(month, "2026-10-05")
    office.energy.usual = light(745, 200_000)
    return office


def usual_total(office: Office) -> D:
    """Of a month like the ones before, for one account."""
    *_, last = office.runs.preview("2026-10", "2026-11-02")
    assert (last.run.invoiced, last.held) == (2, ())
    return last.run.total / 2


def test_a_total_far_above_the_usual_waits_for_the_office(village: Office) -> None:
    usual = usual_total(village)
    village.energy.of["s00001-light"] = light(745, 2_000_000)
    *_, previewed = village.runs.preview("2026-10", "2026-11-02")
    state = village.bill()
    (held,) = state.held
    assert previewed.held == state.held
    assert state.run.invoiced == 1, "the rest of the month is billed"
    assert (held.account_number, held.reason, held.contract_id) == ("2/1", "UNUSUAL_TOTAL", "s00001-contract")
    assert "more than 3 times the" in held.explanation and "4 months billed since 2026-06" in held.explanation
    assert village.bill().held == (held,), "a further run holds it again"

    Reviews(village.database).release(village.key(), "staff:office", "2/1", "2026-10", WHY)
    after = village.bill()
    assert (after.held, after.run.invoiced, after.run.already_invoiced) == ((), 1, 1)
    assert after.run.total > 3 * usual


def test_less_than_three_times_the_usual_is_billed(village: Office) -> None:
    village.energy.of["s00001-light"] = light(745, 400_000)
    assert village.bill().held == ()


def test_no_electricity_where_some_is_usual_waits_for_the_office(village: Office) -> None:
    village.energy.of["s00000-light"] = light(745, 0)
    (held,) = village.bill().held
    assert (held.account_number, held.reason) == ("1/1", "NO_ENERGY")
    assert "used no electricity, and 200 kWh are usual" in held.explanation
    Reviews(village.database).release(village.key(), "staff:office", "1/1", "2026-10", WHY)
    village.energy.of["s00000-light"] = light(745, 2_000_000)
    (again,) = village.bill().held
    assert again.reason == "UNUSUAL_TOTAL", "what is released is that reason, not whatever comes"


def test_a_supply_without_a_past_is_billed_as_it_comes(village: Office) -> None:
    village.add_supplies(1, prefix="n")
    village.energy.of["n00000-light"] = light(745, 9_000_000)
    assert village.bill().held == ()


def test_what_is_missing_cannot_be_released(village: Office) -> None:
    village.energy.of["s00000-light"] = None
    assert [held.reason for held in village.bill().held] == ["NO_READINGS"]
    with pytest.raises(Refused, match="held for what is missing"):
        Reviews(village.database).release(village.key(), "staff:office", "1/1", "2026-10", WHY)


def test_absurd_energy_holds_its_bill_and_no_other(office: Office) -> None:
    office.add_supplies(3)
    office.energy.of = {"s00000-light": measured(P1=-5_000), "s00001-light": measured(P1=10**12)}
    state = office.bill()
    assert {each.account_number: each.reason for each in state.held} == dict.fromkeys(("1/1", "2/1"), "ABSURD_ENERGY")
    assert state.run.invoiced == 1
    with pytest.raises(Refused, match="held for what is missing"):
        Reviews(office.database).release(office.key(), "staff:office", "1/1", "2026-10", WHY)
