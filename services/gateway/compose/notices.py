"""Notices, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from coop.notifications.v1 import notifications_service_pb2 as notifications


@dataclass(frozen=True)
class NoticeView:
    id: str
    kind: str
    title: str
    body: str
    link: str
    at: datetime
    read: bool
    supply_id: str = ""

    @classmethod
    def of(cls, notice: notifications.Notice) -> NoticeView:
        link = notice.link if notice.link.startswith("/") and not notice.link.startswith("//") else ""
        return cls(
            notice.id,
            notice.kind,
            notice.title,
            notice.body,
            link,
            notice.created_at.ToDatetime(tzinfo=UTC),
            notice.read,
            notice.supply_id,
        )


@dataclass(frozen=True)
class Notices:
    """One page of the inbox, newest first."""

    notices: tuple[NoticeView, ...]
    unread: int
    next_page_token: str

    @classmethod
    def of(cls, response: notifications.ListMyNoticesResponse) -> Notices:
        return cls(
            tuple(NoticeView.of(notice) for notice in response.notices), response.unread, response.next_page_token
        )
