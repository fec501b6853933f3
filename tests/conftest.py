"""Fixtures that every kind of test may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.local.postgres import Postgres, PostgresMissing, postgres_server
from tests.support.needs import missing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two workers share the tests: those around one running platform stay together, others by file."""
    for item in items:
        folder = item.path.relative_to(item.config.rootpath).parts[1]
        item.add_marker(pytest.mark.xdist_group(folder if folder in ("e2e", "system") else str(item.path)))


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
