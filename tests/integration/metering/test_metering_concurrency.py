"""Importers and events at the same time: nothing is lost, nothing is stored twice, nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date

from sqlalchemy import select

from services.metering.domain.hours import day_number, local_days
from services.metering.tables import kept_reading
from tests.support.metering import MADRID, Metering, supply_message
from tests.support.prime_files import hourly, report

H0 = local_days(MADRID).start_of(day_number(date(2026, 10, 1)))
SUPPLIES = 30


def together(*works: Callable[[], object]) -> None:
    """Run all at once; the first failure of any is raised."""
    failures: list[BaseException] = []
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        try:
            gate.wait()
            work()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


def test_supplies_appear_while_their_readings_arrive(metering: Metering) -> None:
    def load(first_day: int) -> Callable[[], object]:
        hours = H0 + first_day * 24
        order = range(SUPPLIES) if first_day % 2 else reversed(range(SUPPLIES))
        data = report(*(hourly(f"M{n}", hours, [n + 1] * 72) for n in order))
        return lambda: list(metering.importer.run(f"from day {first_day}", [data], "staff:1"))

    def tell() -> None:
        for number in reversed(range(SUPPLIES)):
            metering.tell(supply_message(f"s{number}", (f"M{number}", "2020-01-01", "")))

    # Two files overlap: day 2 is in both, with the same values.
    together(load(0), load(2), load(4), tell)

    with metering.database.read() as connection:
        assert connection.execute(select(kept_reading)).all() == []
    for number in range(SUPPLIES):
        answer = metering.energy(f"s{number}", date(2026, 10, 1), date(2026, 10, 8))
        assert (answer.hours_measured, sum(e.import_wh for e in answer.energy)) == (7 * 24, 7 * 24 * (number + 1))


def test_the_same_file_sent_twice_at_once(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    data = report(hourly("M1", H0, range(240)), hourly("M2", H0, range(240)))

    def load() -> None:
        list(metering.importer.run("twice.xml", [data], "staff:1"))

    together(load, load, load)
    answer = metering.energy("ana", date(2026, 10, 1), date(2026, 10, 11))
    assert sum(e.import_wh for e in answer.energy) == sum(range(240))
    assert len(metering.events()) == 1
