"""The gRPC face of supplies: proto to use case and back, nothing else."""

from collections.abc import Iterator

import grpc
from coop.supplies.v1 import supplies_service_pb2 as pb
from coop.supplies.v1 import supplies_service_pb2_grpc as pb_grpc

from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.supplies.application import associating, reading
from services.supplies.application.core import Core
from services.supplies.application.importing import Line, import_lines


class SuppliesServicer(pb_grpc.SuppliesServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def ImportMembers(
        self, request_iterator: Iterator[pb.ImportMembersRequest], context: grpc.ServicerContext
    ) -> pb.ImportMembersResponse:
        # No idempotency key: lines that landed are recognised by what they say, so any repetition is safe.
        lines = (Line(row.line, dict(row.fields)) for message in request_iterator for row in message.rows)
        outcome = import_lines(self._core, lines)
        return pb.ImportMembersResponse(
            members_created=len(outcome.members_created),
            members_updated=len(outcome.members_updated),
            supplies_created=len(outcome.supplies_created),
            supplies_updated=len(outcome.supplies_updated),
            rows_unchanged=outcome.unchanged,
            refused=[
                pb.RefusedRow(line=line, field=problem.field, value=problem.value, reason=problem.reason)
                for line, problem in sorted(outcome.refused, key=lambda found: found[0])
            ],
        )

    def ListSupplies(self, request: pb.ListSuppliesRequest, context: grpc.ServicerContext) -> pb.ListSuppliesResponse:
        supplies, more = reading.list_supplies(
            self._core, query=request.query, size=request.page_size, page_token=request.page_token
        )
        return pb.ListSuppliesResponse(supplies=supplies, next_page_token=more)

    def GetSupply(self, request: pb.GetSupplyRequest, context: grpc.ServicerContext) -> pb.GetSupplyResponse:
        return pb.GetSupplyResponse(supply=reading.get_supply(self._core, caller(), reference=request.supply_id))

    def ListMySupplies(
        self, request: pb.ListMySuppliesRequest, context: grpc.ServicerContext
    ) -> pb.ListMySuppliesResponse:
        supplies, current, more = reading.my_supplies(
            self._core, caller(), size=request.page_size, page_token=request.page_token
        )
        return pb.ListMySuppliesResponse(supplies=supplies, current_supply_id=current, next_page_token=more)

    def SetCurrentSupply(
        self, request: pb.SetCurrentSupplyRequest, context: grpc.ServicerContext
    ) -> pb.SetCurrentSupplyResponse:
        key = RequestKey.of("SetCurrentSupply", request)
        reading.set_current(self._core, key, caller(), supply_id=request.supply_id)
        return pb.SetCurrentSupplyResponse()

    def RequestAssociation(
        self, request: pb.RequestAssociationRequest, context: grpc.ServicerContext
    ) -> pb.RequestAssociationResponse:
        key = RequestKey.of("RequestAssociation", request)
        associating.request(self._core, key, caller(), document=request.document, birth_date=request.birth_date)
        return pb.RequestAssociationResponse()

    def ConfirmAssociation(
        self, request: pb.ConfirmAssociationRequest, context: grpc.ServicerContext
    ) -> pb.ConfirmAssociationResponse:
        key = RequestKey.of("ConfirmAssociation", request)
        added = associating.confirm(self._core, key, caller(), code=request.code)
        return pb.ConfirmAssociationResponse(supplies_added=added)

    def IssueAssociationCode(
        self, request: pb.IssueAssociationCodeRequest, context: grpc.ServicerContext
    ) -> pb.IssueAssociationCodeResponse:
        code, minutes = associating.issue_code(
            self._core, association_id=request.association_id, event_id=request.event_id
        )
        return pb.IssueAssociationCodeResponse(code=code, valid_minutes=minutes)
