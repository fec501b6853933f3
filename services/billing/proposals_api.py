"""ProposalsService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from coop.billing.v1 import proposals_service_pb2 as pb
from coop.billing.v1.proposals_service_pb2_grpc import ProposalsServiceServicer, add_ProposalsServiceServicer_to_server

from services.billing.application.bill_proposals import BillProposals
from services.billing.application.bill_runs import BillRuns
from services.billing.messages import Messages, instant
from services.billing.repository.bill_proposals import Proposal
from services.billing.rules import Rules
from services.chassis.context import caller
from services.chassis.db import Database, RequestKey
from services.chassis.grpc.server import ServicerSpec
from services.chassis.paging import page_size


class ProposalsApi(ProposalsServiceServicer):
    def __init__(self, rules: Rules, proposals: BillProposals) -> None:
        self._proposals = proposals
        self._write = Messages(rules)

    def ProposeBillRun(
        self, request: pb.ProposeBillRunRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ProposeBillRunResponse]:
        key = RequestKey.of("ProposeBillRun", request)
        for found in self._proposals.propose(key, caller().actor, request.period):
            if isinstance(found, Proposal):
                yield pb.ProposeBillRunResponse(proposal=self._proposal(found))
            else:
                held = [self._write.held(each) for each in found.held]
                yield pb.ProposeBillRunResponse(run=self._write.run(found), held=held)

    def ListBillProposals(
        self, request: pb.ListBillProposalsRequest, context: grpc.ServicerContext
    ) -> pb.ListBillProposalsResponse:
        size = page_size(request.page_size)
        found = self._proposals.page(request.page_token, size + 1)
        page, more = found[:size], found[size:]
        return pb.ListBillProposalsResponse(
            proposals=[self._proposal(each) for each in page], next_page_token=page[-1].id if more else ""
        )

    def _proposal(self, found: Proposal) -> pb.BillProposal:
        return pb.BillProposal(
            id=found.id,
            period=found.period,
            state=found.state,
            contracts=found.contracts,
            already_invoiced=found.already_invoiced,
            would_invoice=found.would_invoice,
            total=self._write.money(found.total),
            held=[pb.HeldCount(reason=reason, contracts=count) for reason, count in found.held],
            proposed_by=found.proposed_by,
            proposed_at=instant(found.proposed_at),
            looked_at=instant(found.looked_at),
        )


def proposals_servicer(database: Database, rules: Rules, bill_runs: BillRuns) -> ServicerSpec:
    return ServicerSpec(
        ProposalsApi(rules, BillProposals(database, rules, bill_runs)),
        add_ProposalsServiceServicer_to_server,
        pb.DESCRIPTOR.services_by_name["ProposalsService"],
    )
