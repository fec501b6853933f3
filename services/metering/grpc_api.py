"""coop.metering.v1.MeteringService: messages to use cases and back, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime

import grpc
from coop.common.v1 import types_pb2
from coop.metering.v1 import metering_service_pb2 as pb
from coop.metering.v1 import metering_service_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.chassis.context import caller
from services.chassis.db import Database
from services.chassis.errors import Invalid, Unavailable
from services.chassis.paging import decode_token, encode_token, page_size
from services.chassis.periods import DatePeriod
from services.metering.application.energy import BillableEnergy, EnergyQuery, billable_energy
from services.metering.application.import_readings import Progress, ReadingsImporter, Summary, list_imports
from services.metering.application.views import Day, get_curve, list_billed_periods
from services.metering.domain.hours import hour_start

_UNFINISHED = (
    "The import has not finished. If nothing is at work on it any more, import the file again: it will be completed."
)


class MeteringApi(metering_service_pb2_grpc.MeteringServiceServicer):
    """The servicer."""

    def __init__(self, database: Database, importer: ReadingsImporter, time_zone: str) -> None:
        self._database, self._importer, self._time_zone = database, importer, time_zone

    def ImportReadings(
        self, requests: Iterator[pb.ImportReadingsRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.ImportReadingsResponse]:
        first = next(requests, None)
        if first is None or first.WhichOneof("part") != "file_name":
            raise Invalid("The first message of an import must carry the file's name.", field="file_name")
        for step in self._importer.run(first.file_name, _chunks(requests), caller().actor):
            if isinstance(step, Progress):
                progress = pb.ImportProgress(bytes_read=step.bytes_read, readings=step.readings)
                yield pb.ImportReadingsResponse(progress=progress)
            else:
                yield pb.ImportReadingsResponse(summary=_summary(step))

    def ListImports(self, request: pb.ListImportsRequest, context: grpc.ServicerContext) -> pb.ListImportsResponse:
        size, after = page_size(request.page_size), decode_token(request.page_token, 1)
        found = list_imports(self._database, size, after[0] if after else "")
        token = encode_token(found[-1].record.id) if len(found) == size else ""
        return pb.ListImportsResponse(imports=[_summary(summary) for summary in found], next_page_token=token)

    def StreamBillableEnergy(
        self, request: pb.StreamBillableEnergyRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.StreamBillableEnergyResponse]:
        queries = [
            EnergyQuery(query.supply_id, query.service_id, query.tariff, _period(query.period, f"queries[{i}].period"))
            for i, query in enumerate(request.queries)
        ]
        for answer in billable_energy(self._database, self._time_zone, queries):
            yield _energy(answer)

    def ListBilledPeriods(
        self, request: pb.ListBilledPeriodsRequest, context: grpc.ServicerContext
    ) -> pb.ListBilledPeriodsResponse:
        size, after = page_size(request.page_size), decode_token(request.page_token, 2)
        found = list_billed_periods(
            self._database, caller(), request.supply_id, size, (_day_of_token(after[0]), after[1]) if after else None
        )
        periods = [
            pb.BilledPeriod(
                period=types_pb2.DatePeriod(start=one.start.isoformat(), end=one.end.isoformat()),
                invoice_id=one.invoice_id,
                invoice_number=one.number,
                import_wh=one.import_wh,
                hours_expected=one.hours_expected,
                hours_measured=one.hours_measured,
                hours_estimated=one.hours_estimated,
                hours_missing=one.hours_missing,
            )
            for one in found
        ]
        token = encode_token(found[-1].start.isoformat(), found[-1].invoice_id) if len(found) == size else ""
        return pb.ListBilledPeriodsResponse(periods=periods, next_page_token=token)

    def GetCurve(self, request: pb.GetCurveRequest, context: grpc.ServicerContext) -> pb.GetCurveResponse:
        period = _period(request.period, "period")
        curve = get_curve(self._database, self._time_zone, caller(), request.supply_id, period)
        return pb.GetCurveResponse(
            days=[_day(day) for day in curve.days], time_zone=curve.time_zone, tariff=curve.tariff
        )


def _chunks(requests: Iterable[pb.ImportReadingsRequest]) -> Iterator[bytes]:
    """The bytes of the file. Raises Unavailable when the stream ends before it says that the file is whole: a lost
    connection may look like an end."""
    cut_off = "The upload ended before the file was complete and nothing of it was stored: send it again."
    try:
        for request in requests:
            part = request.WhichOneof("part")
            if part == "complete":
                return
            if part != "chunk":
                raise Invalid("After the file's name an import carries chunks of the file only.", field="chunk")
            yield request.chunk
    except grpc.RpcError as gone:
        raise Unavailable(cut_off, "UPLOAD_INTERRUPTED") from gone
    raise Unavailable(cut_off, "UPLOAD_INTERRUPTED")


def _summary(summary: Summary) -> pb.ImportSummary:
    record = summary.record
    return pb.ImportSummary(
        import_id=record.id,
        file_name=record.file_name,
        sha256=record.sha256,
        accepted=record.accepted,
        duplicates=record.duplicates,
        superseded=record.superseded,
        of_unknown_meters=record.of_unknown_meters,
        refused=record.refused,
        meters_with_readings=record.meters_with_readings,
        unknown_meters=record.unknown_meters,
        meter_errors=[pb.MeterError(meter=e.meter, code=e.code, category=e.category) for e in record.meter_errors],
        refused_readings=[
            pb.RefusedReading(line=r.line, meter=r.meter, value=r.value, reason=r.reason)
            for r in summary.refused_readings
        ],
        seen_before=record.seen_before,
        file_problem=record.file_problem
        if record.finished_at
        else "The import was interrupted: import the file again.",
        imported_at=_timestamp(record.finished_at or record.received_at),
    )


def _energy(answer: BillableEnergy) -> pb.StreamBillableEnergyResponse:
    return pb.StreamBillableEnergyResponse(
        supply_id=answer.supply_id,
        service_id=answer.service_id,
        energy=[
            pb.PeriodEnergy(period=one.period, import_wh=one.import_wh, export_wh=one.export_wh)
            for one in answer.energy
        ],
        hours_expected=answer.hours_expected,
        hours_measured=answer.hours_measured,
        hours_estimated=answer.hours_estimated,
        hours_missing=answer.hours_missing,
        curve_version=answer.curve_version,
    )


def _day(day: Day) -> pb.DayCurve:
    return pb.DayCurve(
        day=day.day.isoformat(),
        hours_expected=day.hours_expected,
        hours=[
            pb.Hour(
                start=_timestamp(hour_start(hour.start)),
                import_wh=hour.import_wh,
                export_wh=hour.export_wh,
                quality=pb.QUALITY_ESTIMATED if hour.estimated else pb.QUALITY_REAL,
                tariff_period=hour.tariff_period,
            )
            for hour in day.hours
        ],
    )


def _timestamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def _period(period: types_pb2.DatePeriod, field: str) -> DatePeriod:
    try:
        return DatePeriod.parse(period.start, period.end)
    except ValueError as wrong:
        raise Invalid(f"{str(wrong)[:1].upper()}{str(wrong)[1:]}.", field=field) from wrong


def _day_of_token(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(
            "page_token is not one of ours: use the next_page_token of the page before.", "PAGE_TOKEN"
        ) from None
