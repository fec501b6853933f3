"""Fields that many messages of metering have, to our types and back."""

from __future__ import annotations

from datetime import UTC, date, datetime

from coop.common.v1 import types_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod


def timestamp(at: datetime) -> Timestamp:
    """An aware instant as a message."""
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def instant(message: Message, field: str) -> datetime | None:
    """The aware UTC instant of a message's Timestamp field, None when it is not set. Raises Invalid for an impossible one."""
    if not message.HasField(field):
        return None
    try:
        found: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as wrong:
        raise Invalid(f"{field} is no instant of the calendar: {wrong}.", field=field) from wrong
    return found


def period(message: types_pb2.DatePeriod, field: str) -> DatePeriod:
    """Local days, half-open. Raises Invalid naming the field."""
    try:
        return DatePeriod.parse(message.start, message.end)
    except ValueError as wrong:
        raise Invalid(f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.", field=field) from wrong


def period_message(days: DatePeriod) -> types_pb2.DatePeriod:
    """The message of a period."""
    return types_pb2.DatePeriod(start=days.start.isoformat(), end=days.end.isoformat())


def day_of_token(text: str) -> date:
    """The day that a page token carries. Raises Invalid for a token that is not one of ours."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(
            "page_token is not one of ours: use the next_page_token of the page before.", "PAGE_TOKEN"
        ) from None
