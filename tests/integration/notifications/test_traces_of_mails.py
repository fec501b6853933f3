"""A mail goes on with the trace of the event that it is about, however late it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from services.chassis import tracing
from services.chassis.eventlog import Record
from tests.support.collector import Collector, collector
from tests.support.notifications import ANA, Running, activation, eventually
from tests.support.smtp import mail_server

#: What the database keeps of it is a text: one kind of database is enough.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TRACE, CALL = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def traces() -> Iterator[Collector]:
    with collector() as running:
        tracing.configure("notifications", running.url)
        yield running
        tracing.shutdown()


def test_a_mail_is_sent_on_the_trace_of_its_event_even_after_a_restart(running: Running, traces: Collector) -> None:
    asked = activation()
    headers = {
        "ce_id": "event-1",
        "ce_type": asked.DESCRIPTOR.full_name,
        "ce_source": "identity",
        "ce_time": datetime.now(UTC).isoformat(),
        "traceparent": f"00-{TRACE}-{CALL}-01",
    }
    running.log.append([Record("coop.identity.account.v1", ANA, asked.SerializeToString(), headers)])
    eventually(lambda: [row for row in running.rows() if row.last_error])
    running.restart()
    with mail_server(running.smtp_port) as server:
        eventually(lambda: server.mails)
        eventually(lambda: [span for span in traces.trace(TRACE) if span.name.startswith("publish ")])
    spans = traces.trace(TRACE)
    [handled] = [span for span in spans if span.name.startswith("handle ")]
    attempts = [span for span in spans if span.name == "send mail"]
    assert handled.parent == CALL and {span.parent for span in attempts} == {handled.id}
    assert [span.failed for span in attempts] == [True] * (len(attempts) - 1) + [False] and len(attempts) > 1
    assert {span.attributes["message.kind"] for span in attempts} == {"activation"}
    # What is told of the delivery, and the link that was asked for, are part of sending.
    [told] = [span for span in spans if span.name == "publish coop.notifications.message.v1"]
    assert told.parent == attempts[-1].id
    assert "coop.identity.v1.IdentityService/IssueMailToken" in {span.name for span in spans}
