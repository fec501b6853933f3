"""Certificates, rendered documents, and the certificates these are signed with."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, LargeBinary, String, Table, Text

from services.billing.tables.base import ID, metadata
from services.chassis.columns import Json, UtcDateTime

certificate = Table(
    "certificate",
    metadata,
    Column("id", ID, primary_key=True),
    Column("number", String(60), nullable=False, unique=True),
    Column("code", String(16), nullable=False, unique=True),
    Column("supply_id", ID, nullable=False),
    Column("member_id", ID, nullable=False),
    Column("account_id", ID, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column("position", Json, nullable=False),
    Column("position_hash", String(64), nullable=False),
    Column("printed", Json, nullable=False),
    Column("holder_masked", Text, nullable=False),
    Column("supply_masked", Text, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("revoked_why", Text, nullable=False),
    Index("ix_certificate_supply_id_id", "supply_id", "id"),
)
# Rendered once; whoever stores first decides the bytes for ever.
document = Table(
    "document",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("owner_id", ID, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("file_name", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_document_sha256", "sha256"),
)
# Every one that documents were ever signed with, in DER: what was signed with an older key stays verifiable.
signing_certificate = Table(
    "signing_certificate",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("first_used_at", UtcDateTime, nullable=False),
)
