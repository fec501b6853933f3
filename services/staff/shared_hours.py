"""The hours of curve files shared between the participants of an installation, as months and as rows of a curve file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from services.chassis.errors import Invalid
from services.metering.domain.formats import CurveFile, SupplyCurve
from services.metering.domain.hours import hour_start
from services.metering.domain.readings import DOUBTFUL, EXPORT, IMPORT
from services.metering.domain.shared_curves import weaker
from services.metering.domain.sharing import settle, share_out
from services.metering.domain.sharing_file import Agreements
from services.staff.curve_months import local_months, month_name

_SUPPLY = 20


@dataclass(frozen=True)
class SharedMonth:
    """Sums of the settled hours of one participant and local month, in Wh."""

    supply: str
    month: str
    hours: int
    consumption_wh: int
    share_wh: int
    self_wh: int
    grid_wh: int
    surplus_wh: int


@dataclass(frozen=True)
class Point:
    """The settled hours of one participant: (n,) hours since the epoch and their quality; `wh` (n, 5) in the order of
    SharedMonth.
    """

    supply: str
    hours: NDArray[np.int64]
    wh: NDArray[np.int64]
    quality: NDArray[np.uint8]


@dataclass(frozen=True)
class Settled:
    """What was shared; `generation`: hours and Wh of each month, as plain data."""

    points: tuple[Point, ...]
    generation: list[dict[str, str | int]]
    remarks: tuple[str, ...]
    clock: str

    def months(self) -> list[SharedMonth]:
        found = []
        for point in self.points:
            months = local_months(point.hours, self.clock)
            for month in np.unique(months).tolist():
                inside = months == month
                sums = point.wh[inside].sum(axis=0).tolist()
                found.append(SharedMonth(point.supply, month_name(month), int(inside.sum()), *sums))
        return found


def settle_files(
    files: Iterable[CurveFile], agreed: Agreements, generation: str, clock: str, span: tuple[int, int]
) -> Settled:
    """Shares the net generation of the point `generation`, what it gave less what it took, in the hours begin to end.

    A participant's hour is settled when it was measured and so was the generation's. Invalid when the generation is not in
    the files, or no participant is.
    """
    curves = _points(files)
    remarks: list[str] = []
    if _key(generation) not in curves:
        known = ", ".join(curve[0].name for curve in curves.values()) or "nothing"
        raise Invalid(f"The generation {generation!r} is not in the files; they have {known}.", field="generation")
    hours, values, source_quality = _joined(curves[_key(generation)], span)
    # What its inverter and auxiliaries take at night is consumption of the installation, and no negative share.
    net = np.maximum(values[:, EXPORT] - values[:, IMPORT], 0)
    shares = share_out(net, agreed.weights(hours, clock))
    points = []
    for column, supply in enumerate(agreed.supplies):
        if _key(supply) not in curves:
            remarks.append(f"{supply} is not in the files: its share is not settled.")
            continue
        own_hours, own_values, own_quality = _joined(curves[_key(supply)], span)
        both, mine, theirs = np.intersect1d(own_hours, hours, assume_unique=True, return_indices=True)
        lacking = len(hours) - len(both)
        if lacking:
            remarks.append(f"{supply}: {lacking:,} hours in which there was generation are missing and not settled.")
        unshared = len(own_hours) - len(both)
        if unshared:
            remarks.append(
                f"{supply}: {unshared:,} hours are not settled, because those of the generation are missing."
            )
        if own_values[:, EXPORT].any():
            remarks.append(f"{supply} fed in energy of its own, which is no part of the sharing and is left out.")
        consumption = own_values[mine, IMPORT]
        share = shares[theirs, column]
        settled = settle(consumption, share)
        wh = np.stack([consumption, share, settled.own, settled.grid, settled.surplus], axis=1)
        points.append(Point(supply, both, wh, weaker(own_quality[mine], source_quality[theirs])))
    if not points:
        raise Invalid(f"None of the participants of {agreed.cau} is in the files.", field="coefficients")
    return Settled(tuple(points), _months_of(hours, net, clock), tuple(remarks), clock)


def f5d(points: Sequence[Point], clock: str) -> Iterator[str]:
    """Rows of an F5D: what each participant took from the grid and fed in after sharing; doubtful hours are left out."""
    zone = ZoneInfo(clock)
    for point in points:
        for hour, wh, quality in zip(point.hours.tolist(), point.wh.tolist(), point.quality.tolist(), strict=True):
            if quality == DOUBTFUL:
                continue
            stamp = (hour_start(hour) + timedelta(hours=1)).astimezone(zone)
            summer = int(bool(stamp.dst()))
            yield f"{point.supply};{stamp:%Y/%m/%d %H:%M};{summer};{wh[3]};{wh[4]};0;0;0;0;{quality};1;;\n"


def _points(files: Iterable[CurveFile]) -> dict[str, list[SupplyCurve]]:
    found: dict[str, list[SupplyCurve]] = {}
    for file in files:
        for curve in filter(len, file.supplies):
            found.setdefault(_key(curve.name), []).append(curve)
    return found


def _key(name: str) -> str:
    """Files write the same CUPS with and without the two characters of its border point."""
    return name.upper()[:_SUPPLY] if name.upper().startswith("ES") and len(name) == _SUPPLY + 2 else name.upper()


def _joined(
    curves: Sequence[SupplyCurve], span: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """Hours of the span in order and each once, values and quality; of an hour in several files the last one read."""
    hours = np.concatenate([curve.start_hours for curve in curves])
    values = np.concatenate([curve.values for curve in curves])
    quality = np.concatenate([curve.quality for curve in curves])
    order = np.argsort(hours, kind="stable")
    last = np.append(hours[order][1:] != hours[order][:-1], True)
    kept = order[last]
    kept = kept[(hours[kept] >= span[0]) & (hours[kept] < span[1])]
    return hours[kept], values[kept], quality[kept]


def _months_of(hours: NDArray[np.int64], net: NDArray[np.int64], clock: str) -> list[dict[str, str | int]]:
    months = local_months(hours, clock)
    return [
        {"month": month_name(month), "hours": int((months == month).sum()), "wh": int(net[months == month].sum())}
        for month in np.unique(months).tolist()
    ]
