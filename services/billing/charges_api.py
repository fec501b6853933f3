"""ChargesService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

import grpc
from coop.billing.v1 import charges_service_pb2 as pb
from coop.billing.v1.charges_service_pb2_grpc import ChargesServiceServicer, add_ChargesServiceServicer_to_server

from services.billing.application.charges import ChargeOrder, Charges
from services.billing.messages import Messages, instant
from services.billing.repository.charges import Ordered
from services.billing.rules import Rules
from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.chassis.grpc.server import ServicerSpec
from services.chassis.paging import page_size


class ChargesApi(ChargesServiceServicer):
    def __init__(self, rules: Rules, charges: Charges) -> None:
        self._charges = charges
        self._write = Messages(rules)

    def GetChargeConcepts(
        self, request: pb.GetChargeConceptsRequest, context: grpc.ServicerContext
    ) -> pb.GetChargeConceptsResponse:
        return pb.GetChargeConceptsResponse(
            concepts=[
                pb.ChargeConcept(code=each.code, name=each.name, iva=each.iva, source=source)
                for each, source in self._charges.concepts
            ]
        )

    def IssueCharge(self, request: pb.IssueChargeRequest, context: grpc.ServicerContext) -> pb.IssueChargeResponse:
        key = RequestKey.of("IssueCharge", request)
        order = ChargeOrder(request.supply_id, request.concept, request.amount, request.text, request.day)
        made = self._charges.issue(key, caller().actor, order)
        return pb.IssueChargeResponse(
            invoice_id=made.invoice.id,
            number=made.invoice.number,
            net=self._write.money(made.invoice.net),
            total=self._write.money(made.invoice.total),
            due_date=made.invoice.due_date.isoformat(),
            holder=made.holder,
            contract_ended_on=made.ended_on.isoformat() if made.ended_on else "",
        )

    def ListWaitingCharges(
        self, request: pb.ListWaitingChargesRequest, context: grpc.ServicerContext
    ) -> pb.ListWaitingChargesResponse:
        size = page_size(request.page_size)
        found = self._charges.waiting(before=request.page_token, limit=size + 1)
        page, more = found[:size], found[size:]
        return pb.ListWaitingChargesResponse(
            charges=[self._waiting(*each) for each in page], next_page_token=page[-1][0].id if more else ""
        )

    def FinishCharge(self, request: pb.FinishChargeRequest, context: grpc.ServicerContext) -> pb.FinishChargeResponse:
        made = self._charges.finish(RequestKey.of("FinishCharge", request), request.charge_id).invoice
        return pb.FinishChargeResponse(invoice_id=made.id, number=made.number, total=self._write.money(made.total))

    def DropCharge(self, request: pb.DropChargeRequest, context: grpc.ServicerContext) -> pb.DropChargeResponse:
        self._charges.drop(RequestKey.of("DropCharge", request), caller().actor, request.charge_id, request.reason)
        return pb.DropChargeResponse()

    def _waiting(self, each: Ordered, number: str, account: str) -> pb.WaitingCharge:
        return pb.WaitingCharge(
            id=each.id,
            account_number=account,
            concept=each.concept,
            net=self._write.money(each.net),
            text=each.text,
            day=each.day.isoformat(),
            number=number,
            refusal=each.refusal or "",
            made_by=each.made_by,
            made_at=instant(each.made_at),
        )


def charges_servicer(rules: Rules, charges: Charges) -> ServicerSpec:
    return ServicerSpec(
        ChargesApi(rules, charges),
        add_ChargesServiceServicer_to_server,
        pb.DESCRIPTOR.services_by_name["ChargesService"],
    )
