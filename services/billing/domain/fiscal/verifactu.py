"""Veri*factu (RD 1007/2023, Orden HAC/1177/2024): the record of each invoice, chained by SHA-256, and the address of its QR.

A record says what the tax office is told of an invoice; the hash runs over its main figures and the hash of the record
before it, so a changed, lost or slipped-in record shows. All records of one taxpayer and system form one chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

Kind = Literal["registration", "cancellation"]
#: Where anybody compares a printed invoice with what the tax office was told; the host is the profile's.
VALIDATION_PATH = "/wlpl/TIKE-CONT/ValidarQR"
#: At most so many records travel in one sending.
LARGEST_SENDING = 1000
#: A full invoice; simplified ones and rectifying ones have other types.
FULL_INVOICE = "F1"


@dataclass(frozen=True)
class Record:
    """One record of the chain. A cancellation has no type and no amounts.

    `generated_at` is the text that was hashed (ISO 8601 with the offset of the taxpayer's zone); `content` is the rest of
    what the tax office is told: names, recipient, breakdown, the record before, the software.
    """

    position: int  # from 1, without a gap
    kind: Kind
    issuer: str  # NIF
    number: str
    issue_date: date
    generated_at: str
    previous_hash: str  # "" in the first record
    hash: str
    invoice_type: str = ""
    quota: Decimal = Decimal(0)
    total: Decimal = Decimal(0)
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Broken:
    """The first record that does not stand, and what is wrong with it."""

    position: int
    number: str
    why: str


@lru_cache(maxsize=1024)
def spanish_date(day: date) -> str:
    """31-12-2026, as records and codes write it."""
    return day.strftime("%d-%m-%Y")


def stamp(instant: datetime, zone: ZoneInfo) -> str:
    """An aware instant as records write it: whole seconds and the offset of the taxpayer's zone."""
    return instant.astimezone(zone).isoformat(timespec="seconds")


def registration_hash(
    issuer: str,
    number: str,
    issue_date: date,
    invoice_type: str,
    quota: Decimal,
    total: Decimal,
    previous_hash: str,
    generated_at: str,
) -> str:
    """The hash of the record of an issued invoice (Orden HAC/1177/2024, art. 13)."""
    return _hash(
        IDEmisorFactura=issuer,
        NumSerieFactura=number,
        FechaExpedicionFactura=spanish_date(issue_date),
        TipoFactura=invoice_type,
        CuotaTotal=f"{quota:.2f}",
        ImporteTotal=f"{total:.2f}",
        Huella=previous_hash,
        FechaHoraHusoGenRegistro=generated_at,
    )


def cancellation_hash(issuer: str, number: str, issue_date: date, previous_hash: str, generated_at: str) -> str:
    """The hash of the record that cancels another one."""
    return _hash(
        IDEmisorFacturaAnulada=issuer,
        NumSerieFacturaAnulada=number,
        FechaExpedicionFacturaAnulada=spanish_date(issue_date),
        Huella=previous_hash,
        FechaHoraHusoGenRegistro=generated_at,
    )


def _hash(**values: str) -> str:
    chained = "&".join(f"{name}={value.strip()}" for name, value in values.items())
    return hashlib.sha256(chained.encode()).hexdigest().upper()


def hash_of(record: Record) -> str:
    """What the record's hash has to be."""
    if record.kind == "cancellation":
        return cancellation_hash(
            record.issuer, record.number, record.issue_date, record.previous_hash, record.generated_at
        )
    return registration_hash(
        record.issuer,
        record.number,
        record.issue_date,
        record.invoice_type,
        record.quota,
        record.total,
        record.previous_hash,
        record.generated_at,
    )


class ChainCheck:
    """Follows a chain from its first record on, however many there are."""

    def __init__(self) -> None:
        self._position = 0
        self._hash = ""
        self._generated_at: datetime | None = None

    def follow(self, record: Record) -> Broken | None:
        """None when the record continues the chain; otherwise what is wrong, and the chain must not be followed on."""
        expected = self._position + 1
        generated_at = datetime.fromisoformat(record.generated_at)
        why = ""
        if record.position != expected:
            why = f"record {expected} should stand here, and this one says that it is number {record.position}"
        elif record.previous_hash != self._hash:
            why = "it does not carry the hash of the record before it"
        elif record.hash != hash_of(record):
            why = "its own hash is not that of its content: it was changed after it was made"
        elif self._generated_at is not None and generated_at < self._generated_at:
            why = f"it says it was made at {record.generated_at}, before the record that it follows"
        if why:
            return Broken(record.position, record.number, why)
        self._position, self._hash, self._generated_at = record.position, record.hash, generated_at
        return None

    @property
    def followed(self) -> int:
        """How many records were found sound."""
        return self._position


def validation_url(host: str, issuer: str, number: str, issue_date: date, total: Decimal) -> str:
    """What the QR says: the tax office's page for this invoice. Personal data where the issuer is a person: not for logs.

    `host` as `https://www2.agenciatributaria.gob.es`; four parameters in this order, URL-encoded.
    """
    values = {"nif": issuer, "numserie": number, "fecha": spanish_date(issue_date), "importe": f"{total:.2f}"}
    return f"{host.rstrip('/')}{VALIDATION_PATH}?{urlencode(values)}"
