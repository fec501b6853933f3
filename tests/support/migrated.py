"""Databases that have a service's schema already: migrated once in a session, then copied."""

from __future__ import annotations

import shutil
from pathlib import Path

from services.chassis import migrations
from services.chassis.db import Database
from services.local.postgres import Postgres


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
        """The address of a new database with the service's schema."""
        template = f"template_{service}"
        if template not in self._made:
            _migrate(server.new_database(template), service)
            self._made.add(template)
        return server.new_database(template=template)


def _migrate(url: str, service: str) -> None:
    database = Database(url)
    migrations.upgrade(database, service)
    database.close()
