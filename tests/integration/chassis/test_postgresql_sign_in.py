"""A PostgreSQL that asks for TLS and a password: both from the address, and the password as its file says it now."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from services.chassis import postgresql
from services.chassis.config import ServiceSettings
from services.chassis.db import Database
from services.chassis.environment import load
from services.chassis.issuing import issue, new_authority
from services.local.postgres import Postgres, PostgresMissing, postgres_server
from tests.support.needs import missing

pytestmark = pytest.mark.postgres

NOW = datetime.now(UTC)
PROFILE = str(Path(__file__).resolve().parents[3] / "profiles" / "demo-es")


@pytest.fixture(scope="module")
def authority() -> Iterator[Path]:
    """A folder that the server's user can read, with a server certificate and its authority."""
    folder = Path(tempfile.mkdtemp(prefix="acometida-pg-tls-"))
    ours, theirs = new_authority("databases", NOW), new_authority("others", NOW)
    made = issue(ours, "postgres", ["postgres", "localhost"], NOW)
    for name, content in (("server.crt", made.certificate), ("server.key", made.key)):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    (folder / "ca.crt").write_bytes(ours.certificate)
    (folder / "other.crt").write_bytes(theirs.certificate)
    rules = "host all postgres 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
    (folder / "hba.conf").write_text(rules)
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(authority: Path) -> Iterator[Postgres]:
    settings = [
        "ssl=on",
        f"ssl_cert_file={authority}/server.crt",
        f"ssl_key_file={authority}/server.key",
        f"hba_file={authority}/hba.conf",
        "autovacuum=off",
    ]
    try:
        with postgres_server(settings) as started:
            yield started
    except PostgresMissing as why:
        missing(str(why))


@pytest.fixture
def app(server: Postgres) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The administrator's connection; there is a role `app` with the password `first`."""
    address = f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres"
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS app")
        admin.execute("CREATE ROLE app LOGIN PASSWORD 'first'")
        yield admin


def opened(
    tmp_path: Path, server: Postgres, authority: Path, password: str, *, host: str = "localhost", ca: str = "ca.crt"
) -> tuple[Database, Path]:
    """The database of settings that have its address from a file, and that file."""
    file = tmp_path / "database.url"
    write(file, server, authority, password, host, ca)
    environ = {"COOP_DATABASE_URL_FILE": str(file), "COOP_DATA_DIR": str(tmp_path), "COOP_PROFILE_DIR": PROFILE}
    settings = load(ServiceSettings, environ)
    return Database(settings.database_url("billing"), url_now=settings.database_url_now), file


def write(
    file: Path, server: Postgres, authority: Path, password: str, host: str = "localhost", ca: str = "ca.crt"
) -> None:
    draft = file.with_suffix(".new")
    draft.write_text(
        f"postgresql+psycopg://app:{password}@{host}:{server.port}/postgres"
        f"?sslmode=verify-full&sslrootcert={authority / ca}&hostaddr=127.0.0.1\n"
    )
    draft.replace(file)


def who(database: Database) -> str:
    with database.read() as connection:
        query = "SELECT current_user || ' ' || (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())"
        return str(connection.execute(text(query)).scalar_one())


@pytest.mark.usefixtures("app")
def test_the_server_has_to_be_the_one_that_is_named(server: Postgres, authority: Path, tmp_path: Path) -> None:
    database, _ = opened(tmp_path, server, authority, "first")
    assert who(database) == "app true"
    database.close()
    for host, ca in (("elsewhere", "ca.crt"), ("localhost", "other.crt")):
        database, _ = opened(tmp_path, server, authority, "first", host=host, ca=ca)
        with pytest.raises(OperationalError, match="certificate") as refused:
            who(database)
        assert "first" not in str(refused.value)
        database.close()


def test_a_password_changes_and_no_call_fails(
    app: psycopg.Connection[tuple[object, ...]], server: Postgres, authority: Path, tmp_path: Path
) -> None:
    database, file = opened(tmp_path, server, authority, "first")
    with database.read() as kept:  # a connection in use goes on with what it signed in with
        app.execute("ALTER ROLE app PASSWORD 'second'")
        # New connections are refused until the file is there, which comes a little later.
        late = threading.Timer(0.4, write, (file, server, authority, "second"))
        late.start()
        assert who(database) == "app true"
        assert kept.execute(text("SELECT 1")).scalar_one() == 1
        late.join()
    app.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
    assert who(database) == "app true"  # a connection that was cut is noticed before it is used
    database.close()


def test_a_busy_connection_leaves_the_old_login(
    app: psycopg.Connection[tuple[object, ...]],
    server: Postgres,
    authority: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One login takes over from another; nobody ends the connection that is used all the time, but its next user."""
    monkeypatch.setattr(postgresql, "_BELIEVED_S", 0.0)
    app.execute("DROP ROLE IF EXISTS app_b")
    app.execute("CREATE ROLE app_b LOGIN PASSWORD 'other'")
    database, file = opened(tmp_path, server, authority, "first")
    assert {who(database) for _ in range(3)} == {"app true"}
    with database.read() as kept:  # whoever is in the middle of something ends it first
        file.write_text(file.read_text().replace("app:first", "app_b:other"))
        assert who(database) == "app_b true"
        assert kept.execute(text("SELECT current_user")).scalar_one() == "app"
    assert {who(database) for _ in range(3)} == {"app_b true"}
    left = app.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'").fetchone()
    assert left == (0,)
    database.close()
    app.execute("DROP ROLE app_b")


def test_a_wrong_password_is_said_after_a_while_and_not_shown(
    app: psycopg.Connection[tuple[object, ...]],
    server: Postgres,
    authority: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgresql, "PASSWORD_PATIENCE_S", 0.2)
    app.execute("ALTER ROLE app PASSWORD 'third'")
    database, file = opened(tmp_path, server, authority, "hush")
    with pytest.raises(OperationalError, match="password authentication failed") as refused:
        who(database)
    assert "hush" not in str(refused.value)
    file.unlink()  # the last address that was read is better than none
    app.execute("ALTER ROLE app PASSWORD 'hush'")
    assert who(database) == "app true"
    database.close()
