"""RectifyingService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

import grpc
from coop.billing.v1 import billing_pb2
from coop.billing.v1 import rectifying_service_pb2 as pb
from coop.billing.v1.rectifying_service_pb2_grpc import RectifyingServiceServicer

from services.billing.application.rectification import Outcome
from services.billing.application.regularising import CorrectionFound, Corrections, RectifyOrder
from services.billing.domain.rectifying import DIFFERENCE, SUBSTITUTION
from services.billing.messages import Messages, instant, period
from services.billing.rules import Rules
from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.chassis.errors import Invalid

DEFAULT_PAGE, LARGEST_PAGE = 20, 100
METHODS = {
    pb.RECTIFICATION_METHOD_UNSPECIFIED: DIFFERENCE,
    pb.RECTIFICATION_METHOD_DIFFERENCE: DIFFERENCE,
    pb.RECTIFICATION_METHOD_SUBSTITUTION: SUBSTITUTION,
}


class RectifyingApi(RectifyingServiceServicer):
    def __init__(self, rules: Rules, corrections: Corrections) -> None:
        self._corrections = corrections
        self._write = Messages(rules)

    def ListCorrections(
        self, request: pb.ListCorrectionsRequest, context: grpc.ServicerContext
    ) -> pb.ListCorrectionsResponse:
        if request.page_size < 0:
            raise Invalid(f"page_size is {request.page_size}; give 1 to {LARGEST_PAGE}, or nothing.", field="page_size")
        size = min(request.page_size or DEFAULT_PAGE, LARGEST_PAGE)
        found = self._corrections.list(request.state, before=request.page_token, limit=size + 1)
        page, more = found[:size], found[size:]
        return pb.ListCorrectionsResponse(
            corrections=[self._correction(each) for each in page],
            next_page_token=page[-1].correction.id if more else "",
        )

    def GetCorrection(
        self, request: pb.GetCorrectionRequest, context: grpc.ServicerContext
    ) -> pb.GetCorrectionResponse:
        found = self._corrections.get(request.correction_id)
        effect = self._effect(found.outcome) if found.outcome else None
        return pb.GetCorrectionResponse(correction=self._correction(found), effect=effect)

    def ApproveCorrection(
        self, request: pb.ApproveCorrectionRequest, context: grpc.ServicerContext
    ) -> pb.ApproveCorrectionResponse:
        key = RequestKey.of("ApproveCorrection", request)
        found = self._corrections.approve(
            key, caller().actor, request.correction_id, request.instalments, request.legal_interest
        )
        return pb.ApproveCorrectionResponse(correction=self._correction(found))

    def DiscardCorrection(
        self, request: pb.DiscardCorrectionRequest, context: grpc.ServicerContext
    ) -> pb.DiscardCorrectionResponse:
        key = RequestKey.of("DiscardCorrection", request)
        found = self._corrections.discard(key, caller().actor, request.correction_id, request.why)
        return pb.DiscardCorrectionResponse(correction=self._correction(found))

    def PreviewRectification(
        self, request: pb.PreviewRectificationRequest, context: grpc.ServicerContext
    ) -> pb.PreviewRectificationResponse:
        return pb.PreviewRectificationResponse(effect=self._effect(self._corrections.preview(_order(request))))

    def RectifyInvoice(
        self, request: pb.RectifyInvoiceRequest, context: grpc.ServicerContext
    ) -> pb.RectifyInvoiceResponse:
        key = RequestKey.of("RectifyInvoice", request)
        row, original = self._corrections.rectify(key, caller().actor, _order(request))
        return pb.RectifyInvoiceResponse(
            invoice_id=row.id,
            number=row.number,
            rectified_number=original.number,
            total=self._write.money(row.total),
        )

    def _correction(self, found: CorrectionFound) -> pb.Correction:
        each, invoice = found.correction, found.invoice
        return pb.Correction(
            id=each.id,
            invoice_id=invoice.id,
            invoice_number=invoice.number,
            account_number=each.account_number,
            period=period(invoice.period),
            state=each.state,
            found_on=each.found_on.isoformat(),
            billed_wh=each.billed_wh,
            known_wh=each.known_wh,
            billed_litres=each.billed_litres,
            known_litres=each.known_litres,
            billed=self._write.money(each.before_total),
            corrected=self._write.money(each.after_total),
            note=each.note,
            rectifying_number=found.rectifying_number,
            decided_by=each.decided_by,
            decided_at=instant(each.decided_at) if each.decided_at else None,
        )

    def _effect(self, outcome: Outcome) -> pb.RectificationEffect:
        lines, taxes = self._write.figures(outcome.change.lines, outcome.change.taxes, outcome.original)
        return pb.RectificationEffect(
            invoice_number=outcome.original.number,
            billed=self._write.money(outcome.before.total),
            corrected=self._write.money(outcome.corrected.total),
            difference=self._write.money(outcome.delta),
            interest=self._write.money(outcome.interest),
            lines=lines,
            taxes=taxes,
            instalments=[
                billing_pb2.Instalment(due_date=part.due_date.isoformat(), amount=self._write.money(part.amount))
                for part in outcome.parts
            ],
            most_instalments=outcome.most_parts,
            blocked=outcome.blocked,
        )


def _order(request: pb.RectifyInvoiceRequest | pb.PreviewRectificationRequest) -> RectifyOrder:
    if request.method not in METHODS:
        raise Invalid(f"The method {request.method} is not known; use one of the two.", field="method")
    return RectifyOrder(
        request.invoice, request.reason, METHODS[request.method], request.instalments, request.legal_interest
    )
