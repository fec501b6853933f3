"""The fake billing service's check of documents."""

from __future__ import annotations

from typing import Any

from coop.billing.v1 import documents_service_pb2 as pb
from coop.billing.v1 import documents_service_pb2_grpc

from tests.unit.gateway.fakes.world import World


class Documents(documents_service_pb2_grpc.DocumentsServiceServicer):
    """Files that say "genuine" or "altered" are so; the certificate's state is `state`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.state = "valid"

    def VerifyDocument(self, request: Any, context: Any) -> Any:
        self.world.enter("VerifyDocument", request)
        if b"genuine" not in request.content:
            return pb.VerifyDocumentResponse(verdict="altered" if b"altered" in request.content else "not_ours")
        answer = pb.VerifyDocumentResponse(
            verdict="genuine",
            kind="certificate",
            number="C-2026-000001",
            certificate_state=self.state,
            signed_by="Cooperativa Vallesol",
        )
        answer.issued_at.FromDatetime(self.world.clock.now())
        return answer
