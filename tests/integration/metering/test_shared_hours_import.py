"""The hours of a shared installation, settled offline and imported, are the energy that bills compensate."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from services.metering.domain.formats import read_curve_file
from services.metering.domain.hours import day_number, local_days
from services.metering.domain.sharing_file import Agreements, read_coefficients
from services.staff.shared_hours import f5d, settle_files
from tests.support.metering import MADRID, Metering, supply_message
from tests.unit.metering.formats import curve_writers
from tests.unit.metering.formats.curve_writers import Hour

ANA, LUIS, PLANT = "ES0575000000000877HA1P", "ES0575000000000123PP1P", "ES0575000000000878HG0F"
SUNDAY = (date(2026, 10, 4), date(2026, 10, 5))
FIRST = local_days(MADRID).start_of(day_number(SUNDAY[0]))


def test_shares_replace_what_the_meter_took(metering: Metering, tmp_path: Path) -> None:
    """Ana takes 1,000 Wh each hour; from 10:00 to 14:00 the plant gives 6,000, of which she has a quarter."""
    told = supply_message("ana")
    told.supply.cups = ANA
    metering.tell(told)
    taken = [Hour(FIRST + hour, 1_000) for hour in range(24)]
    gross = curve_writers.f5d(taken, ANA)
    metering.load(gross, "gross.txt")
    before = metering.energy("ana", *SUNDAY)
    assert sum(each.import_wh for each in before.energy) == 24_000

    plant = [Hour(FIRST + hour, 0, 6_000 if 10 <= hour < 14 else 0) for hour in range(24)]
    files = []
    for name, content in (
        ("gross.txt", gross),
        ("luis.txt", curve_writers.f5d(taken, LUIS)),
        ("plant.txt", curve_writers.f5d(plant, PLANT)),
    ):
        (tmp_path / name).write_bytes(content)
        files.append(read_curve_file(tmp_path / name, name))
    agreed = Agreements([read_coefficients(f"{PLANT}A001_2026.txt", f"{ANA};0,25\n{LUIS};0,75\n")])
    settled = settle_files(files, agreed, PLANT, MADRID, (FIRST, FIRST + 24))
    metering.load("".join(f5d(settled.points, MADRID)).encode(), "shared.txt")

    after = metering.energy("ana", *SUNDAY)
    assert sum(each.import_wh for each in after.energy) == 20_000
    assert sum(each.export_wh for each in after.energy) == 4 * 500
    assert (after.hours_measured, after.hours_missing) == (24, 0)
