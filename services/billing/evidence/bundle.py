"""The bundle of an issued invoice: what it prints, its facts, and the rows that it can have met. See docs/invoice-bundle.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from services.billing.evidence.facts import RuleSet, printed_of
from services.billing.evidence.rule_set import in_force
from services.billing.repository.invoices import Details, Issued

FORMAT = "acometida-invoice/1"


def bundle_of(
    issued: Issued, details: Details, facts: Mapping[str, Any], rules: RuleSet, time_zone: str
) -> dict[str, Any]:
    """Everything but the hours of the load curve, for which each segment has an empty list: metering has them."""
    content = json.loads(rules.content)
    return {
        "format": FORMAT,
        "jurisdiction": content["jurisdiction"],
        "currency": issued.currency,
        "time_zone": time_zone,
        "options": content["options"],
        "rules_sha256": rules.sha256,
        "invoice": {
            "number": issued.number,
            "issue_date": issued.issue_date.isoformat(),
            "accrual_date": facts["accrual_date"],
            "from": issued.period_start.isoformat(),
            "to": issued.period_end.isoformat(),
            "foreign": facts["foreign"],
            "terms": facts["terms"],
            **printed_of(details.lines, details.taxes),
            "total": str(issued.total),
            "hash": issued.hash,
            "previous_hash": issued.previous_hash,
        },
        "segments": [{**segment, "hours": []} for segment in facts["segments"]],
        **in_force(content, _first_day(issued, facts), issued.period_end, date.fromisoformat(facts["accrual_date"])),
    }


def _first_day(issued: Issued, facts: Mapping[str, Any]) -> date:
    """Of anything billed: a register may have counted on days before the period."""
    closes = [close["from"] for segment in facts["segments"] for close in segment["closes"]]
    return min([issued.period_start, *map(date.fromisoformat, closes)])
