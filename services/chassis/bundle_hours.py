"""The hours of the load curve in an invoice's bundle, asked for and written alike by office and portal.

Billing gives a bundle without them (docs/invoice-bundle.md); metering has them as they were known when it was issued.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

from coop.common.v1 import types_pb2
from coop.metering.v1 import metering_service_pb2 as metering

Segment = dict[str, Any]


def hour_requests(bundle: dict[str, Any], supply_id: str) -> Iterator[tuple[Segment, metering.GetCurveRequest]]:
    """Each segment that was billed from a curve, and the call that gives its hours; of a rectifying invoice those of what
    stood before too.
    """
    before = bundle["rectification"]["before"]["segments"] if "rectification" in bundle else []
    for segment in (*bundle["segments"], *before):
        if segment["curve_version"]:
            yield (
                segment,
                metering.GetCurveRequest(
                    supply_id=supply_id,
                    service_id=segment["service_id"],
                    period=types_pb2.DatePeriod(start=segment["from"], end=segment["to"]),
                    curve_version=segment["curve_version"],
                ),
            )


def seal(bundle: dict[str, Any]) -> None:
    """Gives a whole bundle the SHA-256 of its content: canonical JSON (sorted keys, no spaces, UTF-8) of all the rest."""
    content = {name: value for name, value in bundle.items() if name != "sha256"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    bundle["sha256"] = hashlib.sha256(text.encode()).hexdigest()


def hours_of(curve: metering.GetCurveResponse, time_zone: str) -> list[list[Any]]:
    """[start with its offset, import Wh, export Wh, method] of every hour that is there."""
    zone = ZoneInfo(time_zone)
    return [
        [hour.start.ToDatetime(UTC).astimezone(zone).isoformat(), hour.import_wh, hour.export_wh, hour.method]
        for day in curve.days
        for hour in day.hours
    ]
