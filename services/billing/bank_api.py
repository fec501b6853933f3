"""BankService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

import grpc
from coop.billing.v1 import bank_service_pb2 as pb
from coop.billing.v1.bank_service_pb2_grpc import BankServiceServicer, add_BankServiceServicer_to_server
from coop.common.v1.types_pb2 import Money

from services.billing.application.bank_files import BankFiles, Imported
from services.billing.application.bank_matching import BankMatching
from services.billing.application.bank_queue import BankQueue, Listed
from services.billing.domain.payments.iban import masked_iban
from services.billing.messages import instant
from services.billing.papers.payment_code import check_payment_codes
from services.billing.repository.bank_files import StoredFile
from services.billing.rules import Rules
from services.chassis.context import caller
from services.chassis.db import Database, RequestKey
from services.chassis.errors import Invalid, Unavailable
from services.chassis.grpc.server import ServicerSpec
from services.chassis.money import minor_units, round_half_up
from services.chassis.paging import decode_token, encode_token, page_size

LARGEST = 64 * 1024 * 1024
"""Bytes of a file: a bank's statement of a year of a cooperative with twenty thousand members is a tenth of it."""
IN_MEMORY = 4 * 1024 * 1024


def bank_servicer(database: Database, rules: Rules) -> ServicerSpec:
    """The service with its use cases. Raises SettingsError for terms of slips or barcodes that cannot be."""
    check_payment_codes(rules)
    matching = BankMatching(database, rules)
    api = BankApi(rules, BankFiles(database, rules, matching), BankQueue(database, matching))
    return ServicerSpec(api, add_BankServiceServicer_to_server, pb.DESCRIPTOR.services_by_name["BankService"])


