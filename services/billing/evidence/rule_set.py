"""All dated rows that bills are calculated by, as one JSON text: the country's tables and the assembly's concepts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from services.billing.domain.charging import ChargeConcept, ChargeConcepts
from services.billing.domain.concepts import NO_CONCEPTS, Concept, Concepts
from services.billing.domain.dated import Row
from services.billing.evidence.facts import RuleSet
from services.billing.jurisdictions.country import Jurisdiction


def rule_set(country: Jurisdiction, concepts: Concepts = NO_CONCEPTS, charges: ChargeConcepts | None = None) -> RuleSet:
    """The set as it is now."""
    tables = {source.table: [_plain(row) for row in country.law.rows(source)] for source in country.sources}
    rows = [_concept(row) for table in concepts.tables.values() for row in table.rows]
    found = {"jurisdiction": country.code, "options": dict(country.options), "tables": tables, "concepts": rows}
    if charges:
        found["charge_concepts"] = [_charge(row) for table in charges.values() for row in table.rows]
    content = json.dumps(found, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return RuleSet(hashlib.sha256(content.encode()).hexdigest(), content)


def in_force(content: Mapping[str, Any], first: date, end: date, accrual: date) -> dict[str, Any]:
    """The same set with only the rows that touch [first, end) or the accrual date: what one bill can have met."""

    def touches(row: Mapping[str, Any]) -> bool:
        start = date.fromisoformat(row["from"])
        last = date.fromisoformat(row["to"]) if row.get("to") else date.max
        return (start < end and first < last) or (start <= accrual < last)

    return {
        "tables": {name: [row for row in rows if touches(row)] for name, rows in content["tables"].items()},
        "concepts": [row for row in content["concepts"] if touches(row)],
    }


def _concept(row: Row[Concept]) -> dict[str, Any]:
    concept = row.value
    return {
        "code": concept.code,
        "from": row.start.isoformat(),
        "to": row.end.isoformat() if row.end else None,
        "source": row.source,
        "on": concept.on,
        "account": concept.account,
        "foreign": concept.foreign,
        "basis": concept.basis,
        "price": str(concept.price),
        "iva": concept.iva,
        "uses": sorted(concept.uses),
        "tariffs": sorted(concept.tariffs),
    }


def _charge(row: Row[ChargeConcept]) -> dict[str, Any]:
    return {
        **row.value.__dict__,
        "from": row.start.isoformat(),
        "to": row.end.isoformat() if row.end else None,
        "source": row.source,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
