"""The answer with an issued invoice's bundle and what each of its lines and taxes rests on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from coop.billing.v1 import billing_service_pb2 as pb

from services.billing.evidence.basis import Basis, bases_of
from services.billing.evidence.quarters import QuarterExcess
from services.billing.repository.invoices import Issued


def facts_message(issued: Issued, bundle: Mapping[str, Any]) -> pb.GetInvoiceFactsResponse:
    """The bundle as JSON, and beside it, line by line, its rows of law and agreement and its measured days."""
    lines, taxes = bases_of(bundle)
    return pb.GetInvoiceFactsResponse(
        invoice_id=issued.id,
        supply_id=issued.supply_id,
        bundle=json.dumps(bundle, ensure_ascii=False, separators=(",", ":")),
        lines=_messages(lines),
        taxes=_messages(taxes),
    )


def _messages(bases: Sequence[Basis]) -> list[pb.Basis]:
    return [
        pb.Basis(
            rows=[
                pb.RuleRow(
                    table=row.table, name=row.name, start=row.start, end=row.end, source=row.source, value=row.value
                )
                for row in each.rows
            ],
            segments=each.segments,
            quarters=None if each.quarters is None else _quarters(each.quarters),
        )
        for each in bases
    ]


def _quarters(found: QuarterExcess) -> pb.QuarterExcess:
    return pb.QuarterExcess(
        contracted_watts=found.contracted_w,
        count=found.count,
        squares=f"{found.squares.normalize():f}",
        highest=[pb.QuarterPower(start=start, watts=watts) for start, watts in found.highest],
    )
