"""`coopctl admin databases` on a real server that asks for passwords: least privilege, nothing twice, and rotation."""

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from services.chassis import migrations
from services.chassis.db import Database
from services.local.postgres import Postgres
from services.staff import cli

SERVICES = ("identity", "notifications")


@dataclass
class Server:
    """A server that knows its administrator without a password and everybody else by it, and a folder of addresses."""

    port: int
    folder: Path

    def url(self, user: str, database: str, password: str = "") -> str:
        login = f"{user}:{password}" if password else user
        return f"postgresql+psycopg://{login}@127.0.0.1:{self.port}/{database}"

    def write(self, service: str, login: str = "a", password: str = "first") -> None:
        name = f"roles_{service}"
        for kind, user in (("owner", f"{name}_owner"), ("app", f"{name}_app_{login}")):
            url = self.url(user, name, f"{password} of {kind}")
            (self.folder / f"{service}.{kind}.url").write_text(url + "\n")

    def database(self, service: str, kind: str = "app") -> Database:
        return Database((self.folder / f"{service}.{kind}.url").read_text().strip(), pool_size=1)

    def run(self, *words: str, services: Sequence[str] = SERVICES) -> int:
        only = [word for service in services for word in ("--service", service)]
        return cli.run(["admin", "databases", *words, "--urls", str(self.folder), *only])


