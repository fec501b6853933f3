"""What one measuring point needs estimated in a range of days: everything the rules ask for, gathered and applied."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar

from sqlalchemy import Connection

from services.chassis.errors import CoopError
from services.chassis.periods import DatePeriod
from services.metering.application.closes import closes_between
from services.metering.domain.calendar import FLAT, TARIFF_PERIODS, ZONE_TIME
from services.metering.domain.estimation.closes import Close, rank
from services.metering.domain.estimation.contract import (
    LARGE,
    Contract,
    History,
    history_of,
    history_of_close,
    meter_type_of,
    year_before,
)
from services.metering.domain.estimation.gaps import Laid, fill, needs_history
from services.metering.domain.estimation.profiles import EvenProfile, Profile, load_profiles, sample_profile
from services.metering.domain.estimation.resting import LOOK_BACK
from services.metering.domain.estimation.series import HourSeries, series_of
from services.metering.domain.hours import FIRST_DAY, LocalDays, day_number
from services.metering.domain.register_closes import MeterClose, joined
from services.metering.domain.registers import WH
from services.metering.repository import curves, points, profiles
from services.metering.repository.points import ContractTariff, Point

LONGEST_CLOSE = 400
"""Days: readings farther apart say too little about a month to estimate its hours from."""

SAMPLES = ("2.0TD", "3.0TD")
"""Tariffs whose sample profile comes with the system."""


@dataclass(frozen=True)
class Assessment:
    """The days of one tariff of a point: what is to be laid over them and from what it was made.

    ``stored`` is the measured curve. ``problem`` says why nothing could be estimated; ``laid`` is None then.
    """

    period: DatePeriod
    tariff: str
    profile: str
    reading_ids: tuple[str, ...]
    stored: HourSeries
    laid: Laid | None
    problem: str = ""


def assess(connection: Connection, days: LocalDays, point: Point, period: DatePeriod) -> list[Assessment]:
    """The days asked for and those of closes that reach into them, cut where the tariff changes; uncontracted days left out."""
    contracts = points.contracts_of(connection, point.key)
    found = closes_between(connection, [point.key], period.start, period.end).get(point.key, [])
    made = []
    for tariff, span, power_w in segments(contracts, period):
        inside = [one for one in found if _usable(one) and _within(one, tariff, contracts)]
        touching = joined([one for one in inside if one.period.intersection(span)], span)
        start = min([span.start, *(one.period.start for one in touching)])
        end = max([span.end, *(one.period.end for one in touching)])
        made.append(_assess(connection, days, point, DatePeriod(start, end), tariff, power_w, touching))
    return made


def segments(contracts: Sequence[ContractTariff], period: DatePeriod) -> list[tuple[str, DatePeriod, tuple[int, ...]]]:
    """The contracted days of a period, cut where the tariff changes: tariff, days, and the W contracted last in them."""
    found: list[tuple[str, DatePeriod, tuple[int, ...]]] = []
    for contract in contracts:
        span = period.intersection(DatePeriod(contract.start, contract.end or date.max))
        if span is None:
            continue
        if found and found[-1][0] == contract.tariff and found[-1][1].end == span.start:
            found[-1] = (contract.tariff, DatePeriod(found[-1][1].start, span.end), contract.power_w)
        else:
            found.append((contract.tariff, span, contract.power_w))
    return found


def profile_for(connection: Connection, tariff: str) -> Profile:
    """The profile in force: the one uploaded last, else the sample, else the same for every hour."""
    stored = profiles.in_force(connection, tariff)
    if stored is not None:
        return _Parsed.of(connection, stored.id, tariff)
    return sample_profile(tariff) if tariff in SAMPLES else EvenProfile(tariff)


class _Parsed:
    """Uploaded profiles by id, parsed once: an upload is never changed."""

    _lock = threading.Lock()
    _profiles: ClassVar[dict[str, Profile]] = {}

    @classmethod
    def of(cls, connection: Connection, profile_id: str, tariff: str) -> Profile:
        with cls._lock:
            if profile_id not in cls._profiles:
                text = profiles.content_of(connection, profile_id)
                cls._profiles[profile_id] = load_profiles(text.splitlines()).profiles[tariff]
            return cls._profiles[profile_id]


def _assess(
    connection: Connection,
    days: LocalDays,
    point: Point,
    period: DatePeriod,
    tariff: str,
    power_w: tuple[int, ...],
    found: Sequence[MeterClose],
) -> Assessment:
    profile = profile_for(connection, tariff)
    known = tariff in TARIFF_PERIODS and point.tariff_zone in ZONE_TIME
    contract = Contract(tariff if known else FLAT, point.tariff_zone, power_w, meter_type_of(power_w))
    closes = [one.close(contract.calendar.periods) for one in found]
    if any(one is None for one in closes):
        # A meter with one register says nothing of tariff periods: its energy is placed over all hours together.
        contract = replace(contract, tariff=FLAT)
        closes = [Close(one.period, (sum(one.used),), one.origin) for one in found]
    usable = [one for one in closes if one is not None]
    stored = measured(connection, days, point, period)
    reading_ids = tuple(dict.fromkeys(reading for one in found for reading in one.reading_ids))
    assessed = Assessment(period, contract.tariff, "; ".join(profile.sources), reading_ids, stored, None)
    history = before = None
    try:
        if needs_history(period, days, stored, usable, contract):
            history = _history(connection, days, point, period, contract)
            before = _before(connection, days, point, period, contract)
        return replace(assessed, laid=fill(period, days, stored, usable, history, contract, profile, before))
    except CoopError as wrong:
        return replace(assessed, problem=wrong.message)


def measured(connection: Connection, days: LocalDays, point: Point, period: DatePeriod) -> HourSeries:
    """The curve as meters and distributors gave it, without any estimate of ours."""
    rows = curves.curves_between(connection, [point.key], day_number(period.start), day_number(period.end))
    return series_of(days, period, rows.day, rows.curves)


def _history(
    connection: Connection, days: LocalDays, point: Point, period: DatePeriod, contract: Contract
) -> History | None:
    """The same days last year where they were really measured: by the curve, else by a close of just those days."""
    then = year_before(period)
    found = history_of(contract, measured(connection, days, point, then), then)
    if None not in found.wh:
        return found
    for one in closes_between(connection, [point.key], then.start, then.end).get(point.key, []):
        close = one.close(contract.calendar.periods)
        if close is not None and close.period == then:
            return history_of_close(contract, close, days) or found
    return found if any(wh is not None for wh in found.wh) else None


def _before(
    connection: Connection, days: LocalDays, point: Point, period: DatePeriod, contract: Contract
) -> HourSeries | None:
    """The weeks before, which only the gaps of a large meter are estimated from."""
    if contract.meter_type not in LARGE:
        return None
    return measured(connection, days, point, DatePeriod(max(period.start - LOOK_BACK, FIRST_DAY), period.start))


def _usable(close: MeterClose) -> bool:
    return close.unit == WH and rank(close.origin) >= 2 and close.period.days <= LONGEST_CLOSE


def _within(close: MeterClose, tariff: str, contracts: Sequence[ContractTariff]) -> bool:
    """Whether the tariff was in force on every day of the close: one across a change cannot be placed."""
    return any(name == tariff and span == close.period for name, span, _ in segments(contracts, close.period))
