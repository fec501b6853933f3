"""FiscalService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import grpc
from coop.billing.v1 import fiscal_service_pb2 as pb
from coop.billing.v1.fiscal_service_pb2_grpc import FiscalServiceServicer

from services.billing.application.fiscal_codes import FiscalCodes
from services.billing.application.fiscal_records import FiscalRecords
from services.billing.messages import instant
from services.billing.repository.fiscal import Code
from services.chassis.errors import Invalid
from services.chassis.periods import parse_date

DEFAULT_PAGE, LARGEST_PAGE = 20, 100
FILE_CHUNK = 64 * 1024


class FiscalApi(FiscalServiceServicer):
    def __init__(self, records: FiscalRecords, codes: FiscalCodes) -> None:
        self._records = records
        self._codes = codes

    def StreamFiscalRecords(
        self, request: pb.StreamFiscalRecordsRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.StreamFiscalRecordsResponse]:
        first, last = _day(request.first_day, "first_day"), _day(request.last_day, "last_day")
        for file in self._records.sendings(first, last):
            for start in range(0, len(file.content), FILE_CHUNK):
                name = file.name if start == 0 else ""
                yield pb.StreamFiscalRecordsResponse(file_name=name, chunk=file.content[start : start + FILE_CHUNK])

    def VerifyFiscalRecords(
        self, request: pb.VerifyFiscalRecordsRequest, context: grpc.ServicerContext
    ) -> pb.VerifyFiscalRecordsResponse:
        found = self._records.check()
        broken = None
        if found.broken is not None:
            broken = pb.BrokenRecord(position=found.broken.position, number=found.broken.number, why=found.broken.why)
        return pb.VerifyFiscalRecordsResponse(records=found.records, broken=broken, without_record=found.without_record)

    def ListServiceCodes(
        self, request: pb.ListServiceCodesRequest, context: grpc.ServicerContext
    ) -> pb.ListServiceCodesResponse:
        if request.page_size < 0:
            raise Invalid(f"page_size is {request.page_size}; give 1 to {LARGEST_PAGE}, or nothing.", field="page_size")
        size = min(request.page_size or DEFAULT_PAGE, LARGEST_PAGE)
        found = self._codes.list(before=request.page_token, limit=size + 1)
        page, more = found[:size], found[size:]
        return pb.ListServiceCodesResponse(
            codes=[_code(each) for each in page], next_page_token=page[-1].code if more else ""
        )


def _code(each: Code) -> pb.ServiceCode:
    return pb.ServiceCode(
        code=each.code,
        point_of_sale=each.point_of_sale,
        voucher=each.voucher,
        period_start=each.period_start.isoformat(),
        period_end=each.period_end.isoformat(),
        valid_until=each.valid_until.isoformat(),
        provider=each.provider,
        granted_at=instant(each.granted_at),
        used=each.used or 0,
    )


def _day(text: str, field: str) -> date:
    try:
        return parse_date(text)
    except ValueError as wrong:
        raise Invalid(f"{field} {wrong}.", field=field) from wrong
