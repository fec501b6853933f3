"""A throw-away PostgreSQL 15 on a loopback port: its own folder, its own server, stopped with the session."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from services.local.ports import free_port

_BINARIES = Path("/usr/lib/postgresql/15/bin")


class PostgresMissing(Exception):
    """PostgreSQL cannot be started here; the message says what is missing."""


def _user() -> str | None:
    """initdb refuses root: as root, the server runs as the user the Debian package made."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise PostgresMissing("There is no user postgres: install the Debian package postgresql-15.") from None


class Postgres:
    """A running server; ``new_database()`` gives the SQLAlchemy address of an empty one."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._made = 0

    def new_database(self, name: str = "", template: str = "template1") -> str:
        """The SQLAlchemy address of a new database; ``template``: the one it is a copy of, to which nobody is connected."""
        self._made += 1
        name = name or f"test_{os.getpid()}_{self._made}"
        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", autocommit=True) as link:
            # Copied as files: through the log, the other way, a database takes twice the work.
            link.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"


@contextmanager
def postgres_server(settings: Sequence[str] = ()) -> Iterator[Postgres]:
    """Starts a server in a temporary folder and removes both at the end. Raises PostgresMissing.

    ``settings``: more of the server's, such as "autovacuum=off".
    """
    if not (_BINARIES / "initdb").exists():
        raise PostgresMissing(f"{_BINARIES}/initdb is not on this machine: install the Debian package postgresql-15.")
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="acometida-pg-"))
    port = free_port()
    if user:
        shutil.chown(folder, user, user)

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(_BINARIES / program), *arguments],
            user=user,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
        )
        if done.returncode:
            raise PostgresMissing(f"{program} failed: {done.stdout[-500:]}")

    data = folder / "data"
    run("initdb", "--pgdata", str(data), "--username", "postgres", "--auth", "trust", "--encoding", "UTF8")
    options = (
        f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c max_connections=200 -c shared_buffers=128MB"
        # A throw-away server may lose its data with the machine, not with a killed client: fsync proves nothing here.
        " -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
    )
    options += "".join(f" -c {setting}" for setting in settings)
    run("pg_ctl", "--pgdata", str(data), "--wait", "--log", str(folder / "log"), "--options", options, "start")
    try:
        yield Postgres(port)
    finally:
        run("pg_ctl", "--pgdata", str(data), "--wait", "--mode", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
