"""The quarantine of rows that could not be taken."""

from __future__ import annotations

import grpc
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.chassis.errors import Invalid
from services.chassis.paging import decode_token, encode_token, page_size
from services.metering.api.messages import timestamp
from services.metering.api.part import Part
from services.metering.application.quarantine import Quarantine
from services.metering.repository.quarantine import QuarantinedRow


class QuarantineApi(Part):
    """ListQuarantine, SettleQuarantine."""

    _quarantine: Quarantine

    def ListQuarantine(
        self, request: pb.ListQuarantineRequest, context: grpc.ServicerContext
    ) -> pb.ListQuarantineResponse:
        size, after = page_size(request.page_size), decode_token(request.page_token, 2)
        found = self._quarantine.page(request.import_id, request.state, size, _seen(after))
        token = encode_token(found[-1].import_id, str(found[-1].number)) if len(found) == size else ""
        return pb.ListQuarantineResponse(rows=[_row(row) for row in found], next_page_token=token)

    def SettleQuarantine(
        self, request: pb.SettleQuarantineRequest, context: grpc.ServicerContext
    ) -> pb.SettleQuarantineResponse:
        actions = {
            pb.QUARANTINE_ACTION_RETRY: self._quarantine.retry,
            pb.QUARANTINE_ACTION_DISCARD: self._quarantine.discard,
        }
        act = actions.get(request.action)
        if act is None:
            raise Invalid("action must say whether to retry the rows or to discard them.", field="action")
        key = RequestKey.of("SettleQuarantine", request)
        settled = act(key, request.import_id, list(request.numbers), caller().actor)
        return pb.SettleQuarantineResponse(
            taken=settled.taken,
            discarded=settled.discarded,
            still_open=[_row(row) for row in settled.still_open],
        )


def _seen(after: tuple[str, ...] | None) -> tuple[str, int] | None:
    if after is None:
        return None
    import_id, number = after
    if not number.isdigit():
        raise Invalid(
            "page_token is not one of ours: use the next_page_token of the page before.",
            "PAGE_TOKEN",
            field="page_token",
        )
    return import_id, int(number)


def _row(found: QuarantinedRow) -> pb.QuarantinedRow:
    row = found.row
    message = pb.QuarantinedRow(
        import_id=found.import_id,
        number=found.number,
        file_name=found.file_name,
        member=row.member,
        dialect=row.dialect,
        line=row.line,
        point=row.meter,
        value=row.value,
        reason=row.reason,
        state=found.state,
        imported_at=timestamp(found.imported_at),
        can_retry=found.can_retry,
        settled_by=found.settled_by,
    )
    if found.settled_at is not None:
        message.settled_at.CopyFrom(timestamp(found.settled_at))
    return message
