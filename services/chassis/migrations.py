"""Schema migrations with Alembic, without an ini file: each service has ``migrations/env.py`` (three lines) and ``versions/``.

``python -m services.chassis.migrations billing "Add instalments"`` writes the next numbered revision from the models.
"""

import importlib
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData

from services.chassis.columns import BigKey, Json, ScaledDecimal, UtcDateTime
from services.chassis.db import Database
from services.chassis.schema_history import History, config_of
from services.chassis.schema_state import SchemaError, SchemaState, of_a_service, state
from services.chassis.schema_steps import Patience
from services.chassis.schema_upgrade import upgrade

__all__ = ["Patience", "SchemaError", "SchemaState", "at_head", "metadata_of", "new_revision", "state", "upgrade"]


def _config(service: str) -> Config:
    return config_of(History(service).folder)


def metadata_of(service: str) -> MetaData:
    """The models of a service: ``services.<service>.tables.metadata``."""
    found: MetaData = importlib.import_module(f"services.{service}.tables").metadata
    return found


def at_head(database: Database, service: str) -> bool:
    """True when the database has every revision that this code knows, and no other."""
    return state(database, service).condition == "head"


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
        include_object=of_a_service,
        transactional_ddl=False,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    context.run_migrations()


def new_revision(service: str, message: str) -> Path:
    """Writes the next revision from the difference between head and the models."""
    config = _config(service)
    number = f"{len(History(service).revisions) + 1:04d}"
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
