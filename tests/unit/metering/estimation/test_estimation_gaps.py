"""For which hours an estimate is kept: what nothing better is known of."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from services.chassis.periods import DatePeriod
from services.metering.domain.calendar import FLAT
from services.metering.domain.estimation.closes import Close, Origin
from services.metering.domain.estimation.contract import Contract, meter_type_of
from services.metering.domain.estimation.explain import Reason, reason_of_plain, reason_to_plain
from services.metering.domain.estimation.gaps import Laid, fill, needs_history
from services.metering.domain.estimation.profiles import EvenProfile
from services.metering.domain.estimation.series import HourSeries, bounds
from services.metering.domain.hours import local_days
from services.metering.domain.readings import DOUBTFUL, MISSING, REAL

DAYS = local_days("Europe/Madrid")
DAY = DatePeriod(date(2026, 10, 4), date(2026, 10, 5))
CONTRACT = Contract(FLAT, "", (2_400,))


def stored(*hours: tuple[int, int]) -> HourSeries:
    """The first hours of the day as (Wh, method), the others 100 Wh measured."""
    every = [*hours, *[(100, REAL)] * (24 - len(hours))]
    first, _end = bounds(DAYS, DAY)
    return HourSeries(first, np.array([wh for wh, _ in every]), np.array([m for _, m in every], np.uint8))


def filled(curve: HourSeries, *closes: Close) -> Laid:
    return fill(DAY, DAYS, curve, closes, None, CONTRACT, EvenProfile())


def close(wh: int, origin: Origin = Origin.REMOTE) -> Close:
    return Close(DAY, (wh,), origin)


def laid(found: Laid) -> dict[int, tuple[int, int]]:
    """Kept hours: position -> (Wh, method)."""
    series = found.series
    return {int(i): (int(series.values[i]), int(series.methods[i])) for i in np.flatnonzero(series.methods)}


def test_a_distributors_estimate_stands_while_no_close_speaks_against_it() -> None:
    curve = stored((70, 2), (80, 5))
    assert laid(filled(curve)) == {} and laid(filled(curve, close(2_350))) == {}
    assert filled(curve).reasons == ()


def test_a_close_that_disagrees_has_it_estimated_anew() -> None:
    """2,200 Wh measured; the close of 4,000 leaves 1,800 for the two hours that nobody measured."""
    found = filled(stored((70, 2), (80, 5)), close(4_000))
    assert laid(found) == {0: (900, 2), 1: (900, 2)}
    assert int(found.after.values.sum()) == 4_000


def test_beside_a_gap_without_a_close_it_stands_and_measured_hours_stay() -> None:
    found = filled(stored((70, 2), (0, MISSING), (90, DOUBTFUL)))
    # 2,400 W x 24 h x 33 % = 19,008 Wh, 792 an hour.
    assert laid(found) == {1: (792, 6)} and found.hours == 1
    assert int(found.after.values.sum()) == 70 + 792 + 90 + 2_100


@pytest.mark.parametrize("origin", [Origin.ESTIMATED, Origin.CALCULATED])
def test_a_close_of_estimated_readings_is_no_close(origin: Origin) -> None:
    assert laid(filled(stored((0, MISSING)), close(9_000, origin))) == {0: (792, 6)}


def test_measured_hours_are_scaled_by_a_real_close_only() -> None:
    assert laid(filled(stored(), close(4_800, Origin.SELF_READING))) == {}
    scaled = laid(filled(stored(), close(4_800)))
    assert scaled == dict.fromkeys(range(24), (200, 3))


def test_a_complete_curve_that_agrees_needs_nothing() -> None:
    assert laid(filled(stored(), close(3_400))) == {}


def test_an_hour_no_household_can_use_is_a_gap() -> None:
    assert laid(filled(stored((55_001, REAL)), close(3_000))) == {0: (700, 2)}


def test_last_year_is_asked_for_gaps_without_a_close_only() -> None:
    gap = stored((0, MISSING))
    assert needs_history(DAY, DAYS, gap, [], CONTRACT)
    assert needs_history(DAY, DAYS, stored((60_000, REAL)), [], CONTRACT)
    assert not needs_history(DAY, DAYS, gap, [close(3_000)], CONTRACT)
    assert not needs_history(DAY, DAYS, stored(), [], CONTRACT)


def test_a_reason_survives_being_kept() -> None:
    reasons = filled(stored((0, MISSING)), close(3_000)).reasons
    assert len(reasons) == 1
    kept: list[Reason] = [reason_of_plain(reason_to_plain(reason)) for reason in reasons]
    assert kept == list(reasons) and kept[0].office() == reasons[0].office()


@pytest.mark.parametrize(
    ("watts", "kind"),
    [((), 5), ((4_600, 4_600), 5), ((15_000,), 5), ((15_001,), 4), ((50_001,), 3), ((450_001,), 2), ((10_000_000,), 1)],
)
def test_the_type_of_a_point_follows_its_power(watts: tuple[int, ...], kind: int) -> None:
    assert meter_type_of(watts) == kind
