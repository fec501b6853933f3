"""The facts of issued invoices and the rule sets they name: written once with the invoice, never changed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from services.billing.evidence.facts import RuleSet
from services.billing.repository import upsert
from services.billing.tables import invoice_facts, rule_set
from services.chassis.bulk import insert_many

_ENCODE = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode
#: Facts are written by the thousand in a bill run and read one by one: fast, and with little memory to clear for each.
_LEVEL, _MEMORY = 1, 5


def keep(connection: Connection, rules: RuleSet, facts: Sequence[tuple[str, Mapping[str, Any]]], now: datetime) -> None:
    """Keep the facts of invoices (id, facts), issued under one rule set."""
    if not facts:
        return
    known = connection.execute(select(rule_set.c.sha256).where(rule_set.c.sha256 == rules.sha256)).first()
    if known is None:
        row = {"sha256": rules.sha256, "content": rules.content, "first_used_at": now}
        connection.execute(upsert(connection, rule_set).values(row).on_conflict_do_nothing())
    insert_many(
        connection,
        invoice_facts,
        [
            {
                "invoice_id": invoice_id,
                "rules_sha256": rules.sha256,
                "facts": _compressed(_ENCODE(each).encode()),
            }
            for invoice_id, each in facts
        ],
    )


def _compressed(content: bytes) -> bytes:
    into = zlib.compressobj(_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS, _MEMORY)
    return into.compress(content) + into.flush()


def of_invoice(connection: Connection, invoice_id: str) -> tuple[dict[str, Any], RuleSet] | None:
    """Facts and rule set of an invoice; None for one issued before facts were kept."""
    query = (
        select(invoice_facts.c.facts, rule_set.c.sha256, rule_set.c.content)
        .join(rule_set, rule_set.c.sha256 == invoice_facts.c.rules_sha256)
        .where(invoice_facts.c.invoice_id == invoice_id)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return json.loads(zlib.decompress(row.facts)), RuleSet(row.sha256, row.content)
