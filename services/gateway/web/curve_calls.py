"""What consumption pages ask of metering: billed periods, what is shown to members, and the hours of days that are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from coop.common.v1 import types_pb2
from coop.metering.v1 import metering_service_pb2 as metering
from flask_babel import get_locale

from services.chassis.periods import DatePeriod
from services.gateway import session
from services.gateway.compose.curves import BilledPeriodView, CurveView, over
from services.gateway.compose.fanout import Asked, Fanout, Part
from services.gateway.compose.spans import within
from services.gateway.web.frame import profile

MANY = 100
"""Billed periods asked for: more than eight years of months."""


@dataclass(frozen=True)
class Published:
    """The days that members see, the newest range first. `from_day` is the day of the next month from which a month is
    shown, 0 where billed days alone are."""

    periods: tuple[DatePeriod, ...]
    from_day: int

    @property
    def last_day(self) -> date | None:
        """The newest day that members see; None when there is none yet."""
        return self.periods[0].end - timedelta(days=1) if self.periods else None

    @property
    def first_day(self) -> date | None:
        """The oldest one."""
        return self.periods[-1].start if self.periods else None


class AskedCurve:
    """The hours of some days, asked for in the pieces that are shown."""

    def __init__(self, fanout: Fanout, supply_id: str, days: DatePeriod, published: Published) -> None:
        self.days = days
        self._asked = [ask_curve(fanout, supply_id, piece) for piece in within(published.periods, days)]

    @property
    def any(self) -> bool:
        """Whether a day of them is shown."""
        return bool(self._asked)

    def part(self) -> Part[CurveView]:
        """All the days asked for, those that are not shown without hours; or the error of any piece."""
        parts = [asked.part() for asked in self._asked]
        failed = next((part for part in parts if not part.ok), None)
        return failed or Part(over(self.days, [part.get() for part in parts], profile().time_zone))

    def get(self) -> CurveView:
        """The same. Raises CoopError."""
        return self.part().get()


def ask_periods(fanout: Fanout, supply_id: str) -> Asked[list[BilledPeriodView]]:
    """Ask for the billed periods, newest first."""
    return fanout.ask(
        session.upstream().metering.ListBilledPeriods,
        metering.ListBilledPeriodsRequest(supply_id=supply_id, page_size=MANY),
        lambda answer: [BilledPeriodView.of(billed) for billed in answer.periods],
    )


def ask_published(fanout: Fanout, supply_id: str) -> Asked[Published]:
    """Ask which days are shown to members."""
    return fanout.ask(
        session.upstream().metering.GetPublishedPeriods,
        metering.GetPublishedPeriodsRequest(supply_id=supply_id),
        lambda answer: Published(
            tuple(DatePeriod.parse(one.start, one.end) for one in answer.periods), answer.from_day
        ),
    )


def ask_curve(fanout: Fanout, supply_id: str, period: DatePeriod) -> Asked[CurveView]:
    """Ask for the hours of a range, every day of which must be shown."""
    return fanout.ask(
        session.upstream().metering.GetCurve,
        metering.GetCurveRequest(
            supply_id=supply_id,
            period=types_pb2.DatePeriod(start=period.start.isoformat(), end=period.end.isoformat()),
            language=get_locale().language,
        ),
        CurveView.of,
    )
