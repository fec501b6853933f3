"""The bundle of an issued invoice: what it prints, its facts, and the rows that it can have met. See docs/invoice-bundle.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from services.billing.domain.rectifying import Figures
from services.billing.evidence.facts import RuleSet, printed_of
from services.billing.evidence.rule_set import in_force
from services.billing.repository.invoices import Details, Issued

FORMAT = "acometida-invoice/1"
#: Tables of the law of wrong invoices, by which interest and instalments are calculated.
CORRECTION_TABLES = ("legal_interest", "regularisation")


@dataclass(frozen=True)
class Standing:
    """What stood before a rectification: the last document that said it, its whole figures, and what they came from."""

    document: Issued
    figures: Figures
    facts: Mapping[str, Any]
    rules: RuleSet


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
            "supply_id": issued.supply_id,
            "member_id": issued.member_id,
            "issue_date": issued.issue_date.isoformat(),
            "due_date": issued.due_date.isoformat(),
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
        **_charge(content, facts, issued.period_start),
        **in_force(content, _first_day(issued, facts), issued.period_end, date.fromisoformat(facts["accrual_date"])),
    }


def rectifying_bundle(
    issued: Issued,
    details: Details,
    facts: Mapping[str, Any],
    rules: RuleSet,
    time_zone: str,
    corrected: Figures,
    before: Standing,
) -> dict[str, Any]:
    """The bundle of a rectifying invoice: facts and rows are those of the corrected invoice, and `rectification` has its
    whole figures, the bundle of what stood before, and what interest and instalments were calculated from.
    """
    said = issued.printed["rectification"]
    stood = replace(before.document, total=before.figures.total)
    whole = Details(before.figures.lines, before.figures.taxes, {})
    return {
        **bundle_of(issued, details, facts, rules, time_zone),
        "rectification": {
            **{
                name: value
                for name, value in said.items()
                if name not in ("taxes", "billed_wh", "billed_litres", "known_litres")
            },
            "corrected": {**printed_of(corrected.lines, corrected.taxes), "total": str(corrected.total)},
            "before": bundle_of(stood, whole, before.facts, before.rules, time_zone),
            "law": _law(rules, issued, said),
        },
    }


def _law(rules: RuleSet, issued: Issued, said: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of correcting that touch the days from the first payment to the issue, or the day the error was found."""
    tables = json.loads(rules.content)["tables"]
    found_on = date.fromisoformat(said["found_on"])
    first = min([found_on, *(date.fromisoformat(day) for day, _ in said["payments"])])
    own = {"tables": {name: tables.get(name, []) for name in CORRECTION_TABLES}, "concepts": []}
    rows: dict[str, Any] = in_force(own, first, issued.issue_date + timedelta(days=1), found_on)["tables"]
    return rows


def _charge(content: Mapping[str, Any], facts: Mapping[str, Any], day: date) -> dict[str, Any]:
    """What an invoice charges that bills no supply, and the profile's row of it on its day."""
    if "charge" not in facts:
        return {}
    rows = [row for row in content["charge_concepts"] if row["code"] == facts["charge"]["concept"]]
    on = day.isoformat()
    return {
        "charge": facts["charge"],
        "charge_concepts": [row for row in rows if row["from"] <= on and (not row["to"] or on < row["to"])],
    }


def _first_day(issued: Issued, facts: Mapping[str, Any]) -> date:
    """Of anything billed: a register may have counted on days before the period."""
    closes = [close["from"] for segment in facts["segments"] for close in segment["closes"]]
    return min([issued.period_start, *map(date.fromisoformat, closes)])
