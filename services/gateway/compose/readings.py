"""Readings of a meter's registers, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from coop.metering.v1 import metering_service_pb2 as metering

SELF_READING = "self_reading"
_PER_SHOWN_UNIT = 1_000
"""Wh of a kWh, litres of a cubic metre."""


@dataclass(frozen=True)
class RegisterView:
    """A register by name ("P1" …, or "total"): what it showed and what was used since the reading before, in kWh or m³."""

    name: str
    value: Decimal
    used: Decimal | None


@dataclass(frozen=True)
class ReadingView:
    """A reading. `day` is the day at whose end, or in whose course, it was taken as its reader would say it; `origin` is
    "technician", "self_reading" or "estimate"; `water` whether its registers are cubic metres. `superseded`: a better
    reading stands in its place. `doubtful`: it does not fit the others and is being checked."""

    service_id: str
    meter: str
    day: date
    origin: str
    water: bool
    registers: tuple[RegisterView, ...]
    superseded: bool
    doubtful: bool
    receipt: str

    @classmethod
    def of(cls, one: metering.RegisterReading) -> ReadingView:
        midnight = date.fromisoformat(one.day)
        return cls(
            service_id=one.service_id,
            meter=one.meter,
            # Members read in the course of the day that the midnight ends.
            day=midnight - timedelta(days=1) if one.origin == SELF_READING else midnight,
            origin=one.origin,
            water=one.unit == "litre",
            registers=tuple(
                RegisterView(
                    use.register,
                    Decimal(use.final) / _PER_SHOWN_UNIT,
                    Decimal(use.used) / _PER_SHOWN_UNIT if one.since else None,
                )
                for use in one.registers
            ),
            superseded=one.superseded,
            doubtful=one.doubtful and not one.superseded and not one.since,
            receipt=one.receipt,
        )


@dataclass(frozen=True)
class ReadingsView:
    """Some readings, newest first, and the token of the ones after them; empty when there are no more."""

    readings: tuple[ReadingView, ...]
    next_page_token: str

    @classmethod
    def of(cls, answer: metering.ListReadingsResponse) -> ReadingsView:
        return cls(tuple(ReadingView.of(one) for one in answer.readings), answer.next_page_token)
