"""Sharing agreements: taken, ended and listed."""

from __future__ import annotations

import grpc
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.metering.api.part import Part
from services.metering.application.sharing import AgreementFound, SharingAgreements


class SharingApi(Part):
    """ImportSharingAgreement, EndSharingAgreement, GetSharingAgreements."""

    _sharing: SharingAgreements

    def ImportSharingAgreement(
        self, request: pb.ImportSharingAgreementRequest, context: grpc.ServicerContext
    ) -> pb.ImportSharingAgreementResponse:
        taken = self._sharing.take(
            RequestKey.of("ImportSharingAgreement", request),
            caller().actor,
            request.file_name,
            request.content,
            request.generation_supply_id,
            request.start,
        )
        return pb.ImportSharingAgreementResponse(agreement=_agreement(taken))

    def EndSharingAgreement(
        self, request: pb.EndSharingAgreementRequest, context: grpc.ServicerContext
    ) -> pb.EndSharingAgreementResponse:
        key = RequestKey.of("EndSharingAgreement", request)
        ended = self._sharing.end(key, caller().actor, request.cau.strip().upper(), request.on)
        return pb.EndSharingAgreementResponse(agreement=_agreement(ended))

    def GetSharingAgreements(
        self, request: pb.GetSharingAgreementsRequest, context: grpc.ServicerContext
    ) -> pb.GetSharingAgreementsResponse:
        return pb.GetSharingAgreementsResponse(agreements=[_agreement(each) for each in self._sharing.list()])


def _agreement(found: AgreementFound) -> pb.SharingAgreement:
    made = found.agreement
    message = pb.SharingAgreement(
        id=made.id,
        cau=made.cau,
        start=made.start.isoformat(),
        end=found.end.isoformat() if found.end else "",
        generation_supply_id=found.generation.supply_id,
        file_name=made.file_name,
        sha256=made.sha256,
        participants=found.participants,
        unknown=found.unknown,
        actor=made.actor,
        in_force=found.in_force,
    )
    message.imported_at.FromDatetime(made.imported_at)
    return message
