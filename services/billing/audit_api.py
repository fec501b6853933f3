"""InvoiceAuditService over gRPC."""

from __future__ import annotations

import grpc
from coop.billing.v1 import audit_service_pb2 as pb
from coop.billing.v1.audit_service_pb2_grpc import (
    InvoiceAuditServiceServicer,
    add_InvoiceAuditServiceServicer_to_server,
)

from services.billing.application.invoice_chains import check_invoices
from services.chassis.db import Database
from services.chassis.grpc.server import ServicerSpec


class InvoiceAuditApi(InvoiceAuditServiceServicer):
    def __init__(self, database: Database) -> None:
        self._database = database

    def VerifyInvoices(
        self, request: pb.VerifyInvoicesRequest, context: grpc.ServicerContext
    ) -> pb.VerifyInvoicesResponse:
        return pb.VerifyInvoicesResponse(
            series=[pb.SeriesCheck(**each.__dict__) for each in check_invoices(self._database)]
        )


def invoice_audit_servicer(database: Database) -> ServicerSpec:
    return ServicerSpec(
        InvoiceAuditApi(database),
        add_InvoiceAuditServiceServicer_to_server,
        pb.DESCRIPTOR.services_by_name["InvoiceAuditService"],
    )
