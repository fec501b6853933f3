"""Estimates, imports and readings at the same time: what is known at the end is what the measured hours and closes give."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import func, select

from services.chassis.periods import DatePeriod
from services.metering.application import estimates
from services.metering.application.estimates import Estimator
from services.metering.application.registers import store_readings
from services.metering.domain.hours import day_number, local_days
from services.metering.repository import overlay
from services.metering.tables import estimated_day, estimation, estimation_due
from tests.integration.metering.test_metering_concurrency import together
from tests.integration.metering.test_metering_estimates import MONDAY, SUNDAY, curve, estimate, hours_of, settle, supply
from tests.support.metering import MADRID, Metering
from tests.support.prime_files import hourly, report
from tests.support.registers import reading, store

SUPPLIES = 6
H0 = local_days(MADRID).start_of(day_number(SUNDAY))


def test_late_hours_arrive_while_the_month_is_estimated(metering: Metering) -> None:
    for number in range(SUPPLIES):
        metering.tell(supply(f"s{number}", (f"M{number}", "2020-01-01", "")))
        store(
            metering,
            *(reading(d, 0, 0, kwh, meter=f"M{number}") for d, kwh in (("2026-10-04", 10), ("2026-10-05", 20))),
        )
    metering.load(report(*(hourly(f"M{n}", H0, [100] * 18) for n in range(SUPPLIES))))

    def late(first: int, wh: int) -> Callable[[], object]:
        order = range(SUPPLIES) if first % 2 else reversed(range(SUPPLIES))
        data = report(*(hourly(f"M{n}", H0 + first, [wh + n] * 2) for n in order))
        return lambda: list(metering.importer.run(f"hour {first}", [data], "staff:1"))

    def ask() -> object:
        period = DatePeriod(SUNDAY, MONDAY)
        return [list(Estimator(metering.database, MADRID).run(period, (), False, "staff:1")) for _ in range(3)]

    def read_again() -> None:
        for number in range(SUPPLIES):
            with metering.database.write() as tx:
                store_readings(tx, [reading("2026-10-05", 0, 0, 21, meter=f"M{number}")], None)

    def work() -> None:
        worker = Estimator(metering.database, MADRID)
        for _ in range(40):
            worker.settle_one()

    together(late(18, 300), late(20, 400), ask, read_again, work, work)
    settle(metering)
    for number in range(SUPPLIES):
        found = metering.energy(f"s{number}", SUNDAY, MONDAY)
        measured = 18 * 100 + 2 * (300 + number) + 2 * (400 + number)
        assert (found.hours_measured, found.hours_estimated, found.hours_missing) == (22, 2, 0)
        # The reading received last stands: 11 kWh, of which the two hours nobody measured take the rest.
        assert found.energy[2].import_wh == 11_000 > measured
    with metering.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(estimation_due)).scalar_one() == 0
        in_force = select(estimation.c.point_key).where(estimation.c.superseded_by.is_(None))
        assert sorted(connection.execute(in_force).scalars()) == list(range(1, SUPPLIES + 1))


def test_an_estimation_that_fails_half_way_leaves_nothing(metering: Metering, monkeypatch: pytest.MonkeyPatch) -> None:
    metering.tell(supply("ana"))
    metering.load(hours_of(SUNDAY, [100, None, *[100] * 22]))

    def killed(*_: object) -> None:
        raise RuntimeError("the machine went down")

    with monkeypatch.context() as broken:
        broken.setattr(estimates.estimates, "add", killed)
        with pytest.raises(RuntimeError, match="went down"):
            estimate(metering, SUNDAY, MONDAY)
    with metering.database.read() as connection:
        assert connection.execute(select(estimated_day)).all() == []
        assert overlay.curves_between(connection, [1], day_number(SUNDAY), day_number(MONDAY)).revision.tolist() == [1]
    estimate(metering, SUNDAY, MONDAY)
    assert curve(metering, SUNDAY, date(2026, 10, 5))[1][1] == 6
