"""Excess power by quarters of an hour in a bundle: calculated again by a stranger, and found wrong by any digit of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.billing.domain.bill import Energy, QuarterDemand
from services.billing.evidence.basis import bases_of
from services.staff.verify.check import verify
from services.staff.verify.numbers import Unverifiable
from tests.unit.billing.test_altered_bundles import changed, digits, holds
from tests.unit.billing.test_basis import made
from tests.unit.billing.test_second_calculation import SIX, six_periods, supply_of

#: Wednesday the 14th from 10 o'clock, peak of October: P4. Excesses of 5, 3 and 4 kW, and of 12.5 kW in P6.
FIRST = datetime(2026, 10, 14, 8, tzinfo=UTC)
QUARTERS = {
    "P4": tuple(
        QuarterDemand(watts, FIRST + n * timedelta(minutes=30)) for n, watts in enumerate((105_000, 103_000, 104_000))
    ),
    "P6": (QuarterDemand(112_500, datetime(2026, 10, 18, 10, 45, tzinfo=UTC)),),
}
LARGE = supply_of("seis", "3.0TD", rental="", watts=100_000)


def measured(**more: Any) -> Energy:
    return replace(six_periods(reactive_varh={}, quarter_demands=QUARTERS), **more)


def bundle(**more: Any) -> dict[str, Any]:
    return made("es", LARGE, measured(**more), rows=(SIX,))


def excess(invoice: dict[str, Any]) -> list[tuple[str, str, str]]:
    lines = [line for line in invoice["lines"] if line["concept"] == "excess_power"]
    return [(line["period"], line["quantity"], line["amount"]) for line in lines]


def test_a_stranger_comes_to_the_same_root() -> None:
    found = bundle()
    assert excess(found["invoice"]) == [("P4", "7.0711", "3.00"), ("P6", "12.5000", excess(found["invoice"])[1][2])]
    assert found["segments"][0]["quarter_demand_w"]["P4"][0] == ["2026-10-14T08:00:00+00:00", 105_000]
    assert verify(found).differences == ()


def test_a_root_that_is_not_the_quarters_root_is_told() -> None:
    altered = changed(bundle(), ("segments", 0, "quarter_demand_w", "P4", 1, 1), 2, 1)  # 104 kW in place of 103
    assert any("excess_power P4" in each for each in verify(altered).differences)


@pytest.mark.parametrize("by", [1, 4, 7])
def test_every_digit_of_every_power_is_found_wrong_without_any_checksum(by: int) -> None:
    whole = bundle()
    powers = [
        (path, place) for path, place in digits(whole["segments"]) if "quarter_demand_w" in path and path[-1] == 1
    ]
    assert len(powers) == 4 * 6
    for path, place in powers:
        assert not holds(changed(whole, ("segments", *path), place, by)), (path, place)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("2026-10-14T08:10:00+00:00", "is no quarter of an hour of 2026-10-01 to 2026-11-01"),
        ("2026-11-14T08:30:00+00:00", "is no quarter of an hour of 2026-10-01"),
        ("2026-10-18T08:30:00+00:00", "is not of P4"),
        ("2026-10-14T08:00:00+00:00", "does not come after 2026-10-14T08:00:00+00:00"),
        ("2026-10-13T08:30:00+00:00", "does not come after"),
        ("2026-10-34T08:30:00+00:00", "segments[0].quarter_demand_w.P4[1][0] says '2026-10-34T08:30:00+00:00'"),
        ("2026-10-14T08:30:00", "which is no instant with its offset"),
    ],
)
def test_a_quarter_that_cannot_be_is_told(start: str, said: str) -> None:
    altered = bundle()
    altered["segments"][0]["quarter_demand_w"]["P4"][1][0] = start
    try:
        differences = verify(altered).differences
    except Unverifiable as wrong:
        differences = (str(wrong),)
    assert any(said in each for each in differences), differences


def test_a_quarter_within_the_contracted_power_is_told() -> None:
    altered = bundle()
    altered["segments"][0]["quarter_demand_w"]["P4"].append(["2026-10-14T11:00:00+00:00", 99_000])
    assert any(
        "has 99000 W, which is not above the power contracted in P4" in each for each in verify(altered).differences
    )


def test_hours_that_are_not_known_need_a_maximeter_that_says_that_none_exceeded() -> None:
    found = bundle(quarters_unknown={"P5": 3}, max_demand_w={"P4": 105_000, "P5": 99_000, "P6": 112_000})
    assert verify(found).differences == ()
    found["segments"][0]["max_demand_w"]["P5"] = 109_000
    assert any("The quarters of 3 hours of P5 are not known" in each for each in verify(found).differences)


def test_a_bundle_made_before_quarters_were_kept_still_holds() -> None:
    older = bundle(quarter_demands=None, max_demand_w={"P4": 100_000})
    assert "quarter_demand_w" not in older["segments"][0] and excess(older["invoice"]) == []
    assert verify(older).differences == ()


def test_a_price_that_changes_inside_is_refused() -> None:
    altered = bundle()
    *_, row = [each for each in altered["tables"]["quarter_hour_excess"] if each["tariff"] == "3.0TD"]
    before = {**row, "to": "2026-10-20"}
    after = {**row, "from": "2026-10-20", "per_kw": dict.fromkeys(row["per_kw"], "0.5")}
    altered["tables"]["quarter_hour_excess"] = [before, after]
    with pytest.raises(Unverifiable, match="The price of excess power in P4 changes"):
        verify(altered)


def test_the_line_rests_on_the_price_by_quarters() -> None:
    found = bundle()
    at = next(at for at, line in enumerate(found["invoice"]["lines"]) if line["concept"] == "excess_power")
    basis = bases_of(found)[0][at]
    (row,) = basis.rows
    assert (row.table, row.name, row.value, basis.segments) == ("quarter_hour_excess", "3.0TD", "0.424794", (0,))
    assert Decimal(row.value) == Decimal(found["invoice"]["lines"][at]["unit_price"])


def test_two_parts_of_a_month_are_one_root() -> None:
    """A product whose price changes inside: each segment has its own quarters, the root is of both."""
    dearer = {**SIX, "from": date(2026, 10, 17), "energy": {f"P{n}": f"0.2{n}" for n in range(1, 7)}}
    found = made(
        "es", LARGE, measured(quarter_demands={"P4": QUARTERS["P4"]}), rows=({**SIX, "to": date(2026, 10, 17)}, dearer)
    )
    # The example gives both parts the same energy; the second's quarters are of a later day.
    assert verify(json.loads(json.dumps(found))).differences[0].startswith("2026-10-14T08:00:00+00:00 is no quarter")
    later = [[text.replace("10-14", "10-21"), watts] for text, watts in found["segments"][1]["quarter_demand_w"]["P4"]]
    found["segments"][1]["quarter_demand_w"]["P4"] = later
    assert excess(found["invoice"])[0][1] == "10.0000"  # √(2 × 50)
    assert verify(found).differences == ()
