"""What notifications tells of its mails to those who watch."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from services.chassis.telemetry.metrics import Reading, looked_up
from services.chassis.watch import Watched, age
from services.notifications.domain.delivery import State
from services.notifications.tables import message

FAILED_WITHIN = timedelta(hours=24)

MAILS_WAITING = looked_up("coop_mails_waiting", "E-mails that are queued")
MAILS_AGE = looked_up("coop_mails_age_seconds", "Age of the oldest queued e-mail; 0 when none waits")
MAILS_FAILED = looked_up("coop_mails_failed_24h", "E-mails queued within the last 24 hours that were given up")


def watched() -> list[Watched]:
    return [Watched("queued mails", _queued), Watched("failed mails", _failed)]


def _queued(connection: Connection, now: datetime) -> list[Reading]:
    query = select(func.count(), func.min(message.c.created_at)).where(message.c.state == State.QUEUED)
    waiting, oldest = connection.execute(query).one()
    return [Reading(MAILS_WAITING, waiting), Reading(MAILS_AGE, age(oldest, now))]


def _failed(connection: Connection, now: datetime) -> list[Reading]:
    query = select(func.count()).where(message.c.state == State.FAILED, message.c.created_at > now - FAILED_WITHIN)
    return [Reading(MAILS_FAILED, connection.execute(query).scalar_one())]
