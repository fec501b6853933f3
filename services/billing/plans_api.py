"""PlansService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

import grpc
from coop.billing.v1 import plans_service_pb2 as pb
from coop.billing.v1.plans_service_pb2_grpc import PlansServiceServicer, add_PlansServiceServicer_to_server

from services.billing.application.plans import Plans
from services.billing.messages import Messages
from services.billing.rules import Rules
from services.chassis.context import caller
from services.chassis.db import Database, RequestKey
from services.chassis.grpc.server import ServicerSpec
from services.chassis.paging import page_size


class PlansApi(PlansServiceServicer):
    def __init__(self, rules: Rules, plans: Plans) -> None:
        self._plans = plans
        self._write = Messages(rules)

    def AgreePlan(self, request: pb.AgreePlanRequest, context: grpc.ServicerContext) -> pb.AgreePlanResponse:
        made = self._plans.agree(
            RequestKey.of("AgreePlan", request),
            caller().actor,
            request.supply_id,
            request.instalments,
            request.first,
            request.invoices,
        )
        return pb.AgreePlanResponse(plan=self._write.plan(made, office=True))

    def ListPlans(self, request: pb.ListPlansRequest, context: grpc.ServicerContext) -> pb.ListPlansResponse:
        size = page_size(request.page_size)
        found = self._plans.page(
            request.supply_id, with_ended=request.with_ended, before=request.page_token, limit=size + 1
        )
        page, more = found[:size], found[size:]
        return pb.ListPlansResponse(
            plans=[self._write.plan(each, office=True) for each in page],
            next_page_token=page[-1].plan.id if more else "",
        )

    def GetPlan(self, request: pb.GetPlanRequest, context: grpc.ServicerContext) -> pb.GetPlanResponse:
        return pb.GetPlanResponse(plan=self._write.plan(self._plans.get(request.plan_id), office=True))

    def EndPlan(self, request: pb.EndPlanRequest, context: grpc.ServicerContext) -> pb.EndPlanResponse:
        key = RequestKey.of("EndPlan", request)
        ended = self._plans.end(key, caller().actor, request.plan_id, request.reason)
        return pb.EndPlanResponse(plan=self._write.plan(ended, office=True))


def plans_servicer(database: Database, rules: Rules) -> ServicerSpec:
    return ServicerSpec(
        PlansApi(rules, Plans(database, rules)),
        add_PlansServiceServicer_to_server,
        pb.DESCRIPTOR.services_by_name["PlansService"],
    )
