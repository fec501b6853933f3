"""What explains an estimate tells the figures of now, also where the estimated hour itself stays as it was."""

from __future__ import annotations

from datetime import date, timedelta

from coop.metering.events.v1.events_pb2 import CurveReady

from services.chassis.context import Principal
from services.chassis.periods import DatePeriod
from services.metering.application.estimates import Estimator
from services.metering.application.explain import ExplainedHour, explain_day
from services.metering.domain.hours import day_number, local_days
from tests.support.metering import MADRID, Metering, supply_message
from tests.support.prime_files import hourly, report
from tests.support.registers import told

OFFICE = Principal("staff", "office")
SATURDAY, SUNDAY, MONDAY = date(2026, 10, 3), date(2026, 10, 4), date(2026, 10, 5)


def load(metering: Metering, day: date, *, but: int | None = None) -> None:
    """100 Wh in every hour of a day but one."""
    first = local_days(MADRID).start_of(day_number(day))
    metering.load(report(*(hourly("M1", first + slot, [100]) for slot in range(24) if slot != but)))


def estimate(metering: Metering) -> None:
    metering.clock.advance(timedelta(hours=1))
    list(Estimator(metering.database, MADRID).run(DatePeriod(SATURDAY, MONDAY), (), False, "staff:1"))


def second_hour(metering: Metering, day: date) -> ExplainedHour:
    return explain_day(metering.database, MADRID, OFFICE, "ana", day).hours[1]


def figures(metering: Metering, day: date) -> tuple[object, ...]:
    reason = second_hour(metering, day).reason
    assert reason is not None
    return reason.code, reason.parameters["gaps"], reason.parameters["valid_wh"]


def test_a_gap_that_was_closed_elsewhere_is_counted_no_more(metering: Metering) -> None:
    ana = supply_message("ana", ("M1", "2020-01-01", ""))
    for period in ("P1", "P2"):
        ana.supply.services[0].contracts[0].powers.add(period=period, watts=4_600)
    metering.tell(ana)
    for day in (SATURDAY, SUNDAY):
        load(metering, day, but=1)
    estimate(metering)
    assert figures(metering, SUNDAY) == ("CONTRACTED_POWER", 2, 4_600)
    before, events = second_hour(metering, SUNDAY), len(told(metering, CurveReady))
    load(metering, SATURDAY)
    estimate(metering)
    assert figures(metering, SUNDAY) == ("CONTRACTED_POWER", 1, 4_700)
    assert second_hour(metering, SATURDAY).reason is None
    after = second_hour(metering, SUNDAY)
    assert [(one.import_wh, one.method) for one in after.versions] == [
        (one.import_wh, one.method) for one in before.versions
    ]
    estimate(metering)
    assert len(told(metering, CurveReady)) == events + 2  # the file, and what was estimated anew; a repeat is nothing
