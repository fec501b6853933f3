"""Estimates laid over measured days: which hours count, and what stays of what was measured."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.metering.domain.curve import blank_days
from services.metering.domain.overlay import CurveRows, lay_over
from services.metering.domain.readings import EXPORT, IMPORT, MISSING, REAL

ESTIMATED = 2


def rows(*days: tuple[int, int, int, dict[int, int]], method: int = REAL, export: int = 0) -> CurveRows:
    """Days as (owner, day, revision, {slot: Wh}), by owner and day."""
    curves = blank_days(np.full(len(days), 24, np.int8))
    for index, (_, _, _, hours) in enumerate(days):
        for slot, wh in hours.items():
            curves.values[index, slot, IMPORT], curves.values[index, slot, EXPORT] = wh, export
            curves.quality[index, slot] = method
    numbers = np.array([day[:3] for day in days], np.int64).reshape(len(days), 3)
    return CurveRows(numbers[:, 0], numbers[:, 1], numbers[:, 2], curves)


def hours(found: CurveRows) -> dict[tuple[int, int], dict[int, tuple[int, int]]]:
    """(owner, day) -> {slot: (Wh, method)} of the present hours."""
    return {
        (owner, day): {
            int(slot): (int(found.curves.values[index, slot, IMPORT]), int(found.curves.quality[index, slot]))
            for slot in np.flatnonzero(found.curves.quality[index])
        }
        for index, (owner, day) in enumerate(zip(found.owner.tolist(), found.day.tolist(), strict=True))
    }


def test_gaps_take_their_estimates_and_days_without_any_measurement_appear() -> None:
    measured = rows((1, 20_000, 5, {0: 100, 2: 120}), (2, 20_001, 6, {0: 7}), export=9)
    laid = lay_over(measured, rows((1, 20_000, 8, {1: 110}), (1, 20_001, 8, {3: 50}), method=ESTIMATED))
    assert hours(laid) == {
        (1, 20_000): {0: (100, REAL), 1: (110, ESTIMATED), 2: (120, REAL)},
        (1, 20_001): {3: (50, ESTIMATED)},
        (2, 20_001): {0: (7, REAL)},
    }
    assert laid.revision.tolist() == [8, 8, 6]
    # Export is not estimated: what was measured stays, a gap has none.
    assert laid.curves.values[0, :3, EXPORT].tolist() == [9, 0, 9]


def test_a_measured_hour_is_covered_only_as_long_as_its_day_has_not_changed() -> None:
    scaled = rows((1, 20_000, 8, {0: 90, 1: 80}), method=3)
    assert hours(lay_over(rows((1, 20_000, 5, {0: 100})), scaled)) == {(1, 20_000): {0: (90, 3), 1: (80, 3)}}
    assert hours(lay_over(rows((1, 20_000, 9, {0: 100})), scaled)) == {(1, 20_000): {0: (100, REAL), 1: (80, 3)}}


def test_a_withdrawn_estimate_is_only_a_later_revision() -> None:
    measured = rows((1, 20_000, 5, {0: 100}))
    laid = lay_over(measured, rows((1, 20_000, 8, {})))
    assert hours(laid) == {(1, 20_000): {0: (100, REAL)}} and laid.revision.tolist() == [8]
    assert lay_over(measured, rows()) is measured


DAYS = st.dictionaries(
    st.tuples(st.integers(1, 3), st.integers(20_000, 20_003)),
    st.tuples(st.integers(1, 4), st.dictionaries(st.integers(0, 23), st.integers(0, 500), max_size=4)),
    max_size=8,
)


@given(DAYS, DAYS)
def test_every_measured_hour_of_a_changed_day_and_every_estimate_of_a_gap_is_shown(measured, estimates) -> None:  # type: ignore[no-untyped-def]
    def made(days, method: int) -> CurveRows:  # type: ignore[no-untyped-def]
        return rows(*((*cell, revision, of_day) for cell, (revision, of_day) in sorted(days.items())), method=method)

    shown = hours(lay_over(made(measured, REAL), made(estimates, ESTIMATED)))
    assert set(shown) == set(measured) | set(estimates)
    for cell, found in shown.items():
        changed, of_meter = measured.get(cell, (0, {}))
        at, of_estimate = estimates.get(cell, (0, {}))
        for slot in range(24):
            if slot in of_estimate and (slot not in of_meter or at >= changed):
                assert found[slot] == (of_estimate[slot], ESTIMATED)
            elif slot in of_meter:
                assert found[slot] == (of_meter[slot], REAL)
            else:
                assert found.get(slot, (0, MISSING))[1] == MISSING
