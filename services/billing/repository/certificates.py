"""Certificates and the record of stored documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, exists, insert, or_, select, update

from services.billing.domain.certificates import folded
from services.billing.repository import upsert
from services.billing.tables import certificate, certificate_supply, document, supply_access


@dataclass(frozen=True)
class Certificate:
    """`position` is the ledger position it rests on, `printed` holder and supply, both as they were on issue."""

    id: str
    number: str
    code: str
    supply_id: str
    member_id: str
    account_id: str
    issued_at: datetime
    valid_until: date
    position: Mapping[str, Any]
    position_hash: str
    printed: Mapping[str, Any]
    holder_masked: str
    supply_masked: str
    revoked_at: datetime | None = None
    revoked_why: str = ""


@dataclass(frozen=True)
class StoredDocument:
    sha256: str
    file_name: str


def keep(connection: Connection, made: Certificate) -> None:
    connection.execute(insert(certificate), made.__dict__)


def by_id(connection: Connection, certificate_id: str, *, lock: bool = False) -> Certificate | None:
    query = select(certificate).where(certificate.c.id == certificate_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Certificate(**row) if row else None


def by_code(connection: Connection, code: str) -> Certificate | None:
    row = connection.execute(select(certificate).where(certificate.c.code == code)).mappings().first()
    return Certificate(**row) if row else None


def find(connection: Connection, wanted: str, *, lock: bool = False) -> Certificate | None:
    """By id, printed number, or verification code, typed as whoever checks one may type it."""
    query = select(certificate).where(
        or_(certificate.c.id == wanted, certificate.c.number == wanted.strip(), certificate.c.code == folded(wanted))
    )
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Certificate(**row) if row else None


def of_supply(
    connection: Connection, supply_id: str, *, before: str, limit: int, reader: str = ""
) -> list[Certificate]:
    """Those that speak of a supply, newest first, made before the one with an id (ids follow time).

    `reader`: an account; only those all of whose supplies it may read.
    """
    speaks = select(certificate_supply.c.certificate_id).where(certificate_supply.c.supply_id == supply_id)
    query = select(certificate).where(certificate.c.id.in_(speaks)).order_by(certificate.c.id.desc()).limit(limit)
    if before:
        query = query.where(certificate.c.id < before)
    if reader:
        readable = select(supply_access.c.supply_id).where(supply_access.c.account_id == reader)
        beyond = select(certificate_supply.c.supply_id).where(
            certificate_supply.c.certificate_id == certificate.c.id, certificate_supply.c.supply_id.not_in(readable)
        )
        query = query.where(~exists(beyond))
    return [Certificate(**row) for row in connection.execute(query).mappings()]


def revoke(connection: Connection, certificate_id: str, at: datetime, why: str) -> None:
    connection.execute(
        update(certificate).where(certificate.c.id == certificate_id).values(revoked_at=at, revoked_why=why)
    )


def stored_document(connection: Connection, kind: str, owner_id: str) -> StoredDocument | None:
    query = select(document.c.sha256, document.c.file_name).where(
        document.c.kind == kind, document.c.owner_id == owner_id
    )
    row = connection.execute(query).first()
    return StoredDocument(*row) if row else None


def printed(connection: Connection, kind: str, owner_ids: Sequence[str]) -> dict[str, tuple[str, datetime]]:
    """Hash and moment of the documents of a kind, by owner; who has none is not there."""
    query = select(document).where(document.c.kind == kind, document.c.owner_id.in_(owner_ids))
    return {row.owner_id: (row.sha256, row.created_at) for row in connection.execute(query)}


def document_of(connection: Connection, sha256: str) -> tuple[str, str, StoredDocument, datetime] | None:
    """Kind, owner, record and moment of the document with these bytes."""
    row = connection.execute(select(document).where(document.c.sha256 == sha256)).first()
    return (row.kind, row.owner_id, StoredDocument(row.sha256, row.file_name), row.created_at) if row else None


def keep_document(
    connection: Connection, kind: str, owner_id: str, stored: StoredDocument, at: datetime
) -> StoredDocument:
    """Record a rendered document; whoever came first stays, and is what is given back."""
    statement = upsert(connection, document).values(
        kind=kind, owner_id=owner_id, sha256=stored.sha256, file_name=stored.file_name, created_at=at
    )
    connection.execute(statement.on_conflict_do_nothing())
    found = stored_document(connection, kind, owner_id)
    assert found is not None
    return found
