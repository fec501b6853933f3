"""Whether every invoice is as it was issued: numbers without a gap, each hash calculated again and carried by the next."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from services.billing.application.issuing import invoice_hash
from services.billing.repository import invoice_chains
from services.chassis.db import Database


@dataclass(frozen=True)
class SeriesState:
    """How far a series is sound, and the first invoice that is not: its place, its number, and what is wrong."""

    series: str
    invoices: int
    hash: str
    broken_sequence: int = 0
    broken_number: str = ""
    why: str = ""


def check_invoices(database: Database) -> list[SeriesState]:
    """Every series, each up to its first invoice that does not stand. Reads all invoices of one instant."""
    with database.read() as connection:
        return [
            _check(connection, code, last, last_hash)
            for code, (last, last_hash) in invoice_chains.heads(connection).items()
        ]


def _check(connection: Connection, code: str, last: int, last_hash: str) -> SeriesState:
    sound, previous = 0, ""
    for row, details in invoice_chains.of_series(connection, code):
        why = ""
        if row.sequence != sound + 1:
            why = f"number {sound + 1} of the series is missing"
        elif row.previous_hash != previous:
            why = "it does not carry the hash of the invoice before it"
        elif row.hash != invoice_hash(row, details):
            why = "its hash is not that of its figures: it was changed after it was issued"
        if why:
            return SeriesState(code, sound, previous, row.sequence, row.number, why)
        sound, previous = row.sequence, row.hash
    if (sound, previous) != (last, last_hash):
        why = f"the series ends at number {sound} and {last} were given"
        return SeriesState(code, sound, previous, sound + 1, "", why)
    return SeriesState(code, sound, previous)