@pytest.fixture
def server(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server(postgres.port, tmp_path)
    names = [f"roles_{service}_{kind}" for service in SERVICES for kind in ("owner", "app_a", "app_b")]
    with psycopg.connect(f"host=127.0.0.1 port={postgres.port} user=postgres", autocommit=True) as link:
        path = link.execute("SHOW hba_file").fetchone()[0]
        before = link.execute("SELECT pg_read_file(%s)", [path]).fetchone()[0]

        def let_in(rules: str) -> None:
            link.execute(f"COPY (SELECT unnest(string_to_array($rules${rules}$rules$, chr(10)))) TO '{path}'")
            link.execute("SELECT pg_reload_conf()")

        let_in(f"host all {','.join(names)} 127.0.0.1/32 scram-sha-256\n{before}")
        monkeypatch.setenv("COOP_ADMIN_DATABASE_URL", made.url("postgres", "postgres"))
        for service in SERVICES:
            made.write(service)
        yield made
        let_in(before)
        for service in SERVICES:
            link.execute(f"DROP DATABASE IF EXISTS roles_{service} WITH (FORCE)")
        for name in [*names, *(f"roles_{service}_app" for service in SERVICES), "roles_helper"]:
            link.execute(f"DROP ROLE IF EXISTS {name}")


def refused(database: Database, statement: str) -> str:
    with pytest.raises(ProgrammingError) as why, database.write() as tx:
        tx.execute(text(statement))
    return str(why.value.orig)


def test_who_serves_may_write_rows_and_nothing_else(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert server.run("plan", "--json") == 0
    missing = [step["sentence"] for step in json.loads(capsys.readouterr().out)["missing"]]
    assert "The database roles_identity is missing." in missing
    assert server.run("apply") == 0
    assert "first of" not in capsys.readouterr().out

    owner = server.database("notifications", "owner")
    migrations.upgrade(owner, "notifications")
    for command in ("plan", "apply"):
        assert server.run(command, "--json") == 0
        done = json.loads(capsys.readouterr().out)
        assert done == {"missing" if command == "plan" else "made": [], "logins_to_retire": []}

    app = server.database("notifications")
    assert migrations.state(app, "notifications").condition == "head"
    migrations.upgrade(app, "notifications")  # nothing to do, so nothing to be refused
    for statement in (
        "CREATE TABLE mine (id integer)",
        "CREATE TEMPORARY TABLE mine (id integer)",
        "TRUNCATE inbox_event",
    ):
        assert "permission denied" in refused(app, statement)
    for statement in (
        "ALTER TABLE inbox_event ADD COLUMN mine text",
        "DROP TABLE inbox_event",
        "CREATE INDEX ON inbox_event (handled_at)",
    ):
        assert "must be owner of table inbox_event" in refused(app, statement)
    assert "permission denied for table alembic_version" in refused(
        app, "UPDATE alembic_version SET version_num = 'mine'"
    )
    assert "permission denied for table schema_support" in refused(app, "DELETE FROM schema_support")
    with app.write() as tx:
        tx.execute(text("INSERT INTO inbox_event (consumer, event_id, handled_at) VALUES ('c', 'e', now())"))
        tx.execute(text("DELETE FROM inbox_event"))
    stranger = Database(str(app.url.set(database="roles_identity").render_as_string(hide_password=False)))
    with pytest.raises(OperationalError, match="does not have CONNECT privilege"), stranger.read():
        pass
    for database in (owner, app, stranger):
        database.close()


def test_a_migration_that_waits_for_its_login_finds_all_rights_given(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything is started at once: tables that are made the moment the owner can log in are readable by who serves."""
    done = threading.Event()

    def migrate() -> None:
        owner = server.database("identity", "owner")
        while not done.is_set():
            try:
                migrations.upgrade(owner, "identity")
                break
            except OperationalError:
                done.wait(0.001)
        owner.close()

    waiting = threading.Thread(target=migrate)
    waiting.start()
    try:
        assert server.run("apply", services=["identity"]) == 0
        waiting.join(60)
    finally:
        done.set()
        waiting.join()
    capsys.readouterr()
    assert server.run("plan", "--json", services=["identity"]) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == []
    app = server.database("identity")
    with app.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM attempt_limit")).scalar() == 0
    assert migrations.state(app, "identity").condition == "head"
    app.close()


def test_a_wider_installation_is_narrowed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """One login for everything, as a first try has it: tables, rights and database go where they belong."""
    with psycopg.connect(f"host=127.0.0.1 port={server.port} user=postgres", autocommit=True) as link:
        link.execute("CREATE DATABASE roles_notifications")
        link.execute("CREATE ROLE roles_notifications_app NOLOGIN CREATEDB")
    everything = Database(server.url("postgres", "roles_notifications"))
    migrations.upgrade(everything, "notifications")
    with everything.write() as tx:
        tx.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO roles_notifications_app"))
        tx.execute(text("GRANT CREATE ON SCHEMA public TO roles_notifications_app"))
    assert server.run("apply") == 0
    assert server.run("plan") == 0
    said = capsys.readouterr()
    assert "Databases and roles are as the addresses ask for them." in said.err
    app = server.database("notifications")
    assert "permission denied" in refused(app, "TRUNCATE inbox_event")
    assert "permission denied" in refused(app, "DELETE FROM alembic_version")
    assert "permission denied" in refused(app, "CREATE TABLE mine (id integer)")
    owner = server.database("notifications", "owner")
    with owner.write() as tx:
        tx.execute(text("ALTER TABLE inbox_event ADD COLUMN mine text"))
    for database in (everything, app, owner):
        database.close()


def test_a_helper_that_is_no_superuser_can_do_it_and_two_at_once_do_it_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(f"host=127.0.0.1 port={server.port} user=postgres", autocommit=True) as link:
        link.execute("CREATE ROLE roles_helper LOGIN CREATEDB CREATEROLE")
    monkeypatch.setenv("COOP_ADMIN_DATABASE_URL", server.url("roles_helper", "postgres"))
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(server.run("apply"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0]
    owner = server.database("identity", "owner")
    migrations.upgrade(owner, "identity")
    app = server.database("identity")
    assert migrations.state(app, "identity").served
    owner.close()
    app.close()


def test_addresses_written_for_the_pods_are_tried_by_the_administrators_way(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The authority's file that they name lies in the pods. What stands is not said to be wrong, what is wrong is set."""
    run = partial(server.run, services=["identity"])
    assert run("apply") == 0
    for file in tmp_path.iterdir():
        file.write_text(file.read_text().strip() + "?sslmode=verify-full&sslrootcert=/run/acometida/database/ca.crt\n")
    assert run("plan") == 0
    assert "Databases and roles are as the addresses ask for them." in capsys.readouterr().err
    changed = (tmp_path / "identity.app.url").read_text().replace("first of app", "second of app")
    (tmp_path / "identity.app.url").write_text(changed)
    assert run("plan", "--json") == 0
    missing = [step["sentence"] for step in json.loads(capsys.readouterr().out)["missing"]]
    assert missing == ["roles_identity_app_a cannot log in with the password of its file."]


def test_two_logins_take_turns(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = partial(server.run, services=["identity"])
    assert run("apply") == 0
    before = server.database("identity")
    with before.read() as connection:
        assert connection.execute(text("SELECT current_user")).scalar() == "roles_identity_app_a"

        assert run("apply", "--rotate", "identity") == 0
        path = tmp_path / "identity.app.url"
        new = make_url(path.read_text().strip())
        assert new.username == "roles_identity_app_b"
        assert path.stat().st_mode & 0o777 == 0o600
        assert str(new.password) not in "".join(capsys.readouterr())

        assert run("apply", "--retire", "identity") == 1
        assert "Nobody is logged in to roles_identity as roles_identity_app_b" in capsys.readouterr().err
        after = server.database("identity")
        with after.read() as other:
            assert other.execute(text("SELECT current_user")).scalar() == "roles_identity_app_b"
            # The old one is in use until its processes have the new address.
            assert run("apply", "--rotate", "identity") == 1
            assert "roles_identity_app_a still has 1 sessions" in capsys.readouterr().err
            assert run("apply", "--retire", "identity") == 0
            assert "roles_identity_app_a is locked out. It still has 1 sessions" in capsys.readouterr().err
    before.close()
    with pytest.raises(OperationalError, match=r"not permitted to log in|authentication failed"), before.read():
        pass
    assert run("apply", "--rotate", "identity") == 0
    assert make_url(path.read_text().strip()).username == "roles_identity_app_a"
    after.close()


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("identity.app.url", None, "identity.app.url cannot be read"),
        ("identity.app.url", "not an address", "holds no address"),
        ("identity.app.url", "sqlite:///x.db", "names a sqlite database"),
        ("identity.app.url", "postgresql+psycopg://roles_a@h/d", "names no password"),
        ("identity.app.url", "postgresql+psycopg://roles:hidden@h/roles_identity", "let it end in _a"),
        ("identity.app.url", "postgresql+psycopg://r_a:hidden@h/elsewhere", "both files name the same one"),
        ("identity.app.url", 'postgresql+psycopg://r"_a:hidden@h/d', "use small letters"),
        (
            "identity.owner.url",
            "postgresql+psycopg://roles_identity_app:s@h/roles_identity",
            "would serve as the owner",
        ),
        ("identity.owner.url", "postgresql+psycopg://roles_notifications_owner:s@h/roles_identity", "share a role"),
    ],
)
def test_wrong_addresses_are_named_without_their_passwords(
    file: str, content: str | None, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Server(1, tmp_path)
    for service in SERVICES:
        made.write(service)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(content)
    assert made.run("plan") == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert sentence in said
    assert "hidden" not in said


def test_a_server_that_does_not_answer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Server(1, tmp_path)
    for service in SERVICES:
        made.write(service)
    monkeypatch.setenv("COOP_ADMIN_DATABASE_URL", made.url("postgres", "postgres", "hidden"))
    assert made.run("apply") == 1
    said = capsys.readouterr().err
    assert "The server 127.0.0.1:1 does not answer postgres" in said
    assert "hidden" not in said
