"""Databases and roles on a PostgreSQL server as a service's addresses ask for them, with no more rights than it needs.

The owner may do anything in its own database. Who serves may read and write rows there: it cannot change the schema, and it
cannot even connect to another service's database. What is missing is found by looking, so that doing it twice does nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row
from sqlalchemy import URL

from services.staff.database_urls import Access

Link = psycopg.Connection[Any]

_ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
#: Rights on tables that nobody but the owner has.
_BEYOND_ROWS = ("TRUNCATE", "REFERENCES", "TRIGGER")
#: Written by migrations, read by everybody.
_READ_ONLY = ["alembic_version", "schema_support"]


@dataclass(frozen=True)
class Step:
    """Something that is missing or too much. `inside`: the statements are for the service's own database."""

    service: str
    sentence: str
    statements: list[sql.Composed] = field(repr=False)
    inside: bool = False


def connect(url: URL) -> Link:
    """A connection to the address, each statement a transaction of its own. Raises psycopg.OperationalError."""
    return psycopg.connect(
        host=url.host,
        port=url.port or 5432,
        user=url.username,
        password=str(url.password) if url.password else None,
        dbname=url.database,
        autocommit=True,
        connect_timeout=10,
        row_factory=namedtuple_row,  # type: ignore[arg-type]
        **{name: str(value) for name, value in url.query.items()},  # type: ignore[arg-type]
    )


def of_the_server(link: Link, access: Access) -> Iterator[Step]:
    """What is missing of a service's roles and its database, in the order in which it is made; `logins` come later."""

    def step(sentence: str, *statements: sql.Composed) -> Step:
        return Step(access.service, sentence, list(statements))

    owner, group = str(access.owner.username), access.group
    yield from _role(link, access, owner)
    yield from _role(link, access, group)
    yield from app_role(link, access)
    for role in (owner, group, access.login):
        if exists(link, role) and (powers := _powers(link, role)):
            yield step(
                f"{role} may do what it does not need ({', '.join(powers)}).",
                statement(f"ALTER ROLE {{}} {_none(powers)}", role),
            )
    database = access.database
    found = link.execute(
        "SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = %s", [database]
    ).fetchone()
    if found is None:
        yield step(
            f"The database {database} is missing.",
            statement("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'", database, owner),
        )
    elif found.owner != owner:
        yield step(
            f"The database {database} belongs to {found.owner}, not to {owner}.",
            statement("ALTER DATABASE {} OWNER TO {}", database, owner),
        )
    if (
        found is None
        or _may(link, "database", "public", database, "CONNECT")
        or _may(link, "database", "public", database, "TEMP")
    ):
        yield step(
            f"Anybody may connect to the database {database}.",
            statement("REVOKE ALL ON DATABASE {} FROM PUBLIC", database),
        )
    if found is None or not exists(link, group) or not _may(link, "database", group, database, "CONNECT"):
        yield step(
            f"{group} may not connect to {database}.", statement("GRANT CONNECT ON DATABASE {} TO {}", database, group)
        )


