"""The certificates that documents were ever signed with."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection, select

from services.billing.repository import upsert
from services.billing.tables import signing_certificate


def remember(connection: Connection, content: bytes, at: datetime) -> None:
    """Keep a certificate (DER) for ever; one that is known stays as it is."""
    statement = upsert(connection, signing_certificate).values(
        sha256=hashlib.sha256(content).hexdigest(), content=content, first_used_at=at
    )
    connection.execute(statement.on_conflict_do_nothing())


def is_known(connection: Connection, sha256: str) -> bool:
    query = select(signing_certificate.c.sha256).where(signing_certificate.c.sha256 == sha256)
    return connection.execute(query).first() is not None


def every(connection: Connection) -> list[bytes]:
    """All of them in DER, the one that came into use last first."""
    query = select(signing_certificate.c.content).order_by(signing_certificate.c.first_used_at.desc())
    return [bytes(content) for content in connection.execute(query).scalars()]
