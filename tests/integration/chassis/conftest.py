"""The chassis' event machinery on both databases, with the embedded event log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.chassis.db import Database
from services.chassis.eventlog import EventLog, open_event_log
from tests.integration.chassis import ledger


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = ledger.prepare(database_url)
    yield made
    made.close()


@pytest.fixture
def event_log_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/eventlog.db"


@pytest.fixture
def event_log(event_log_url: str) -> Iterator[EventLog]:
    with open_event_log(event_log_url) as opened:
        opened.ensure_topics([ledger.TOPIC], partitions=4)
        yield opened