class BankApi(BankServiceServicer):
    def __init__(self, rules: Rules, files: BankFiles, queue: BankQueue) -> None:
        self._files = files
        self._queue = queue
        self._currency = rules.currency

    def ImportBankFile(
        self, requests: Iterator[pb.ImportBankFileRequest], context: grpc.ServicerContext
    ) -> pb.ImportBankFileResponse:
        first = next(requests, None)
        if first is None:
            raise Unavailable("The upload ended before it began: send it again.", "UPLOAD_INTERRUPTED")
        head = pb.ImportBankFileRequest(request_id=first.request_id, file_name=first.file_name, dry_run=first.dry_run)
        key = RequestKey.of("ImportBankFile", head)
        with SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
            file = cast(BinaryIO, spool)
            _receive(first, requests, file)
            file.seek(0)
            found = self._files.take(key, caller().actor, first.file_name, file, dry_run=first.dry_run)
        return self._imported(found)

    def ListBankFiles(
        self, request: pb.ListBankFilesRequest, context: grpc.ServicerContext
    ) -> pb.ListBankFilesResponse:
        size, after = page_size(request.page_size), decode_token(request.page_token, 1)
        found = self._files.files(before=after[0] if after else "", limit=size)
        token = encode_token(found[-1].id) if len(found) == size else ""
        return pb.ListBankFilesResponse(files=[_file(each) for each in found], next_page_token=token)

    def ListBankMovements(
        self, request: pb.ListBankMovementsRequest, context: grpc.ServicerContext
    ) -> pb.ListBankMovementsResponse:
        size, after = page_size(request.page_size), decode_token(request.page_token, 1)
        found = self._queue.movements(
            list(request.states), request.file_id, after=after[0] if after else "", limit=size
        )
        token = encode_token(found[-1].movement.id) if len(found) == size else ""
        return pb.ListBankMovementsResponse(movements=[self._movement(each) for each in found], next_page_token=token)

    def MatchBankMovement(
        self, request: pb.MatchBankMovementRequest, context: grpc.ServicerContext
    ) -> pb.MatchBankMovementResponse:
        key = RequestKey.of("MatchBankMovement", request)
        found = self._queue.match(
            key, caller().actor, request.movement_id, list(request.invoices), request.supply, request.why
        )
        return pb.MatchBankMovementResponse(movement=self._movement(found))

    def SettleBankMovement(
        self, request: pb.SettleBankMovementRequest, context: grpc.ServicerContext
    ) -> pb.SettleBankMovementResponse:
        key = RequestKey.of("SettleBankMovement", request)
        found = self._queue.settle(key, caller().actor, request.movement_id, request.account, request.why)
        return pb.SettleBankMovementResponse(movement=self._movement(found))

    def IgnoreBankMovement(
        self, request: pb.IgnoreBankMovementRequest, context: grpc.ServicerContext
    ) -> pb.IgnoreBankMovementResponse:
        key = RequestKey.of("IgnoreBankMovement", request)
        found = self._queue.ignore(key, caller().actor, request.movement_id, request.why)
        return pb.IgnoreBankMovementResponse(movement=self._movement(found))

    def UnmatchBankMovement(
        self, request: pb.UnmatchBankMovementRequest, context: grpc.ServicerContext
    ) -> pb.UnmatchBankMovementResponse:
        key = RequestKey.of("UnmatchBankMovement", request)
        found = self._queue.unmatch(key, caller().actor, request.movement_id, request.why)
        return pb.UnmatchBankMovementResponse(movement=self._movement(found))

    def _imported(self, found: Imported) -> pb.ImportBankFileResponse:
        return pb.ImportBankFileResponse(
            file=_file(found.file),
            counts=[
                pb.BankMovementCount(state=state, movements=count, amount=self._money(amount))
                for state, (count, amount) in sorted(found.counts.items())
            ],
            movements=[self._movement(Listed(each, found.payments.get(each.id, ()), None)) for each in found.movements],
            dry_run=found.dry_run,
        )

    def _movement(self, found: Listed) -> pb.BankMovement:
        each, decision = found.movement, found.decision
        return pb.BankMovement(
            id=each.id,
            file_id=each.file_id,
            bank_reference=each.bank_reference,
            source=each.source,
            account=each.account,
            booked_on=each.booked_on.isoformat(),
            valued_on=each.valued_on.isoformat(),
            amount=self._money(each.amount),
            end_to_end=each.end_to_end,
            references=each.references,
            party_name=each.party_name,
            party_account=masked_iban(each.party_iban) if each.party_iban else "",
            return_reason=each.return_reason,
            texts=each.texts,
            state=each.state,
            rule=each.rule,
            sentence=each.sentence,
            candidates=each.candidates,
            payment_ids=found.payments,
            decision=pb.BankDecision(
                decision=decision.decision,
                target=decision.target,
                why=decision.why,
                actor=decision.actor,
                at=instant(decision.at),
            )
            if decision
            else None,
        )

    def _money(self, amount: Decimal) -> Money:
        return Money(amount=str(round_half_up(amount, minor_units(self._currency))), currency_code=self._currency)


def _receive(first: pb.ImportBankFileRequest, others: Iterable[pb.ImportBankFileRequest], into: BinaryIO) -> None:
    """The bytes of the file. Raises Unavailable when the stream ends before it says that the file is whole."""
    cut_off = "The upload ended before the file was complete and nothing of it was kept: send it again."
    size = 0
    try:
        for request in chain((first,), others):
            if request.complete:
                return
            size += len(request.chunk)
            if size > LARGEST:
                raise Invalid(
                    f"The file has more than {LARGEST:,} bytes; ask the bank for shorter ones.", field="chunk"
                )
            into.write(request.chunk)
    except grpc.RpcError as gone:
        raise Unavailable(cut_off, "UPLOAD_INTERRUPTED") from gone
    raise Unavailable(cut_off, "UPLOAD_INTERRUPTED")


def _file(each: StoredFile) -> pb.BankFile:
    return pb.BankFile(
        id=each.id,
        file_name=each.file_name,
        sha256=each.sha256,
        format=each.format,
        state=each.state,
        problem=each.problem,
        findings=each.findings,
        movements=each.movements,
        fresh=each.fresh,
        imported_by=each.imported_by,
        imported_at=instant(each.imported_at),
    )
