"""The inbox of notices in the portal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from coop.notifications.v1 import notifications_service_pb2 as pb

from services.chassis.errors import CoopError
from services.chassis.grpc.client import remote
from tests.support.notifications import (
    ANA,
    LUIS,
    SUPPLY,
    Running,
    eventually,
    invoice,
)
from tests.support.smtp import MailServer


def test_notices_are_their_accounts_own(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    running.tell("coop.billing.invoice.v1", SUPPLY, invoice(datetime.now(UTC).date()))
    mine, other = running.as_member(ANA), running.as_member(LUIS)
    eventually(lambda: mine.ListMyNotices(pb.ListMyNoticesRequest()).unread)
    (notice,) = mine.ListMyNotices(pb.ListMyNoticesRequest()).notices
    assert list(other.ListMyNotices(pb.ListMyNoticesRequest()).notices) == []
    with pytest.raises(CoopError) as refused, remote():
        other.MarkNoticeRead(pb.MarkNoticeReadRequest(notice_id=notice.id))
    assert refused.value.code == "NOT_FOUND"
    mine.MarkNoticeRead(pb.MarkNoticeReadRequest(notice_id=notice.id))
    assert mine.ListMyNotices(pb.ListMyNoticesRequest()).unread == 0
    with pytest.raises(CoopError) as forbidden, remote():
        mine.ListMessages(pb.ListMessagesRequest())
    assert forbidden.value.code == "PERMISSION_DENIED"


def test_long_inboxes_come_in_pages(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    today = datetime.now(UTC).date()
    for number in range(5):
        running.tell("coop.billing.invoice.v1", SUPPLY, invoice(today - timedelta(days=90), f"E2026-00000{number}"))
    mine = running.as_member(ANA)
    eventually(lambda: mine.ListMyNotices(pb.ListMyNoticesRequest()).unread == 5)
    seen: list[str] = []
    token = ""
    while True:
        answer = mine.ListMyNotices(pb.ListMyNoticesRequest(page_size=2, page_token=token))
        seen += [notice.id for notice in answer.notices]
        token = answer.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)
