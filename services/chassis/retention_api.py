"""`coop.common.v1.RetentionService`, which every service serves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import grpc
from coop.common.v1 import retention_service_pb2 as pb
from coop.common.v1.retention_service_pb2_grpc import RetentionServiceServicer, add_RetentionServiceServicer_to_server
from google.protobuf.timestamp_pb2 import Timestamp

from services.chassis import retention
from services.chassis.clock import Clock
from services.chassis.errors import Unavailable
from services.chassis.eventlog import EventLogError
from services.chassis.grpc.server import ServicerSpec
from services.chassis.retention import Kept, Look
from services.chassis.telemetry import logger


class RetentionApi(RetentionServiceServicer):
    def __init__(self, kept: Sequence[Kept], clock: Clock) -> None:
        self._kept = kept
        self._clock = clock

    def GetRetention(self, request: pb.GetRetentionRequest, context: grpc.ServicerContext) -> pb.GetRetentionResponse:
        try:
            return pb.GetRetentionResponse(data=[_data(each) for each in retention.look(self._kept, self._clock.now())])
        except EventLogError as error:
            raise Unavailable(f"The event log does not say what is old in it: {error}") from error

    def ApplyRetention(
        self, request: pb.ApplyRetentionRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ApplyRetentionResponse]:
        total: dict[str, int] = {}
        try:
            for kept, gone in retention.apply(self._kept, self._clock.now(), context.is_active):
                total[kept.code] = total.get(kept.code, 0) + gone
                yield pb.ApplyRetentionResponse(code=kept.code, removed=gone)
        except EventLogError as error:
            raise Unavailable(f"The event log does not let its old events go: {error}") from error
        finally:
            logger().info("retention_applied", removed=total)


def retention_servicer(kept: Sequence[Kept], clock: Clock) -> ServicerSpec:
    return ServicerSpec(
        RetentionApi(kept, clock),
        add_RetentionServiceServicer_to_server,
        pb.DESCRIPTOR.services_by_name["RetentionService"],
    )


def _data(found: Look) -> pb.KeptData:
    kept, before = found.kept, Timestamp()
    if found.before is not None:
        before.FromDatetime(found.before)
    return pb.KeptData(
        code=kept.code,
        what=kept.what,
        why=kept.why,
        how=kept.how,
        days=kept.days or 0,
        old=found.count,
        before=before if found.before is not None else None,
    )
