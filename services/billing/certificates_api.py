"""CertificatesService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

import grpc
from coop.billing.v1 import certificates_service_pb2 as pb
from coop.billing.v1.certificates_service_pb2_grpc import CertificatesServiceServicer

from services.billing.application.certificates import Certificates, Granted
from services.billing.application.disputes import DisputeFound, Disputes
from services.billing.application.positions import Positions
from services.billing.messages import Messages, instant
from services.billing.rules import Rules
from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.chassis.paging import page_size


class CertificatesApi(CertificatesServiceServicer):
    def __init__(self, rules: Rules, certificates: Certificates, disputes: Disputes, positions: Positions) -> None:
        self._certificates = certificates
        self._disputes = disputes
        self._positions = positions
        self._write = Messages(rules)

    def OpenDispute(self, request: pb.OpenDisputeRequest, context: grpc.ServicerContext) -> pb.OpenDisputeResponse:
        key = RequestKey.of("OpenDispute", request)
        found = self._disputes.open(key, caller().actor, request.invoice, request.reason)
        return pb.OpenDisputeResponse(dispute=self._dispute(found))

    def CloseDispute(self, request: pb.CloseDisputeRequest, context: grpc.ServicerContext) -> pb.CloseDisputeResponse:
        key = RequestKey.of("CloseDispute", request)
        found = self._disputes.close(key, caller().actor, request.invoice, request.outcome)
        return pb.CloseDisputeResponse(dispute=self._dispute(found))

    def ListDisputes(self, request: pb.ListDisputesRequest, context: grpc.ServicerContext) -> pb.ListDisputesResponse:
        size = page_size(request.page_size)
        found = self._disputes.list(with_closed=request.with_closed, before=request.page_token, limit=size + 1)
        page, more = found[:size], found[size:]
        return pb.ListDisputesResponse(
            disputes=[self._dispute(each) for each in page],
            next_page_token=page[-1].dispute.id if more else "",
        )

    def GetCertificatePosition(
        self, request: pb.GetCertificatePositionRequest, context: grpc.ServicerContext
    ) -> pb.GetCertificatePositionResponse:
        checked = self._positions.check(request.certificate)
        made = checked.certificate
        return pb.GetCertificatePositionResponse(
            certificate=self._write.certificate(Granted(made, self._certificates.state(made))),
            printed_hash=made.position_hash,
            ledger_hash=checked.ledger_hash,
            agrees=checked.agrees,
            overdue=self._write.money(checked.position.total_due),
            entries=checked.entries,
            later=[
                pb.LaterEntry(
                    supply_id=each.supply_id,
                    day=each.day.isoformat(),
                    kind=each.kind,
                    document=each.document,
                    amount=self._write.money(each.amount),
                    recorded_at=instant(each.recorded_at),
                )
                for each in checked.later
            ],
        )

    def _dispute(self, found: DisputeFound) -> pb.Dispute:
        each, invoice = found.dispute, found.invoice
        return pb.Dispute(
            id=each.id,
            invoice_id=invoice.id,
            invoice_number=invoice.number,
            supply_id=each.supply_id,
            account_number=invoice.account_number,
            due_date=invoice.due_date.isoformat(),
            outstanding=self._write.money(found.outstanding),
            reason=each.reason,
            opened_by=each.opened_by,
            opened_at=instant(each.opened_at),
            outcome=each.outcome,
            closed_by=each.closed_by,
            closed_at=instant(each.closed_at) if each.closed_at else None,
        )
