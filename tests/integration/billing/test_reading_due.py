"""A product of two months through its runs: the charge alone, then held until the reading comes, then on from there."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from services.billing.domain.bill import Energy
from services.billing.domain.closes import Close
from services.chassis.db import Database
from services.chassis.periods import DatePeriod
from tests.support.billing import ROOT, Office, member_message, supply_message

NOTHING = Energy(hours_expected=744, hours_missing=744)


def counted(start: date, end: date) -> Energy:
    close = Close("W1", "total", DatePeriod(start, end), "litre", 100_000, 118_000, 18_000, "technician", ("r1", "r2"))
    return Energy(hours_expected=744, hours_missing=744, closes=(close,))


@pytest.fixture
def two_monthly(database: Database, tmp_path: Path) -> Office:
    """Water charged by two months, since 1 July."""
    folder = shutil.copytree(ROOT / "profiles" / "demo-ar", tmp_path / "coop")
    products = folder / "products.toml"
    text = products.read_text(encoding="utf-8")
    products.write_text(text.replace('code = "agua-medida"', 'code = "agua-medida"\nmonths = 2'), encoding="utf-8")
    office = Office(database, tmp_path, str(folder))
    message = supply_message("casa", cups="", water=True)
    _, tap = message.supply.services
    del message.supply.services[:]
    tap.contracts[0].product_code = "agua-medida"
    setattr(tap.contracts[0], "from", "2026-07-01")
    message.supply.services.append(tap)
    office.tell(member_message("casa"), message)
    return office


def test_the_month_in_which_a_reading_is_due_waits_for_it(two_monthly: Office) -> None:
    office = two_monthly
    office.energy.usual = NOTHING
    assert office.bill("2026-07", "2026-11-02").run.invoiced == 1
    (held,) = office.bill("2026-08", "2026-11-02").held
    assert (held.reason, held.contract_id) == ("NO_READINGS", "casa-tap-contract")
    assert "billed up to 2026-07-01 (excluded): its reading of 2026-09-01 is missing" in held.explanation
    office.energy.usual = counted(date(2026, 7, 1), date(2026, 9, 2))
    assert office.bill("2026-08", "2026-11-02").run.invoiced == 1
    office.energy.usual = NOTHING
    assert office.bill("2026-09", "2026-11-02").run.invoiced == 1, "counted from the reading of 2 September"
    (held,) = office.bill("2026-10", "2026-11-02").held
    assert "billed up to 2026-09-02" in held.explanation
