"""`coop.notifications.v1.NotificationsService`: a member's own notices and preferences, and the office's delivery log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from coop.notifications.v1 import notifications_service_pb2 as pb
from coop.notifications.v1 import notifications_service_pb2_grpc as pb_grpc
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Row

from services.chassis.context import caller
from services.chassis.db import Database, RequestKey
from services.chassis.errors import Invalid
from services.notifications import repository
from services.notifications.domain.delivery import State
from services.notifications.domain.recipients import ATTACHED, LINK, masked
from services.notifications.templates import Renderer

DEFAULT_PAGE, MAX_PAGE = 25, 200
_DELIVERY = {LINK: pb.INVOICE_DELIVERY_LINK, ATTACHED: pb.INVOICE_DELIVERY_ATTACHED}
_FROM_DELIVERY = {number: name for name, number in _DELIVERY.items()}
ItemT = TypeVar("ItemT")


class NotificationsServicer(pb_grpc.NotificationsServiceServicer):
    """A member reaches what belongs to the account of the session, and nothing else."""

    def __init__(self, database: Database, renderer: Renderer) -> None:
        self._database = database
        self._renderer = renderer

    def ListMyNotices(self, request: pb.ListMyNoticesRequest, _: Any) -> pb.ListMyNoticesResponse:
        size = _page_size(request.page_size)
        mine = caller().id
        with self._database.read() as connection:
            account = repository.account_of(connection, mine)
            rows = repository.list_notices(connection, mine, request.page_token, size + 1)
            unread = repository.count_unread(connection, mine)
        language = self._renderer.language(account.language if account else "")
        page, token = _page(rows, size)
        notices = [self._notice(row, language) for row in page]
        return pb.ListMyNoticesResponse(notices=notices, unread=unread, next_page_token=token)

    def GetMailsOfEvents(self, request: pb.GetMailsOfEventsRequest, _: Any) -> pb.GetMailsOfEventsResponse:
        if len(request.event_ids) > MAX_PAGE:
            raise Invalid(f"{len(request.event_ids)} events are too many: ask for {MAX_PAGE}.", field="event_ids")
        with self._database.read() as connection:
            found = repository.mails_of(connection, request.event_ids)
        return pb.GetMailsOfEventsResponse(
            mails=[pb.MailsOfEvent(event_id=each, state=_together(found.get(each))) for each in request.event_ids]
        )

    def MarkNoticeRead(self, request: pb.MarkNoticeReadRequest, _: Any) -> pb.MarkNoticeReadResponse:
        with self._database.write() as tx:
            repository.mark_read(tx.connection, caller().id, request.notice_id, tx.clock.now())
        return pb.MarkNoticeReadResponse()

    def GetMyPreferences(self, _request: pb.GetMyPreferencesRequest, _: Any) -> pb.GetMyPreferencesResponse:
        with self._database.read() as connection:
            delivery = repository.delivery_of(connection, caller().id)
        return pb.GetMyPreferencesResponse(preferences=pb.Preferences(invoice_delivery=_DELIVERY[delivery]))

    def UpdateMyPreferences(self, request: pb.UpdateMyPreferencesRequest, _: Any) -> pb.UpdateMyPreferencesResponse:
        delivery = _FROM_DELIVERY.get(request.preferences.invoice_delivery)
        if delivery is None:
            raise Invalid(
                "Say how invoices shall arrive: as a link or attached to the mail.",
                field="preferences.invoice_delivery",
            )

        with self._database.write() as tx:

            def put() -> str:
                repository.put_delivery(tx.connection, caller().id, delivery)
                return delivery

            kept = tx.once(RequestKey.of("UpdateMyPreferences", request), put)
        return pb.UpdateMyPreferencesResponse(preferences=pb.Preferences(invoice_delivery=_DELIVERY[kept]))

    def ListMessages(self, request: pb.ListMessagesRequest, _: Any) -> pb.ListMessagesResponse:
        known = {state.value for state in State}
        if request.state and request.state not in known:
            raise Invalid(
                f"{request.state!r} is no state of a mail: known are {', '.join(sorted(known))}.", field="state"
            )
        size = _page_size(request.page_size)
        with self._database.read() as connection:
            rows = repository.list_messages(connection, request.state, request.page_token, size + 1)
        page, token = _page(rows, size)
        return pb.ListMessagesResponse(messages=[_message(row) for row in page], next_page_token=token)

    def _notice(self, row: Row[Any], language: str) -> pb.Notice:
        title, body = self._renderer.notice(row.kind, row.template_version, language, row.data)
        return pb.Notice(
            id=row.id,
            kind=row.kind,
            title=title,
            body=body,
            link=row.link,
            created_at=_timestamp(row.created_at),
            read=row.read_at is not None,
            supply_id=row.supply_id,
        )


def _message(row: Row[Any]) -> pb.Message:
    return pb.Message(
        id=row.id,
        kind=row.kind,
        to_masked=masked(row.recipient),
        state=row.state,
        attempts=row.attempts,
        last_error=row.last_error,
        created_at=_timestamp(row.created_at),
        delivered_at=_timestamp(row.delivered_at) if row.delivered_at else None,
    )


def _page_size(wanted: int) -> int:
    if wanted < 0:
        raise Invalid(f"page_size {wanted} must not be negative.", field="page_size")
    return min(wanted or DEFAULT_PAGE, MAX_PAGE)


def _page(rows: Sequence[Row[Any]], size: int) -> tuple[Sequence[Row[Any]], str]:
    """The page and the token of the next: the id of the last row, since ids follow time."""
    return rows[:size], rows[size - 1].id if len(rows) > size else ""


def _timestamp(at: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(at)
    return made


def _together(states: set[str] | None) -> str:
    """What became of all the mails of an event."""
    if states is None:
        return "unknown"
    if not states:
        return "none"
    return "failed" if states == {State.FAILED} else "sent"
