"""Fixtures that every kind of test may ask for."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from services.local.postgres import Postgres, PostgresMissing, postgres_server
from tests.support.kafka import kafka, secure_door
from tests.support.migrated import Migrated
from tests.support.needs import missing
from tests.support.sharing import Sharing, in_order

__all__ = ["kafka", "secure_door"]

# Properties are about results: on a busy machine an example may be slow, and that is no failure. The examples of a test are the
# same in every run, so that a change fails for what it changed; `--hypothesis-profile=explore` looks at others.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=False)
settings.register_profile("steady", settings.get_profile("explore"), derandomize=True, database=None)
settings.load_profile("steady")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing:
    return Sharing(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collecting makes a million objects that stay to the end: looking for garbage among them, then and in every test
    afterwards, takes a third of the time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    in_order(items)


SPARING = ("autovacuum=off", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=8GB", "checkpoint_timeout=1h")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the session. Hundreds of small databases, each used once: nothing is to be tidied up."""
    try:
        with postgres_server(SPARING) as server:
            yield server
    except PostgresMissing as why:
        missing(str(why))


@pytest.fixture
def schema_of() -> str:
    """The service whose schema databases have from the start; folders of tests that want one say which."""
    return ""


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    return Migrated(tmp_path_factory.mktemp("migrated"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, schema_of: str, migrated: Migrated) -> str:
    """A new database, once on SQLite and once on PostgreSQL: empty, or with the schema of a service."""
    path = tmp_path / "service.db"
    if request.param == "sqlite":
        return migrated.on_sqlite(schema_of, path) if schema_of else f"sqlite:///{path}"
    server: Postgres = request.getfixturevalue("postgres")
    return migrated.on_postgresql(schema_of, server) if schema_of else server.new_database()
