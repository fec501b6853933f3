"""Fixtures that every kind of test may ask for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.local.postgres import Postgres, PostgresMissing, postgres_server
from tests.support.kafka import kafka
from tests.support.needs import missing
from tests.support.sharing import Sharing, in_order

__all__ = ["kafka"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing:
    return Sharing(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    in_order(items)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the session."""
    try:
        with postgres_server() as server:
            yield server
    except PostgresMissing as why:
        missing(str(why))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'service.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()
