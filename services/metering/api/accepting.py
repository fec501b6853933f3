"""Doubtful readings: what there is of them, and those that the office accepts."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.metering.api.messages import period
from services.metering.api.part import Part
from services.metering.api.views import finding_sentence
from services.metering.application.accepting import Acceptor
from services.metering.application.doubtful import Doubtful, doubtful_readings
from services.metering.domain.register_closes import origin_word
from services.metering.repository.readings import StoredReading
from services.metering.words import Words


class AcceptingApi(Part):
    """StreamDoubtfulReadings, AcceptReadings."""

    _acceptor: Acceptor

    def StreamDoubtfulReadings(
        self, request: pb.StreamDoubtfulReadingsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.StreamDoubtfulReadingsResponse]:
        words = Words.of(request.language, self._profile)
        days = period(request.period, "period")
        for found in doubtful_readings(self._database, days, list(request.supply_ids)):
            yield _doubtful(found, words)

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


def _doubtful(found: Doubtful, words: Words) -> pb.StreamDoubtfulReadingsResponse:
    return pb.StreamDoubtfulReadingsResponse(
        supply_id=found.point.supply_id,
        service_id=found.point.service_id,
        kind=found.point.kind,
        account_number=found.account_number,
        days=[
            pb.DoubtfulDay(day=one.day.isoformat(), hours=one.hours, import_wh=one.import_wh, export_wh=one.export_wh)
            for one in found.days
        ],
        registers=[_register(one, words) for one in found.registers],
    )


def _register(one: StoredReading, words: Words) -> pb.DoubtfulRegister:
    kept = one.kept
    return pb.DoubtfulRegister(
        reading_id=one.id,
        meter=one.meter,
        day=one.day.isoformat(),
        origin=origin_word(one.origin),
        unit=one.unit,
        shown=kept.reading.registers_wh if kept else (),
        findings=[finding_sentence(found, words) for found in one.findings],
    )
