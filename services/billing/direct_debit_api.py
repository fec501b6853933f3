"""DirectDebitService over gRPC: messages in, application calls, messages out. Account numbers leave masked."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from coop.billing.v1 import direct_debit_service_pb2
from coop.billing.v1 import direct_debit_service_pb2 as pb
from coop.billing.v1.direct_debit_service_pb2_grpc import (
    DirectDebitServiceServicer,
    add_DirectDebitServiceServicer_to_server,
)

from services.billing.application.collections import Collections
from services.billing.application.mandates import Found, Mandates, NewMandate, debit_terms
from services.billing.application.remittances import RemittanceFound, Remittances, send_by
from services.billing.domain.payments.mandates import SCHEME, short_iban
from services.billing.domain.payments.returns import return_reason
from services.billing.messages import Messages, instant
from services.billing.repository.remittances import DirectDebit
from services.billing.rules import Rules
from services.chassis.blobs import BlobStore
from services.chassis.context import caller
from services.chassis.db import Database, RequestKey
from services.chassis.environment import SettingsError
from services.chassis.errors import Invalid
from services.chassis.grpc.server import ServicerSpec

DEFAULT_PAGE, LARGEST_PAGE = 100, 1000
FILE_CHUNK = 64 * 1024
LARGEST_FILE = 7 * 1024 * 1024
"""Of a bank's file in one message; ten thousand returns are less."""


