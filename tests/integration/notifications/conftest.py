"""A running service, and a mail server for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.notifications import Running
from tests.support.smtp import MailServer, mail_server


@pytest.fixture
def schema_of() -> str:
    return "notifications"


@pytest.fixture
def running(database_url: str, tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path, database_url)
    yield made
    made.close()


@pytest.fixture
def mailbox(running: Running) -> Iterator[MailServer]:
    with mail_server(running.smtp_port) as server:
        yield server
