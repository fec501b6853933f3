"""Schema migrations with Alembic, without an ini file: each service has ``migrations/env.py`` (three lines) and ``versions/``.

``python -m services.chassis.migrations billing "Add instalments"`` writes the next numbered revision from the models.
"""

import importlib
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from alembic import command, context
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, text

from services.chassis.columns import BigKey, Json, ScaledDecimal, UtcDateTime
from services.chassis.db import Database


def _config(service: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / service / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def metadata_of(service: str) -> MetaData:
    """The models of a service: ``services.<service>.tables.metadata``."""
    found: MetaData = importlib.import_module(f"services.{service}.tables").metadata
    return found


def upgrade(database: Database, service: str) -> None:
    """Brings the schema to head. Two starters do not collide: SQLite's write lock or a PostgreSQL advisory lock orders them."""
    config = _config(service)
    with _writing(database) as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('acometida-migrate'))"))
        before = MigrationContext.configure(connection).get_current_revision()
        config.attributes.update(connection=connection, metadata=metadata_of(service))
        command.upgrade(config, "head")
        if database.is_sqlite and MigrationContext.configure(connection).get_current_revision() != before:
            _check_references(connection)


@contextmanager
def _writing(database: Database) -> Iterator[Connection]:
    """A write transaction; on SQLite one that may replace a table to which others refer, as changing a constraint takes
    there (https://www.sqlite.org/lang_altertable.html#otheralter). The switch has no effect once a transaction has begun.
    """
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if database.is_sqlite:
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
        finally:
            if database.is_sqlite:
                driver.execute("PRAGMA foreign_keys=ON")


def _check_references(connection: Connection) -> None:
    """What SQLite did not check meanwhile; nothing is committed when a row refers to one that is not there."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise RuntimeError(
            f"the migration left {len(broken)} rows that refer to rows which are not there: {broken[:3]}"
        )


def at_head(database: Database, service: str) -> bool:
    """True when the database has every revision that this code knows."""
    head = ScriptDirectory.from_config(_config(service)).get_current_head()
    with database.read() as connection:
        if "alembic_version" not in inspect(connection).get_table_names():
            return False
        return MigrationContext.configure(connection).get_current_revision() == head


def _render(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Migrations name plain column types: they must mean the same when the models have moved on."""
    if kind != "type":
        return False
    if isinstance(item, ScaledDecimal):
        return "sa.BigInteger()"
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, Json):
        return "sa.Text()"
    if item is BigKey:
        return "sa.BigInteger().with_variant(sa.Integer(), 'sqlite')"
    return False


def run_env() -> None:
    """The whole of a service's ``env.py``."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=context.config.attributes["metadata"],
        render_item=_render,
        compare_type=True,
        transactional_ddl=False,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    context.run_migrations()


def new_revision(service: str, message: str) -> Path:
    """Writes the next revision from the difference between head and the models."""
    config = _config(service)
    script = ScriptDirectory.from_config(config)
    number = f"{len(list(script.walk_revisions())) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/schema.db")
        upgrade(database, service)
        with database.write() as tx:
            config.attributes.update(connection=tx.connection, metadata=metadata_of(service))
            made = command.revision(config, message=message, autogenerate=True, rev_id=number)
        database.close()
    assert made is not None and not isinstance(made, list)
    path = Path(made.path)
    slug = re.sub(r"\W+", "_", message.lower()).strip("_")
    return path.rename(path.with_name(f"{number}_{slug}.py"))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit('Say the service and what changes: python -m services.chassis.migrations billing "Add instalments"')
    print(new_revision(sys.argv[1], sys.argv[2]))
