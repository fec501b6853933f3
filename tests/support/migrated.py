"""Databases that have a service's schema already: migrated once in a session, then copied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url

from services.chassis import migrations
from services.chassis.db import Database, Transaction
from services.local.postgres import Postgres
from services.staff import database_roles
from services.staff.database_urls import Access

SERVING = "serving_a"
"""Whom tests of a service are on PostgreSQL: a login that may not change the schema."""


class Migrated:
    """Templates of one session, one for each service and kind of database, made when somebody asks first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: set[str] = set()

    def on_sqlite(self, service: str, path: Path) -> str:
        """The address of a new file with the service's schema."""
        template = self._folder / f"{service}.db"
        if not template.exists():
            _migrate(f"sqlite:///{template}", service)
        shutil.copyfile(template, path)
        return f"sqlite:///{path}"

    def on_postgresql(self, service: str, server: Postgres) -> str:
        """The address of a new database with the service's schema, for who serves: rows alone, as in an installation."""
        template = f"template_{service}"
        if template not in self._made:
            url = server.new_database(template)
            _migrate(url, service)
            _grant(make_url(url), service)
            self._made.add(template)
        url = make_url(server.new_database(template=template))
        return url.set(username=SERVING).render_as_string()


@contextmanager
def as_owner(database: Database) -> Iterator[Transaction]:
    """A transaction of somebody who may do anything to the tables, such as get round their guards."""
    if database.is_sqlite:
        owner = database
    else:
        url = database.url.set(username="postgres").render_as_string(hide_password=False)
        owner = Database(url, service=database.service, clock=database.clock, pool_size=1)
    try:
        with owner.write() as tx:
            yield tx
    finally:
        if owner is not database:
            owner.close()


def _grant(administrator: URL, service: str) -> None:
    """The rights that `coopctl admin databases` gives; they go with the copies of the database."""
    password = "asked of nobody here"
    access = Access(
        service,
        owner=administrator.set(username="owning", password=password),
        app=administrator.set(username=SERVING, password=password),
    )
    with closing(database_roles.connect(administrator)) as link:
        for steps in (database_roles.of_the_server, database_roles.of_the_database, database_roles.logins):
            for step in steps(link, access):
                for statement in step.statements:
                    link.execute(statement)
        # A copy of the database does not belong to the tables' owner, as whom the server looks up what rows refer to.
        link.execute("GRANT USAGE ON SCHEMA public TO owning")


def _migrate(url: str, service: str) -> None:
    database = Database(url)
    migrations.upgrade(database, service)
    database.close()
