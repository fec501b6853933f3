"""A member's own readings of the meter, as pages show them: what is asked, and what was taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from coop.metering.v1 import metering_service_pb2 as metering


@dataclass(frozen=True)
class AskedRegister:
    """A register by name ("P1" ..., or "total") and what it showed when it was really read last, in whole units."""

    name: str
    last: int


@dataclass(frozen=True)
class FormView:
    """What a reading must say. ``unit`` is "kWh" or "m3"; ``closed`` says why none can be given now, "" when one can."""

    service_id: str
    meter: str
    unit: str
    registers: tuple[AskedRegister, ...]
    last_day: date | None
    digits: int
    last_billed: date | None
    latest: date
    closed: str
    max_photo_bytes: int

    @classmethod
    def of(cls, answer: metering.GetSelfReadingFormResponse) -> FormView:
        return cls(
            service_id=answer.service_id,
            meter=answer.meter,
            unit=answer.unit,
            registers=tuple(AskedRegister(one.register, one.last_real) for one in answer.registers),
            last_day=_day(answer.last_real_day),
            digits=answer.digits,
            last_billed=_day(answer.last_billed_day),
            latest=date.fromisoformat(answer.latest_day),
            closed=answer.closed,
            max_photo_bytes=answer.max_photo_bytes,
        )


@dataclass(frozen=True)
class ReceiptView:
    """A reading that was taken. ``state``: "counts", "replaced", "superseded" or "doubtful"; ``cycle``: the first day of
    the billing cycle that it enters; ``account_id``: who gave it, and may see its photo."""

    number: str
    day: date
    unit: str
    shown: tuple[tuple[str, int], ...]
    meter: str
    account_number: str
    received_at: datetime
    photo_type: str
    state: str
    cycle: date
    account_id: str

    @property
    def has_picture(self) -> bool:
        """Whether browsers draw photos of this type."""
        return self.photo_type in ("image/jpeg", "image/png", "image/webp")

    @classmethod
    def of(cls, one: metering.SelfReadingReceipt) -> ReceiptView:
        return cls(
            number=one.receipt,
            day=date.fromisoformat(one.day),
            unit=one.unit,
            shown=tuple((value.register, value.value) for value in one.shown),
            meter=one.meter,
            account_number=one.account_number,
            received_at=one.received_at.ToDatetime(tzinfo=UTC),
            photo_type=one.photo_type,
            state=one.state,
            cycle=date.fromisoformat(one.enters_cycle),
            account_id=one.account_id,
        )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