class DirectDebitApi(DirectDebitServiceServicer):
    def __init__(self, rules: Rules, mandates: Mandates, remittances: Remittances, collections: Collections) -> None:
        self._mandates = mandates
        self._remittances = remittances
        self._collections = collections
        self._write = Messages(rules)

    # ----------------------------------------------------------------------------------------------------- mandates
    def GetDirectDebit(
        self, request: pb.GetDirectDebitRequest, context: grpc.ServicerContext
    ) -> pb.GetDirectDebitResponse:
        found = self._mandates.mine(caller(), request.supply_id)
        answer = pb.GetDirectDebitResponse(offered=found.offered, account_change_days=found.change_days)
        if found.mandate is not None:
            account = found.mandate.account
            answer.mandate.CopyFrom(
                pb.MemberMandate(
                    reference=found.mandate.reference,
                    iban_masked=short_iban(account.iban),
                    holder=account.holder,
                    since=account.told_on.isoformat(),
                    holds_from=found.holds_from.isoformat() if found.holds_from else "",
                )
            )
        return answer

    def AddMandate(self, request: pb.AddMandateRequest, context: grpc.ServicerContext) -> pb.AddMandateResponse:
        order = NewMandate(
            request.supply,
            request.holder,
            request.iban,
            request.signed_on,
            request.told_on,
            request.evidence,
            request.evidence_sha256,
        )
        found = self._mandates.add(RequestKey.of("AddMandate", request), caller().actor, order)
        return pb.AddMandateResponse(mandate=_mandate(found))

    def AmendMandate(self, request: pb.AmendMandateRequest, context: grpc.ServicerContext) -> pb.AmendMandateResponse:
        key = RequestKey.of("AmendMandate", request)
        found = self._mandates.amend(
            key, caller().actor, request.mandate, request.iban, request.holder, request.told_on
        )
        return pb.AmendMandateResponse(mandate=_mandate(found))

    def CancelMandate(
        self, request: pb.CancelMandateRequest, context: grpc.ServicerContext
    ) -> pb.CancelMandateResponse:
        key = RequestKey.of("CancelMandate", request)
        return pb.CancelMandateResponse(
            mandate=_mandate(self._mandates.cancel(key, caller().actor, request.mandate, request.why))
        )

    def GetMandate(self, request: pb.GetMandateRequest, context: grpc.ServicerContext) -> pb.GetMandateResponse:
        return pb.GetMandateResponse(mandate=_mandate(self._mandates.get(request.mandate)))

    def ListMandates(self, request: pb.ListMandatesRequest, context: grpc.ServicerContext) -> pb.ListMandatesResponse:
        size = _size(request.page_size)
        found = self._mandates.page(request.supply, request.page_token, size + 1)
        page, more = (found, []) if request.supply else (found[:size], found[size:])
        return pb.ListMandatesResponse(
            mandates=[_mandate(each) for each in page], next_page_token=page[-1].kept.mandate.id if more else ""
        )

    # -------------------------------------------------------------------------------------------------- remittances
    def ProposeRemittance(
        self, request: pb.ProposeRemittanceRequest, context: grpc.ServicerContext
    ) -> pb.ProposeRemittanceResponse:
        key = RequestKey.of("ProposeRemittance", request)
        found = self._remittances.propose(key, caller().actor, request.collect_on, list(request.again))
        return pb.ProposeRemittanceResponse(remittance=self._remittance(found))

    def ApproveRemittance(
        self, request: pb.ApproveRemittanceRequest, context: grpc.ServicerContext
    ) -> pb.ApproveRemittanceResponse:
        key = RequestKey.of("ApproveRemittance", request)
        found = self._remittances.approve(key, caller().actor, request.remittance)
        return pb.ApproveRemittanceResponse(remittance=self._remittance(found))

    def DiscardRemittance(
        self, request: pb.DiscardRemittanceRequest, context: grpc.ServicerContext
    ) -> pb.DiscardRemittanceResponse:
        key = RequestKey.of("DiscardRemittance", request)
        found = self._remittances.discard(key, caller().actor, request.remittance)
        return pb.DiscardRemittanceResponse(remittance=self._remittance(found))

    def SettleRemittance(
        self, request: pb.SettleRemittanceRequest, context: grpc.ServicerContext
    ) -> pb.SettleRemittanceResponse:
        key = RequestKey.of("SettleRemittance", request)
        settled = self._collections.settle(key, caller().actor, request.remittance)
        return pb.SettleRemittanceResponse(remittance=self._remittance(self._remittances.get(settled)))

    def GetRemittance(
        self, request: pb.GetRemittanceRequest, context: grpc.ServicerContext
    ) -> pb.GetRemittanceResponse:
        return pb.GetRemittanceResponse(remittance=self._remittance(self._remittances.get(request.remittance)))

    def ListRemittances(
        self, request: pb.ListRemittancesRequest, context: grpc.ServicerContext
    ) -> pb.ListRemittancesResponse:
        size = _size(request.page_size)
        found = self._remittances.page(request.page_token, size + 1)
        page, more = found[:size], found[size:]
        return pb.ListRemittancesResponse(
            remittances=[self._remittance(each) for each in page],
            next_page_token=page[-1].remittance.id if more else "",
        )

    def ListCollections(
        self, request: pb.ListCollectionsRequest, context: grpc.ServicerContext
    ) -> pb.ListCollectionsResponse:
        size = _size(request.page_size)
        found = self._remittances.collections(request.remittance, request.state, _after(request.page_token), size + 1)
        page, more = found[:size], found[size:]
        return pb.ListCollectionsResponse(
            collections=[self._collection(each) for each in page],
            next_page_token=str(page[-1].position) if more else "",
        )

    def ListExclusions(
        self, request: pb.ListExclusionsRequest, context: grpc.ServicerContext
    ) -> pb.ListExclusionsResponse:
        size = _size(request.page_size)
        found = self._remittances.exclusions(request.remittance, _after(request.page_token), size + 1)
        page, more = found[:size], found[size:]
        exclusions = [
            pb.Exclusion(
                invoice_number=each.number,
                account_number=each.account_number,
                amount=self._write.money(each.amount),
                code=each.code,
                why=each.why,
            )
            for _, each in page
        ]
        return pb.ListExclusionsResponse(exclusions=exclusions, next_page_token=str(page[-1][0]) if more else "")

    def StreamRemittanceFile(
        self, request: pb.StreamRemittanceFileRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.StreamRemittanceFileResponse]:
        name, content = self._remittances.file(request.remittance)
        for start in range(0, len(content), FILE_CHUNK):
            yield pb.StreamRemittanceFileResponse(
                file_name=name if start == 0 else "", chunk=content[start : start + FILE_CHUNK]
            )

    # ------------------------------------------------------------------------------------------------------ returns
    def UploadReturns(
        self, request: pb.UploadReturnsRequest, context: grpc.ServicerContext
    ) -> pb.UploadReturnsResponse:
        if len(request.content) > LARGEST_FILE:
            raise Invalid(
                f"{request.file_name} has {len(request.content)} bytes; at most {LARGEST_FILE} are taken: ask the bank for a "
                "file of returns alone.",
                field="content",
            )
        key = RequestKey.of("UploadReturns", request)
        done = self._collections.take_file(key, caller().actor, request.content, request.known_only)
        return pb.UploadReturnsResponse(
            format=done.format,
            returned=done.returned,
            amount=self._write.money(done.amount),
            repeated_entries=done.repeated,
            left_out=done.left_out,
        )

    def ReturnCollection(
        self, request: pb.ReturnCollectionRequest, context: grpc.ServicerContext
    ) -> pb.ReturnCollectionResponse:
        key = RequestKey.of("ReturnCollection", request)
        found = self._collections.take_one(key, caller().actor, request.end_to_end, request.reason, request.day)
        return pb.ReturnCollectionResponse(collection=self._collection(found))

    # ----------------------------------------------------------------------------------------------------- messages
    def _remittance(self, found: RemittanceFound) -> pb.Remittance:
        each = found.remittance
        return pb.Remittance(
            id=each.id,
            number=each.number,
            collect_on=each.collect_on.isoformat(),
            state=each.state,
            collections=found.count,
            total=self._write.money(found.total),
            sums=[
                pb.CollectionSum(state=state, count=count, amount=self._write.money(amount))
                for state, (count, amount) in sorted(found.sums.items())
            ],
            excluded=found.excluded,
            without_mandate=each.without_mandate,
            send_by=send_by(each).isoformat(),
            sha256=each.sha256,
            proposed_by=each.proposed_by,
            proposed_at=instant(each.proposed_at),
            approved_by=each.approved_by,
            approved_at=instant(each.approved_at) if each.approved_at else None,
            settled_by=each.settled_by,
            settled_at=instant(each.settled_at) if each.settled_at else None,
        )

    def _collection(self, each: DirectDebit) -> pb.Collection:
        came_back = return_reason(each.reason_code).words if each.reason_code else ""
        why = "; ".join(part for part in (came_back, each.why) if part)
        return pb.Collection(
            end_to_end=each.end_to_end,
            invoice_id=each.invoice_id,
            supply_id=each.supply_id,
            holder=each.holder,
            iban_masked=short_iban(each.iban),
            amount=self._write.money(each.amount),
            state=each.state,
            why=why,
            reason_code=each.reason_code,
            returned_on=each.returned_on.isoformat() if each.returned_on else "",
            payment_id=each.payment_id or "",
            amended=each.amended,
        )


