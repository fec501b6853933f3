"""The services behind the gateway: one stub each, and on whose behalf a call is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from coop.billing.v1.billing_service_pb2_grpc import BillingServiceStub
from coop.billing.v1.card_service_pb2_grpc import CardServiceStub
from coop.billing.v1.direct_debit_service_pb2_grpc import DirectDebitServiceStub
from coop.billing.v1.documents_service_pb2_grpc import DocumentsServiceStub
from coop.billing.v1.payments_service_pb2_grpc import PaymentsServiceStub
from coop.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from coop.metering.v1.metering_service_pb2_grpc import MeteringServiceStub
from coop.notifications.v1.notifications_service_pb2_grpc import NotificationsServiceStub
from coop.supplies.v1.invitations_service_pb2_grpc import InvitationsServiceStub
from coop.supplies.v1.supplies_service_pb2_grpc import SuppliesServiceStub

from services.chassis.grpc.client import Clients, remote

CallMetadata = tuple[tuple[str, str], ...]


class Upstream:
    """Stubs made when first used, so that no channel exists before a worker process has forked."""

    def __init__(self, clients: Clients, service_token: Callable[[], str]) -> None:
        self._clients = clients
        self._service_token = service_token

    @cached_property
    def identity(self) -> IdentityServiceStub:
        return self._clients.stub("identity", IdentityServiceStub)

    @cached_property
    def supplies(self) -> SuppliesServiceStub:
        return self._clients.stub("supplies", SuppliesServiceStub)

    @cached_property
    def invitations(self) -> InvitationsServiceStub:
        return self._clients.stub("supplies", InvitationsServiceStub)

    @cached_property
    def metering(self) -> MeteringServiceStub:
        return self._clients.stub("metering", MeteringServiceStub)

    @cached_property
    def billing(self) -> BillingServiceStub:
        return self._clients.stub("billing", BillingServiceStub)

    @cached_property
    def cards(self) -> CardServiceStub:
        return self._clients.stub("billing", CardServiceStub)

    @cached_property
    def direct_debits(self) -> DirectDebitServiceStub:
        return self._clients.stub("billing", DirectDebitServiceStub)

    @cached_property
    def documents(self) -> DocumentsServiceStub:
        return self._clients.stub("billing", DocumentsServiceStub)

    @cached_property
    def payments(self) -> PaymentsServiceStub:
        return self._clients.stub("billing", PaymentsServiceStub)

    @cached_property
    def notifications(self) -> NotificationsServiceStub:
        return self._clients.stub("notifications", NotificationsServiceStub)

    def as_gateway(self, client_address: str) -> CallMetadata:
        """Metadata of a call the gateway makes for somebody who has not signed in."""
        return (("authorization", f"Bearer {self._service_token()}"), ("x-client-address", client_address))

    def as_caller(self, access_token: str, client_address: str) -> CallMetadata:
        """Metadata of a call a signed-in person makes through us; our own token vouches for their address."""
        return (
            ("authorization", f"Bearer {access_token}"),
            ("x-gateway-authorization", self._service_token()),
            ("x-client-address", client_address),
        )

    def close(self) -> None:
        self._clients.close()


def document(answers: Any) -> tuple[str, Iterator[bytes]]:
    """The file name and the bytes of a streamed document.

    The first message is read here, so that a refusal is still an error page.
    """
    with remote():
        first = next(iter(answers), None)

    def chunks() -> Iterator[bytes]:
        if first is not None:
            yield first.chunk
            for answer in answers:
                yield answer.chunk

    return (first.file_name if first is not None else "document.pdf"), chunks()