def of_the_database(link: Link, access: Access) -> Iterator[Step]:
    """What is missing inside the service's database; `link` is a connection to it."""

    def step(sentence: str, *statements: sql.Composed) -> Step:
        return Step(access.service, sentence, list(statements), inside=True)

    owner, group, database = str(access.owner.username), access.group, access.database
    if _may(link, "schema", "public", "public", "CREATE") or _may(link, "schema", "public", "public", "USAGE"):
        yield step(f"Anybody may use the schema of {database}.", statement("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
    if not (_may(link, "schema", owner, "public", "USAGE") and _may(link, "schema", owner, "public", "CREATE")):
        # Of servers before PostgreSQL 15, where the schema is not the database owner's. Keys are checked as the owner.
        yield step(f"{owner} may not use the schema.", statement("GRANT USAGE, CREATE ON SCHEMA public TO {}", owner))
    if not _may(link, "schema", group, "public", "USAGE"):
        yield step(f"{group} may not look into the schema.", statement("GRANT USAGE ON SCHEMA public TO {}", group))
    if _may(link, "schema", group, "public", "CREATE"):
        yield step(f"{group} may make tables.", statement("REVOKE CREATE ON SCHEMA public FROM {}", group))
    strange = link.execute(
        "SELECT c.relname AS name, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind "
        "FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') "
        "AND pg_get_userbyid(c.relowner) <> %s AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid "
        # What belongs to a table or an extension goes with it.
        "AND d.deptype IN ('a', 'i', 'e') AND d.classid = 'pg_class'::regclass) ORDER BY 1",
        [owner],
    ).fetchall()
    if strange:
        yield step(
            f"{len(strange)} tables of {database} do not belong to {owner}, {strange[0].name} for one.",
            *(statement(f"ALTER {row.kind} public.{{}} OWNER TO {{}}", row.name, owner) for row in strange),
        )
    foreign = link.execute(
        "SELECT p.oid::regprocedure::text AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace "
        "AND pg_get_userbyid(p.proowner) <> %s AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid "
        "AND d.deptype = 'e')",
        [owner],
    ).fetchall()
    if foreign:
        yield step(
            f"{len(foreign)} functions of {database} do not belong to {owner}.",
            *(sql.SQL(f"ALTER FUNCTION {row.name} OWNER TO {{}}").format(sql.Identifier(owner)) for row in foreign),
        )
    yield from _rights_on_tables(link, access, step)


def _rights_on_tables(link: Link, access: Access, step: Any) -> Iterator[Step]:
    owner, group = str(access.owner.username), access.group
    for kind, rights in (("r", _ROWS), ("S", ("USAGE",))):
        kept = one(
            link,
            "SELECT count(DISTINCT x.privilege_type) AS n FROM pg_default_acl d, aclexplode(d.defaclacl) x "
            "WHERE pg_get_userbyid(d.defaclrole) = %s AND d.defaclobjtype::text = %s AND pg_get_userbyid(x.grantee) = %s "
            "AND d.defaclnamespace = 'public'::regnamespace AND x.privilege_type = ANY(%s)",
            [owner, kind, group, list(rights)],
        )
        if kept.n < len(rights):
            what, given = ("tables", ", ".join(rights)) if kind == "r" else ("sequences", "USAGE")
            yield step(
                f"{group} would have no rights on {what} that migrations make.",
                statement(
                    f"ALTER DEFAULT PRIVILEGES FOR ROLE {{}} IN SCHEMA public GRANT {given} ON {what.upper()} TO {{}}",
                    owner,
                    group,
                ),
            )
    tables = "FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')"
    lacking = link.execute(
        f"SELECT c.relname AS name {tables} AND c.relname <> ALL(%s) AND NOT ("
        + " AND ".join(f"has_table_privilege(%s, c.oid, '{right}')" for right in _ROWS)
        + ") ORDER BY 1",
        [_READ_ONLY, *([group] * len(_ROWS))],
    ).fetchall()
    if lacking:
        yield step(
            f"{group} has no rights on {len(lacking)} tables, {lacking[0].name} for one.",
            *(statement(f"GRANT {', '.join(_ROWS)} ON public.{{}} TO {{}}", row.name, group) for row in lacking),
        )
    unread = link.execute(
        f"SELECT c.relname AS name {tables} AND c.relname = ANY(%s) AND NOT has_table_privilege(%s, c.oid, 'SELECT')",
        [_READ_ONLY, group],
    ).fetchall()
    if unread:
        yield step(
            f"{group} cannot read which revision the schema is at.",
            *(statement("GRANT SELECT ON public.{} TO {}", row.name, group) for row in unread),
        )
    excess = link.execute(
        f"SELECT c.relname AS name {tables} AND (has_table_privilege(%s, c.oid, '{', '.join(_BEYOND_ROWS)}') OR "
        "c.relname = ANY(%s) AND has_table_privilege(%s, c.oid, 'INSERT, UPDATE, DELETE')) ORDER BY 1",
        [group, _READ_ONLY, group],
    ).fetchall()
    if excess:
        yield step(
            f"{group} may do more than write rows to {len(excess)} tables, {excess[0].name} for one.",
            *(
                statement(
                    f"REVOKE {', '.join(_BEYOND_ROWS + (_ROWS[1:] if row.name in _READ_ONLY else ()))} ON public.{{}} FROM {{}}",
                    row.name,
                    group,
                )
                for row in excess
            ),
        )
    counters = link.execute(
        # The question about a sequence is an error for anything else, in whichever order conditions are looked at.
        "SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace "
        "AND CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(%s, c.oid, 'USAGE') END ORDER BY 1",
        [group],
    ).fetchall()
    if counters:
        yield step(
            f"{group} has no rights on {len(counters)} sequences.",
            *(statement("GRANT USAGE ON SEQUENCE public.{} TO {}", row.name, group) for row in counters),
        )


def app_role(link: Link, access: Access) -> Iterator[Step]:
    """The role of who serves, without a password so far; the role of the rights is there."""
    yield from _role(link, access, access.login)
    if not _is_member(link, access.login, access.group):
        join = statement("GRANT {} TO {}", access.group, access.login)
        yield Step(access.service, f"{access.login} is no member of {access.group}.", [join])


def logins(link: Link, access: Access, urls: Sequence[URL] = (), *, by: URL | None = None) -> Iterator[Step]:
    """The passwords of the addresses, or of these alone. A password is right when one can log in with it; `by` is the
    administrator's address.

    They come last: a migration that waits for its login must not make tables before it is said who may read them.
    """
    for url in urls or (access.app, access.owner):
        role = str(url.username)
        found = link.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        if found and found.rolcanlogin and can_log_in(url, by):
            continue
        secret = link.pgconn.encrypt_password(str(url.password).encode(), role.encode(), b"scram-sha-256").decode()
        made = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(secret))
        yield Step(access.service, f"{role} cannot log in with the password of its file.", [made])


def _role(link: Link, access: Access, role: str) -> Iterator[Step]:
    if not exists(link, role):
        # Whoever is no superuser ends sessions of a role, and makes it the owner of something, as its member.
        joined = [] if _is_superuser(link) else [statement("GRANT {} TO CURRENT_USER", role)]
        made = statement("CREATE ROLE {} NOLOGIN", role)
        yield Step(access.service, f"The role {role} is missing.", [made, *joined])


def can_log_in(url: URL, by: URL | None = None) -> bool:
    """Whether the address opens the database.

    An address is written for where the pods are: its host or its authority's file may not be here. Then the administrator's
    own way to the server is taken, unless that one lets in whoever comes with any password.
    """
    refused = _refusal(url)
    if not refused or by is None or "authentication failed" in refused:
        return not refused
    same = by.set(username=url.username, password=url.password, database=url.database)
    return not _refusal(same) and bool(_refusal(same.set(password=secrets.token_urlsafe())))


def _refusal(url: URL) -> str:
    """Why the address opens nothing; "" when it does."""
    try:
        connect(url).close()
    except psycopg.OperationalError as refused:
        return str(refused)
    return ""


def _powers(link: Link, role: str) -> list[str]:
    names = {"rolsuper": "SUPERUSER", "rolcreatedb": "CREATEDB", "rolcreaterole": "CREATEROLE",
             "rolreplication": "REPLICATION", "rolbypassrls": "BYPASSRLS"}  # fmt: skip
    row = one(link, f"SELECT {', '.join(names)} FROM pg_roles WHERE rolname = %s", [role])
    return [names[column] for column in names if getattr(row, column)]


def _none(powers: list[str]) -> str:
    return " ".join(f"NO{power}" for power in powers)


def one(link: Link, query: str, values: Sequence[object] = ()) -> Any:
    """The one row of an answer that has one."""
    row = link.execute(query, values).fetchone()  # type: ignore[call-overload]
    assert row is not None, query
    return row


def exists(link: Link, role: str) -> bool:
    """Whether the server has the role."""
    return link.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None


def _is_superuser(link: Link) -> bool:
    return bool(one(link, "SELECT rolsuper AS yes FROM pg_roles WHERE rolname = current_user").yes)


def _is_member(link: Link, role: str, group: str) -> bool:
    found = link.execute(
        "SELECT 1 FROM pg_auth_members m WHERE m.roleid = to_regrole(quote_ident(%s)) AND m.member = to_regrole(quote_ident(%s))",
        [group, role],
    ).fetchone()
    return found is not None


def _may(link: Link, kind: str, role: str, name: str, right: str) -> bool:
    return bool(one(link, f"SELECT has_{kind}_privilege(%s, %s, %s) AS yes", [role, name, right]).yes)


def statement(text: str, *names: str) -> sql.Composed:
    """A statement with these names in its places, quoted."""
    return sql.SQL(text).format(*(sql.Identifier(name) for name in names))  # type: ignore[arg-type]
