"""Metering's use cases on a real database, with a cooperative in Madrid at a fixed instant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.chassis.clock import FixedClock
from services.chassis.db import Database
from services.metering.application.import_readings import ReadingsImporter
from tests.support.metering import MADRID, NOW, Metering


@pytest.fixture
def schema_of() -> str:
    return "metering"


@pytest.fixture
def metering(database_url: str, tmp_path: Path) -> Iterator[Metering]:
    clock = FixedClock(NOW)
    database = Database(database_url, service="metering", clock=clock)
    yield Metering(database, clock, ReadingsImporter(database, clock, MADRID, tmp_path / "incoming", 50_000_000))
    database.close()
