"""Members' own readings in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from coop.metering.v1 import metering_service_pb2 as metering

from services.chassis.errors import Invalid, NotFound, Violation
from tests.support.photos import meter_photo
from tests.unit.gateway.fakes.world import World

RECEIPT = "7Q4M2-K9DXW"
WATER = "w-sup-1"
"""A service whose meter was never read and has one register."""


class SelfReadings:
    """The part of the metering service that takes self-readings, for a meter of three registers."""

    world: World

    def GetSelfReadingForm(self, request: Any, context: Any) -> Any:
        self.world.enter("GetSelfReadingForm", request)
        self.world.owned(request.supply_id)
        if request.service_id == WATER:
            return metering.GetSelfReadingFormResponse(
                service_id=WATER,
                meter="W-77",
                unit="m3",
                registers=[metering.SelfReadingRegister(register="total")],
                digits=5,
                latest_day="2026-12-17",
                max_photo_bytes=5_000_000,
            )
        return metering.GetSelfReadingFormResponse(
            service_id=f"e-{request.supply_id}",
            meter="ZIV0040318130",
            unit="kWh",
            registers=[
                metering.SelfReadingRegister(register=name, last_real=last)
                for name, last in (("P1", 4_115), ("P2", 3_902), ("P3", 4_323))
            ],
            last_real_day="2026-11-01",
            digits=6,
            last_billed_day="2026-10-31",
            latest_day="2026-12-17",
            closed=self.world.closed,
            max_photo_bytes=5_000_000,
        )

    def SubmitSelfReading(self, request: Any, context: Any) -> Any:
        self.world.enter("SubmitSelfReading", request)
        self.world.owned(request.supply_id)
        shown = {one.register: one.value for one in request.shown}
        wanted = ("total",) if request.service_id == WATER else ("P1", "P2", "P3")
        found = [Violation(name, f"{name}: escribe lo que marca el contador.") for name in wanted if name not in shown]
        if shown.get("P1", 9_999) < 4_115:
            found.append(Violation("P1", "P1: es menos que la última lectura, 4.115. Comprueba el número."))
        if not request.photo:
            found.append(Violation("photo", "Falta una foto del contador."))
        if found:
            raise Invalid("The reading is not taken.", "SELF_READING", violations=found)
        return metering.SubmitSelfReadingResponse(receipt=RECEIPT, reading_id="r-1")

    def ListSelfReadings(self, request: Any, context: Any) -> Any:
        self.world.enter("ListSelfReadings", request)
        self.world.owned(request.supply_id)
        if request.receipt not in ("", RECEIPT) or request.supply_id != "sup-1":
            if request.receipt:
                raise NotFound("There is no such receipt.", "RECEIPT_NOT_FOUND")
            return metering.ListSelfReadingsResponse()
        one = metering.SelfReadingReceipt(
            receipt=RECEIPT,
            supply_id="sup-1",
            account_number="5555/1",
            meter="ZIV0040318130",
            day="2026-11-20",
            unit="kWh",
            shown=[
                metering.SubmitSelfReadingRequest.Shown(register=name, value=value)
                for name, value in (("P1", 4_177), ("P2", 3_957), ("P3", 4_451))
            ],
            photo_type="image/jpeg",
            state=self.world.reading_state,
            enters_cycle="2027-01-01",
            account_id=self.world.reading_by,
        )
        one.received_at.FromDatetime(datetime(2026, 11, 20, 18, 4, tzinfo=UTC))
        return metering.ListSelfReadingsResponse(readings=[one])

    def GetSelfReadingPhoto(self, request: Any, context: Any) -> Any:
        self.world.enter("GetSelfReadingPhoto", request)
        self.world.owned(request.supply_id)
        if request.receipt != RECEIPT:
            raise NotFound("There is no such receipt.", "RECEIPT_NOT_FOUND")
        return metering.GetSelfReadingPhotoResponse(content_type=self.world.photo_type, content=meter_photo("04177"))
