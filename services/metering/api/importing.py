"""Files of readings, in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import grpc
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.context import caller
from services.chassis.errors import Invalid, Unavailable
from services.chassis.paging import decode_token, encode_token, page_size
from services.metering.api.messages import timestamp
from services.metering.api.part import Part
from services.metering.application.import_readings import Progress, ReadingsImporter, Summary, list_imports


class ImportingApi(Part):
    """ImportReadings, ListImports."""

    _importer: ReadingsImporter

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
            pb.RefusedRow(line=r.line, meter=r.meter, value=r.value, reason=r.reason) for r in summary.refused_readings
        ],
        seen_before=record.seen_before,
        format=record.format,
        register_readings=record.register_readings,
        unknown_supplies=record.unknown_supplies,
        file_problem=record.file_problem
        if record.finished_at
        else "The import was interrupted: import the file again.",
        imported_at=timestamp(record.finished_at or record.received_at),
    )
