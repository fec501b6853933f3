"""Five databases as a cluster has them, for the scripts that back them up and restore them."""

import os
import subprocess
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from services.local.postgres import Postgres
from tests.deploy.tools import DEPLOY
from tests.support.migrated import Migrated

SCRIPTS = DEPLOY / "k8s/components/backup"
PROGRAMS = "/usr/lib/postgresql/15/bin"
SERVICES = ("identity", "supplies", "metering", "billing", "notifications")


class Databases:
    """Five databases with the services' schemas, in a table `told` of which goes what one tells the other."""

    def __init__(self, server: Postgres, migrated: Migrated, folder: Path) -> None:
        self.folder = folder
        made = {service: make_url(migrated.on_postgresql(service, server)) for service in SERVICES}
        self.urls = {service: url.set(username="postgres").render_as_string() for service, url in made.items()}
        (folder / "urls").mkdir()
        for service, url in self.urls.items():
            (folder / "urls" / f"{service}.url").write_text(url)
            self.run(service, "CREATE TABLE told (number bigint PRIMARY KEY)")
        (folder / "files" / "billing").mkdir(parents=True)
        (folder / "files" / "billing" / "ab").mkdir()
        (folder / "files" / "billing" / "ab" / "document").write_bytes(b"signed")
        (folder / "files" / "metering").mkdir()  # with nothing in it
        (folder / "backup").mkdir()

    def connect(self, service: str) -> psycopg.Connection:
        return psycopg.connect(self.urls[service].replace("+psycopg", ""), autocommit=True)

    def run(self, service: str, statement: str) -> list[int]:
        with self.connect(service) as connection:
            found = connection.execute(statement)
            return [int(row[0]) for row in found.fetchall()] if found.description else []

    def sessions(self) -> int:
        """How many there are in all five; that of somebody who hung up goes on for a moment."""
        names = [make_url(url).database for url in self.urls.values()]
        asking = make_url(self.urls["billing"]).set(drivername="postgresql", database="postgres")
        with psycopg.connect(asking.render_as_string()) as connection:
            among = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = ANY(%s)"
            (count,) = connection.execute(among, (names,)).fetchone() or (0,)
        return int(count)

    def script(self, name: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        places = {place.upper(): str(self.folder / place) for place in ("urls", "files")}
        environment = {
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "TARGET": str(self.folder / "backup"),
            "PAUSE": "0.2",
            "EVENTS": "none",
            **places,
            **more,
        }
        return subprocess.run(
            [str(SCRIPTS / name), *arguments], env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    def backups(self) -> list[Path]:
        return sorted(path for path in (self.folder / "backup").iterdir())
