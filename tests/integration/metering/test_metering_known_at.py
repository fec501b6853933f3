"""The curve as it was known at an instant, on both databases: the hours, the estimates laid over them, and why."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from coop.supplies.events.v1.events_pb2 import AccessGranted

from services.chassis.context import Principal
from services.chassis.errors import Invalid, NotFound
from services.chassis.periods import DatePeriod
from services.metering.application.estimates import Estimator
from services.metering.application.explain import Explanation, explain_day
from services.metering.application.views import Views
from services.metering.domain.hours import day_number, local_days
from services.metering.domain.publication import BILLED, Publication
from tests.support.metering import MADRID, Metering, invoice_message, supply_message
from tests.support.prime_files import hourly, report
from tests.support.registers import reading, store

STAFF = Principal("staff", "office")
MEMBER = Principal("member", "account-ana")
SUNDAY = date(2026, 10, 4)
DAY = DatePeriod(SUNDAY, date(2026, 10, 5))
FIRST = local_days(MADRID).start_of(day_number(SUNDAY))
MEASURED, ESTIMATED, CORRECTED, SETTLED = range(4)


def load(metering: Metering, hours: dict[int, int]) -> None:
    metering.load(report(*(hourly("M1", FIRST + slot, [wh]) for slot, wh in hours.items())))


@pytest.fixture
def instants(metering: Metering) -> list[datetime]:
    """Imported with two hours missing, estimated, one of them read after all, estimated anew: the instant of each step."""
    found = []

    def step() -> None:
        found.append(metering.clock.now())
        metering.clock.advance(timedelta(hours=1))

    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    metering.tell(AccessGranted(account_id="account-ana", supply_id="ana", member_id="m1", relation="holder"))
    metering.tell(invoice_message("ana", "2026-10-01", "2026-11-01"))
    store(metering, reading("2026-10-04", 0, 0, 10), reading("2026-10-05", 0, 0, 14))
    metering.clock.advance(timedelta(hours=1))
    load(metering, {0: 800, 1: 700, 4: 500} | dict.fromkeys(range(5, 24), 0))
    step()
    worker = Estimator(metering.database, MADRID)
    assert [one.hours for one in worker.run(DAY, [], False, "staff:1")] == [2]
    step()
    load(metering, {2: 1_200})
    step()
    assert worker.settle_one() and not worker.settle_one()
    step()
    return found


def known(metering: Metering, caller: Principal, at: datetime | None, **more: int) -> list[tuple[int, int, int]]:
    """(Wh, method, reason) of the hours from 02:00 to 04:00, with a missing hour as zeros."""
    views = Views(metering.database, metering.clock, MADRID, Publication(BILLED))
    curve = views.curve(caller, "ana", DAY, known_at=at, **more)
    hours = {hour.start - FIRST: (hour.import_wh, hour.method, hour.reason) for hour in curve.days[0].hours}
    assert all(reason <= len(curve.reasons) for _, _, reason in hours.values())
    return [hours.get(slot, (0, 0, 0)) for slot in (2, 3)]


def explained(metering: Metering, at: datetime | None) -> Explanation:
    return explain_day(metering.database, MADRID, STAFF, "ana", SUNDAY, known_at=at)


@pytest.mark.parametrize("caller", [STAFF, MEMBER], ids=["staff", "member"])
def test_each_instant_has_its_curve(metering: Metering, instants: list[datetime], caller: Principal) -> None:
    """2,000 Wh in two hours; once 1,200 of them are measured, 800 are left for the other."""
    first, second = (wh for wh, _, _ in known(metering, caller, instants[ESTIMATED]))
    assert first + second == 2_000
    expected = [
        [(0, 0, 0), (0, 0, 0)],
        [(first, 2, 1), (second, 2, 1)],
        [(1_200, 1, 0), (second, 2, 1)],
        [(1_200, 1, 0), (800, 2, 1)],
    ]
    assert [known(metering, caller, at) for at in instants] == expected
    assert known(metering, caller, None) == expected[SETTLED]
    # Between two steps it is what the one before told.
    assert known(metering, caller, instants[CORRECTED] - timedelta(microseconds=1)) == expected[ESTIMATED]
    assert known(metering, caller, instants[MEASURED] - timedelta(microseconds=1)) == [(0, 0, 0), (0, 0, 0)]


def test_the_explanation_stops_at_the_instant(metering: Metering, instants: list[datetime]) -> None:
    now = [[v.method for v in hour.versions] for hour in explained(metering, None).hours[:4]]
    assert now == [[1], [1], [2, 1], [2, 2]]
    then = [explained(metering, at) for at in instants]
    assert [[[v.method for v in hour.versions] for hour in one.hours[2:4]] for one in then] == [
        [[], []],
        [[2], [2]],
        [[2, 1], [2]],
        [[2, 1], [2, 2]],
    ]
    left = [[reason.parameters["missing_wh"] for reason in one.reasons] for one in then]
    assert left == [[], [2_000], [2_000], [800]]
    assert [one.hours[2].reason is None for one in then] == [True, False, True, True]


def test_an_instant_to_come_a_version_besides_and_strangers_are_refused(
    metering: Metering, instants: list[datetime]
) -> None:
    tomorrow = metering.clock.now() + timedelta(days=1)
    for ask in (lambda: known(metering, STAFF, tomorrow), lambda: explained(metering, tomorrow)):
        with pytest.raises(Invalid, match="an instant still to come") as refusal:
            ask()
        assert [one.field for one in refusal.value.violations] == ["known_at"]
    with pytest.raises(Invalid, match="not for both"):
        known(metering, STAFF, instants[0], version=1)
    with pytest.raises(NotFound, match="no supply"):
        known(metering, Principal("member", "account-eva"), instants[0])
    november = DatePeriod(date(2026, 11, 1), date(2026, 11, 2))
    with pytest.raises(NotFound, match="not billed yet"):
        Views(metering.database, metering.clock, MADRID, Publication(BILLED)).curve(
            MEMBER, "ana", november, known_at=datetime(2026, 11, 2, tzinfo=UTC)
        )


def test_a_measured_hour_beyond_the_usual_is_remarked_and_counts(metering: Metering) -> None:
    """Six Sundays of 480, 500, 520, 540, 900 and 100 Wh at midnight make 510 (459 to 561) usual; 562 is beyond."""
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    before = (480, 500, 520, 540, 900, 100)
    hours = [hourly("M1", FIRST - 7 * 24 * weeks, [wh]) for weeks, wh in enumerate(before, 1)]
    metering.load(report(*hours, hourly("M1", FIRST, [562, 7])))
    midnight, next_hour, missing = explained(metering, None).hours[:3]
    assert midnight.usual is not None and (midnight.usual.low, midnight.usual.high) == (459, 561)
    assert midnight.unusual and midnight.versions[-1].method == 1
    assert (next_hour.usual, next_hour.unusual, missing.unusual) == (None, False, False)
    load(metering, {0: 561})
    assert not explained(metering, None).hours[0].unusual
