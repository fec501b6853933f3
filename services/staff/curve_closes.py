"""Register readings of curve files, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any

from services.metering.domain.registers import LITRE, RegisterRow

COLUMNS = ("Meter", "Supply", "Midnight of", "Since", "Origin", "Channel", "Registers", "Total", "Unit")
ENERGY = ("import", "export")
"""Channels of active energy; the others, R1 to R4, are of reactive energy."""


def close_document(row: RegisterRow) -> dict[str, Any]:
    """One reading as JSON data: absolute Wh, varh or litres at local midnight at the start of `day`."""
    return {
        "meter": row.meter,
        "supply": row.supply,
        "day": row.day.isoformat(),
        "since": row.since.isoformat() if row.since else None,
        "origin": row.origin.name.lower(),
        "unit": row.unit,
        "registers": {channel: list(values) for channel, values in row.registers.items()},
        "totals": dict(row.totals),
        "max_power": [
            {
                "period": f"P{one.period}",
                "watts": one.watts,
                "at": one.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if one.at else None,
            }
            for one in row.max_power
        ],
        "line": row.line,
    }


def close_lines(rows: Iterable[RegisterRow]) -> Iterator[tuple[str, ...]]:
    """A line for each channel that counted anything; the registers in kWh, kvarh or m3."""
    for row in rows:
        counted = [channel for channel, values in row.registers.items() if any(values)]
        for channel in counted or list(row.registers)[:1]:
            yield (
                row.meter,
                row.supply,
                row.day.isoformat(),
                row.since.isoformat() if row.since else "",
                row.origin.name.lower().replace("_", " "),
                channel,
                " ".join(_thousands(value) for value in row.registers[channel]),
                _thousands(row.totals[channel]) if channel in row.totals else "",
                "m3" if row.unit == LITRE else "kWh" if channel in ENERGY else "kvarh",
            )


def _thousands(value: int) -> str:
    """Wh as kWh, litres as m3, with three decimals unless they are zero."""
    whole, rest = divmod(value, 1000)
    return f"{whole:,}.{rest:03}" if rest else f"{whole:,}"
