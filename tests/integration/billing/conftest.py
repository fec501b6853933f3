"""Billing's use cases on a real database, at the instant of the worked examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.chassis.clock import FixedClock
from services.chassis.db import Database
from tests.support.billing import NOW, Office


@pytest.fixture
def schema_of() -> str:
    return "billing"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, service="billing", clock=FixedClock(NOW))
    yield database
    database.close()


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    return Office(database, tmp_path)


@pytest.fixture
def office_ar(database: Database, tmp_path: Path) -> Office:
    return Office(database, tmp_path, "demo-ar")
