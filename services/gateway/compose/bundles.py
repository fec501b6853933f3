"""The data an invoice is calculated from, with its hours: what the office's bundle of it says, to the letter."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from coop.billing.v1 import billing_service_pb2 as billing

from services.chassis.bundle_hours import hour_requests, hours_of, seal
from services.chassis.errors import NotFound
from services.gateway.compose.fanout import Fanout
from services.gateway.upstream import Upstream


def bundle_of(fanout: Fanout, services: Upstream, invoice_id: str, supply_id: str = "") -> dict[str, Any]:
    """The bundle of docs/invoice-bundle.md. Raises NotFound when it is not an invoice of `supply_id`, where one is named."""
    facts = fanout.ask(
        services.billing.GetInvoiceFacts, billing.GetInvoiceFactsRequest(invoice_id=invoice_id), lambda answer: answer
    ).get()
    if supply_id and facts.supply_id != supply_id:
        raise NotFound("There is no such invoice of this supply.")
    content: dict[str, Any] = json.loads(facts.bundle)
    asked = [
        (segment, fanout.ask(services.metering.GetCurve, request, partial(hours_of, time_zone=content["time_zone"])))
        for segment, request in hour_requests(content, facts.supply_id)
    ]
    for segment, hours in asked:
        segment["hours"] = hours.get()
    seal(content)
    return content


def as_text(bundle: dict[str, Any]) -> str:
    """As `coopctl invoice bundle` writes it."""
    return json.dumps(bundle, ensure_ascii=False, indent=1) + "\n"
