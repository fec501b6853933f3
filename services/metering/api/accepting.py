"""Doubtful readings that the office accepts."""

from __future__ import annotations

import grpc
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.metering.api.messages import period
from services.metering.api.part import Part
from services.metering.application.accepting import Acceptor


class AcceptingApi(Part):
    """AcceptReadings."""

    _acceptor: Acceptor

    def AcceptReadings(
        self, request: pb.AcceptReadingsRequest, context: grpc.ServicerContext
    ) -> pb.AcceptReadingsResponse:
        accepted = self._acceptor.accept(
            RequestKey.of("AcceptReadings", request),
            caller(),
            request.supply_id,
            request.service_id,
            period(request.period, "period"),
            request.reason,
        )
        registers = [
            pb.AcceptedReading(reading_id=one.id, meter=one.meter, day=one.day.isoformat())
            for one in accepted.registers
        ]
        return pb.AcceptReadingsResponse(hours=accepted.hours, readings=registers)