def direct_debit_servicer(database: Database, rules: Rules, blobs: BlobStore) -> ServicerSpec:
    """The service of a cooperative. Raises SettingsError, with a sentence, for a profile that says nonsense of it."""
    try:
        terms = debit_terms(rules.profile)
    except Invalid as wrong:
        raise SettingsError([wrong.message]) from wrong
    api = DirectDebitApi(
        rules,
        Mandates(database, rules, terms),
        Remittances(database, rules, blobs, terms),
        Collections(database, rules),
    )
    return ServicerSpec(
        api,
        add_DirectDebitServiceServicer_to_server,
        direct_debit_service_pb2.DESCRIPTOR.services_by_name["DirectDebitService"],
    )


def _mandate(found: Found) -> pb.Mandate:
    kept, mandate = found.kept, found.kept.mandate
    return pb.Mandate(
        id=mandate.id,
        reference=mandate.reference,
        supply_id=mandate.supply_id,
        account_number=found.account_number,
        member_id=mandate.member_id,
        holder=mandate.account.holder,
        iban_masked=short_iban(mandate.account.iban),
        scheme=SCHEME,
        signed_on=mandate.signed_on.isoformat(),
        state=found.state,
        lapses_on=mandate.lapses_on().isoformat(),
        last_collected_on=mandate.last_collected_on.isoformat() if mandate.last_collected_on else "",
        evidence=kept.evidence,
        evidence_sha256=kept.evidence_sha256,
        cancelled_on=mandate.cancelled_on.isoformat() if mandate.cancelled_on else "",
        cancelled_why=kept.cancelled_why,
        recorded_by=kept.recorded_by,
        recorded_at=instant(kept.recorded_at),
        accounts=[
            pb.MandateAccount(iban_masked=short_iban(each.iban), holder=each.holder, told_on=each.told_on.isoformat())
            for each in mandate.accounts
        ],
    )


def _size(asked: int) -> int:
    if asked < 0:
        raise Invalid(f"page_size is {asked}; give 1 to {LARGEST_PAGE}, or nothing.", field="page_size")
    return min(asked or DEFAULT_PAGE, LARGEST_PAGE)


def _after(token: str) -> int:
    if token and not (token.isascii() and token.isdigit()):
        raise Invalid(f"page_token {token!r} was not given by this service; begin without one.", field="page_token")
    return int(token) if token else -1
