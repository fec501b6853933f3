"""The staff's connection to the services: stubs that carry the session, and failures as sentences.

The demonstration's loader works through this class too, so that what it loads went the way a clerk's files go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import grpc
from coop.billing.v1.billing_service_pb2_grpc import BillingServiceStub
from coop.common.v1.operations_service_pb2_grpc import OperationsServiceStub
from coop.identity.v1 import identity_service_pb2 as identity_pb2
from coop.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from coop.metering.v1.metering_service_pb2_grpc import MeteringServiceStub
from coop.notifications.v1.notifications_service_pb2_grpc import NotificationsServiceStub
from coop.supplies.v1.supplies_service_pb2_grpc import SuppliesServiceStub
from grpc_status import rpc_status

from services.chassis.errors import CoopError, Unauthenticated, Unavailable
from services.chassis.grpc.client import Clients
from services.chassis.grpc.status import from_rpc
from services.staff.session import AccessTokens

SERVICES = ("identity", "supplies", "metering", "billing", "notifications")
StubT = TypeVar("StubT")


class Office:
    """Calls to the services as one signed-in person of the office; without a session, only what anybody may call."""

    def __init__(self, addresses: Mapping[str, str], session_token: str = "", *, tls_dir: str = "") -> None:
        self._addresses = addresses
        self._tls_dir = tls_dir
        self._anonymous = Clients(addresses, dict, tls_dir=tls_dir)
        self._session_token = session_token
        self._tokens = AccessTokens(self._issue)
        self._clients = Clients(addresses, self._tokens.headers, tls_dir=tls_dir)

    def close(self) -> None:
        self._clients.close()
        self._anonymous.close()

    def sign_in(self, email: str, password: str, device: str = "coopctl") -> identity_pb2.SignInResponse:
        """Opens a session; the following calls carry it."""
        with self.calling("identity"):
            answer = self.anybody("identity", IdentityServiceStub).SignIn(
                identity_pb2.SignInRequest(email=email, password=password, device=device)
            )
        self._session_token = answer.session_token
        self._tokens = AccessTokens(self._issue)
        self._clients.close()
        self._clients = Clients(self._addresses, self._tokens.headers, tls_dir=self._tls_dir)
        return answer

    def anybody(self, service: str, stub: Callable[[Any], StubT]) -> StubT:
        """A stub without a session, for the calls that anybody may make."""
        return self._anonymous.stub(service, stub)

    @property
    def identity(self) -> IdentityServiceStub:
        return self._clients.stub("identity", IdentityServiceStub)

    @property
    def supplies(self) -> SuppliesServiceStub:
        return self._clients.stub("supplies", SuppliesServiceStub)

    @property
    def metering(self) -> MeteringServiceStub:
        return self._clients.stub("metering", MeteringServiceStub)

    @property
    def billing(self) -> BillingServiceStub:
        return self._clients.stub("billing", BillingServiceStub)

    @property
    def notifications(self) -> NotificationsServiceStub:
        return self._clients.stub("notifications", NotificationsServiceStub)

    def stub(self, service: str, stub: Callable[[Any], StubT]) -> StubT:
        """A stub of one of a service's further interfaces."""
        return self._clients.stub(service, stub)

    def address(self, service: str) -> str:
        """Where a service is looked for."""
        return self._addresses[service]

    def operations(self, service: str) -> OperationsServiceStub:
        return self._clients.stub(service, OperationsServiceStub)

    @contextmanager
    def calling(self, service: str) -> Iterator[None]:
        """Calls to one service: their failures come out as CoopError, a service that is down as where it was looked for."""
        try:
            yield
        except grpc.RpcError as error:
            raise self._explained(service, error) from error

    def wait_until_reachable(self, service: str, timeout_s: float) -> None:
        """Returns once the service's port accepts a connection. Raises Unavailable after `timeout_s`."""
        try:
            grpc.channel_ready_future(self._anonymous.channel(service)).result(timeout=timeout_s)
        except grpc.FutureTimeoutError:
            raise self._unreachable(service) from None

    def _issue(self) -> tuple[str, datetime]:
        if not self._session_token:
            raise Unauthenticated("Nobody is signed in: run 'coopctl login' first.")
        with self.calling("identity"):
            answer = self.anybody("identity", IdentityServiceStub).IssueAccessToken(
                identity_pb2.IssueAccessTokenRequest(session_token=self._session_token)
            )
        return answer.access_token, answer.expires_at.ToDatetime(tzinfo=UTC)

    def _explained(self, service: str, error: grpc.RpcError) -> CoopError:
        # Only what the service itself said carries details; without them the connection failed.
        said = rpc_status.from_call(error) if isinstance(error, grpc.Call) else None
        meaning = from_rpc(error)
        if isinstance(meaning, Unavailable) and said is None:
            return self._unreachable(service)
        return meaning

    def _unreachable(self, service: str) -> Unavailable:
        return Unavailable(
            f"The {service} service does not answer at {self._addresses[service]}. Start it with 'make run', or set"
            f" COOP_{service.upper()}_ADDRESS to where it listens."
        )
