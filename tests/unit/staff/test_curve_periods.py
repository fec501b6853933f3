"""Energy per invoice and per month out of several files."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from services.metering.domain.calendar import calendar
from services.metering.domain.formats import SupplyCurve
from services.metering.domain.hours import hour_number
from services.staff.curve_periods import PeriodEnergy, Supplies, energy

MADRID = "Europe/Madrid"
CUPS = "ES0575000000000877HA"
START = hour_number(datetime(2026, 9, 30, 20, tzinfo=UTC))  # 22:00 on the last local day of September


def curve(supply: str, first: int, wh: list[int], invoices: list[str | None] | None = None) -> SupplyCurve:
    """Consecutive hours; `invoices` names each hour's invoice."""
    values = np.zeros((len(wh), 6), np.int64)
    values[:, 0] = wh
    made = SupplyCurve(
        supply,
        "",
        np.arange(first, first + len(wh)),
        values,
        np.ones(len(wh), np.uint8),
        np.arange(1, len(wh) + 1),
    )
    if invoices is not None:
        made.invoices = list(dict.fromkeys(number for number in invoices if number))
        made.invoice = np.array([made.invoices.index(number) if number else -1 for number in invoices], np.int32)
    return made


def rows(*curves: SupplyCurve) -> tuple[list[PeriodEnergy], int]:
    """The rows of files of one curve each, and how many hours differed."""
    found: list[PeriodEnergy] = []
    differing = 0
    supplies = Supplies(MADRID)
    for one in curves:
        supplies.add(one)
    for supply in supplies:
        hours, wh, groups, differ = supply.settled()
        differing += differ
        found += energy(supply.supply, supply.invoices, calendar("2.0TD", "peninsula"), hours, wh, groups)
    return found, differing


def night(wh: int) -> dict[str, int]:
    return {"P1": 0, "P2": 0, "P3": wh}


def test_an_invoice_spans_months_and_hours_without_one_go_by_month() -> None:
    found, differing = rows(curve(CUPS, START, [1, 2, 4, 8, 16], ["B", "A", "A", None, None]))
    assert differing == 0
    assert found == [
        PeriodEnergy(CUPS, "B", None, 1, {"P1": 0, "P2": 1, "P3": 0}),
        PeriodEnergy(CUPS, "A", None, 2, {"P1": 0, "P2": 2, "P3": 4}),
        PeriodEnergy(CUPS, None, "2026-10", 2, night(24)),
    ]


def test_one_invoice_in_two_files_is_one_row_although_the_files_number_it_otherwise() -> None:
    found, _ = rows(
        curve(CUPS, START + 2, [1, 2], ["A", "B"]),
        curve(CUPS, START + 4, [4, 8], ["B", "A"]),
    )
    assert [(row.invoice, row.hours, row.wh) for row in found] == [("A", 2, night(9)), ("B", 2, night(6))]


def test_a_cups_with_its_border_point_is_the_same_supply() -> None:
    found, _ = rows(curve(CUPS, START + 2, [1]), curve(CUPS + "1P", START + 3, [2]), curve("CIR1", START + 2, [4]))
    assert [(row.supply, row.hours, row.wh["P3"]) for row in found] == [(CUPS, 2, 3), ("CIR1", 1, 4)]


def test_the_last_file_is_believed() -> None:
    found, differing = rows(
        curve(CUPS, START + 2, [1, 2, 4]), curve(CUPS, START + 2, [1, 16]), curve(CUPS, START + 3, [2])
    )
    assert [(row.hours, row.wh["P3"]) for row in found] == [(3, 7)]
    assert differing == 2


def test_a_file_without_invoices_does_not_take_hours_off_their_invoice() -> None:
    billed = curve(CUPS, START + 2, [1, 2, 4], ["A", "A", "B"])
    found, _ = rows(billed, curve(CUPS, START + 1, [8, 16, 2, 4, 32]))
    assert [(row.invoice, row.month, row.hours, sum(row.wh.values())) for row in found] == [
        ("A", None, 2, 18),
        ("B", None, 1, 4),
        (None, "2026-09", 1, 8),
        (None, "2026-10", 1, 32),
    ]
    rectified, _ = rows(billed, curve(CUPS, START + 3, [2, 4], ["C", "C"]))
    assert [(row.invoice, row.hours) for row in rectified] == [("A", 1), ("C", 2)]


def test_sums_beyond_what_a_float_holds_are_exact() -> None:
    found, _ = rows(curve(CUPS, START + 2, [2**53 + 1, 2**53 + 2]))
    assert found[0].wh["P3"] == 2**54 + 3


def test_a_supply_without_hours_has_no_row() -> None:
    assert rows(curve(CUPS, START, []))[0] == []
