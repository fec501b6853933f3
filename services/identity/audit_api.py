"""AuditService over gRPC."""

from __future__ import annotations

import grpc
from coop.identity.v1 import audit_service_pb2 as pb
from coop.identity.v1.audit_service_pb2_grpc import AuditServiceServicer, add_AuditServiceServicer_to_server

from services.chassis.db import Database
from services.chassis.grpc.server import ServicerSpec
from services.identity import audit


class AuditApi(AuditServiceServicer):
    def __init__(self, database: Database) -> None:
        self._database = database

    def VerifyAudit(self, request: pb.VerifyAuditRequest, context: grpc.ServicerContext) -> pb.VerifyAuditResponse:
        with self._database.read() as connection:
            entries, seal = audit.head(connection)
            found = audit.verify(connection)
        broken = pb.BrokenEntry(sequence=found.sequence, why=found.why) if found else None
        return pb.VerifyAuditResponse(entries=entries, seal=seal, broken=broken)


def audit_servicer(database: Database) -> ServicerSpec:
    return ServicerSpec(
        AuditApi(database), add_AuditServiceServicer_to_server, pb.DESCRIPTOR.services_by_name["AuditService"]
    )
