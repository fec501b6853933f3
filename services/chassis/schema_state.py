"""Whether code and schema go together: what older and newer code of a service asks before it serves.

``schema_support`` stands beside Alembic's own table: a row per revision that the database has had, with the oldest code that
runs with it. Code that meets a newer schema does not know its revisions, so it is the database that has to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from alembic.migration import MigrationContext
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, inspect, select, text

from services.chassis.db import Database
from services.chassis.environment import SettingsError
from services.chassis.schema_history import History

VERSION_TABLE = "alembic_version"
SUPPORT = Table(
    "schema_support",
    MetaData(),
    Column("revision", String(32), primary_key=True),
    # Place in the line of revisions, from 1.
    Column("position", Integer, nullable=False),
    # The oldest code that runs with the schema at this revision, named by the head that the code knows.
    Column("oldest", String(32), nullable=False),
)


class SchemaError(SettingsError):
    """The schema cannot be brought to where this code needs it; the sentence says why and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__([sentence])


@dataclass(frozen=True)
class SchemaState:
    """``found`` is the database's revision, empty without any; ``needed`` the head of this code.

    * ``head``: they are the same;
    * ``newer``: the schema is ahead and says that this code still runs with it;
    * ``older``: the schema has to be migrated first, which is worth waiting for;
    * ``refused``: the schema is ahead and says nothing of this code, or that it is too old.
    """

    condition: Literal["head", "newer", "older", "refused"]
    found: str
    needed: str
    sentence: str

    @property
    def served(self) -> bool:
        return self.condition in ("head", "newer")


def state(database: Database, service: str, history: History | None = None) -> SchemaState:
    """Compares the database with the code. Raises SQLAlchemy's errors when the database does not answer."""
    with database.read() as connection:
        return state_of(connection, history or History(service))


def state_of(connection: Connection, history: History) -> SchemaState:
    """The same inside a transaction."""
    service, needed = history.service, history.head
    found = current(connection)
    if found == needed:
        return SchemaState("head", found, needed, f"The schema of {service} is at {needed}, as this code needs it.")
    if not found or found in history.positions:
        where = f"is at {found}" if found else "is not there yet"
        return SchemaState(
            "older",
            found,
            needed,
            f"The schema of {service} {where}; this code needs {needed}: run 'python -m services.{service} migrate'.",
        )
    ahead = f"The schema of {service} is at {found}, newer than this code, which is of {needed}"
    kept = support_rows(connection)
    if found not in kept or needed not in kept:
        sentence = f"{ahead}, and does not say that such code still runs with it: start the release that made it."
        return SchemaState("refused", found, needed, sentence)
    oldest = kept[found][1]
    if kept[needed][0] < kept[oldest][0]:
        sentence = f"{ahead}; it runs with code from {oldest} on: start a newer release. A schema is never taken back."
        return SchemaState("refused", found, needed, sentence)
    return SchemaState("newer", found, needed, f"{ahead}, and still runs with code from {oldest} on.")


def current(connection: Connection) -> str:
    """The revision that the database is at; empty without any."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def support_rows(connection: Connection) -> dict[str, tuple[int, str]]:
    """Position and oldest code of each revision that was noted."""
    if not inspect(connection).has_table(SUPPORT.name):
        return {}
    return {row.revision: (row.position, row.oldest) for row in connection.execute(select(SUPPORT))}


def note_support(connection: Connection, history: History, found: str) -> None:
    """Notes every revision up to ``found``, as this code knows them; changes nothing when all of it is noted."""
    known = history.positions
    wanted = {
        name: (place, history.oldest[name]) for name, place in known.items() if found and place <= known.get(found, 0)
    }
    kept = support_rows(connection)
    if all(kept.get(name) == row for name, row in wanted.items()):
        return
    SUPPORT.create(connection, checkfirst=True)
    connection.execute(SUPPORT.delete().where(SUPPORT.c.revision.in_(list(wanted))))
    rows = [{"revision": name, "position": place, "oldest": oldest} for name, (place, oldest) in wanted.items()]
    connection.execute(SUPPORT.insert(), rows)


def keep_from_others(connection: Connection) -> None:
    """On PostgreSQL: whoever serves may read which revision the schema is at, and not change it."""
    found = connection.execute(
        text(
            "SELECT DISTINCT table_name, grantee FROM information_schema.role_table_grants WHERE table_schema = "
            "current_schema() AND table_name IN (:version, :support) AND privilege_type <> 'SELECT' "
            "AND grantee <> current_user"
        ),
        {"version": VERSION_TABLE, "support": SUPPORT.name},
    ).all()
    quote: Callable[[str], str] = connection.dialect.identifier_preparer.quote
    for table, grantee in found:
        whom = "PUBLIC" if grantee == "PUBLIC" else quote(grantee)
        connection.exec_driver_sql(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {quote(table)} FROM {whom}")


def of_a_service(item: Any, name: str | None, kind: str, *_: Any) -> bool:
    """Alembic's ``include_object``: what is compared with the models of a service."""
    return not (kind == "table" and name == SUPPORT.name)
