"""Five real gRPC servers with the real protos, access rules and tokens."""

from __future__ import annotations

from pathlib import Path

import grpc
from coop.billing.v1 import (
    billing_service_pb2,
    billing_service_pb2_grpc,
    card_service_pb2,
    card_service_pb2_grpc,
    direct_debit_service_pb2,
    direct_debit_service_pb2_grpc,
    documents_service_pb2,
    documents_service_pb2_grpc,
    payments_service_pb2,
    payments_service_pb2_grpc,
)
from coop.identity.v1 import identity_service_pb2 as identity
from coop.identity.v1 import identity_service_pb2_grpc
from coop.metering.v1 import metering_service_pb2 as metering
from coop.metering.v1 import metering_service_pb2_grpc
from coop.notifications.v1 import notifications_service_pb2 as notifications
from coop.notifications.v1 import notifications_service_pb2_grpc
from coop.supplies.v1 import (
    invitations_service_pb2,
    invitations_service_pb2_grpc,
    supplies_service_pb2,
    supplies_service_pb2_grpc,
)

from services.chassis.grpc.server import ServicerSpec, bind, build_server
from services.chassis.grpc.tokens import TokenSigner, TokenVerifier
from tests.unit.gateway.fakes.cards import Cards
from tests.unit.gateway.fakes.direct_debits import DirectDebits
from tests.unit.gateway.fakes.documents import Documents
from tests.unit.gateway.fakes.invitations import Invitations
from tests.unit.gateway.fakes.payments import Payments
from tests.unit.gateway.fakes.people import Identity, Notifications, Supplies
from tests.unit.gateway.fakes.records import Billing, Metering
from tests.unit.gateway.fakes.world import World, new_world


class FakeServices:
    """Five servers on loopback ports of their own."""

    def __init__(self, keys_dir: Path, world: World | None = None) -> None:
        self.world = world or new_world()
        signer, verifier = TokenSigner(keys_dir, "identity"), TokenVerifier(keys_dir)
        world = self.world
        servicers = {
            "identity": (Identity(world, signer), identity_service_pb2_grpc, identity),
            "supplies": (Supplies(world), supplies_service_pb2_grpc, supplies_service_pb2),
            "metering": (Metering(world), metering_service_pb2_grpc, metering),
            "billing": (Billing(world), billing_service_pb2_grpc, billing_service_pb2),
            "notifications": (Notifications(world), notifications_service_pb2_grpc, notifications),
        }
        self.servers: dict[str, grpc.Server] = {}
        self.addresses: dict[str, str] = {}
        for name, (servicer, stubs, messages) in servicers.items():
            service = f"{name.capitalize()}Service"
            add = getattr(stubs, f"add_{service}Servicer_to_server")
            spec = ServicerSpec(servicer, add, messages.DESCRIPTOR.services_by_name[service])
            further = {
                "supplies": [self._invitations],
                "billing": [self._cards, self._direct_debits, self._documents, self._payments],
            }.get(name, [])
            server = build_server(name, [spec, *(made() for made in further)], verifier)
            self.addresses[name] = f"127.0.0.1:{bind(server, '127.0.0.1:0')}"
            server.start()
            self.servers[name] = server

    def _invitations(self) -> ServicerSpec:
        self.invitations = Invitations(self.world)
        return ServicerSpec(
            self.invitations,
            invitations_service_pb2_grpc.add_InvitationsServiceServicer_to_server,
            invitations_service_pb2.DESCRIPTOR.services_by_name["InvitationsService"],
        )

    def _cards(self) -> ServicerSpec:
        self.cards = Cards(self.world)
        return ServicerSpec(
            self.cards,
            card_service_pb2_grpc.add_CardServiceServicer_to_server,
            card_service_pb2.DESCRIPTOR.services_by_name["CardService"],
        )

    def _direct_debits(self) -> ServicerSpec:
        self.direct_debits = DirectDebits(self.world)
        return ServicerSpec(
            self.direct_debits,
            direct_debit_service_pb2_grpc.add_DirectDebitServiceServicer_to_server,
            direct_debit_service_pb2.DESCRIPTOR.services_by_name["DirectDebitService"],
        )

    def _payments(self) -> ServicerSpec:
        return ServicerSpec(
            Payments(self.world),
            payments_service_pb2_grpc.add_PaymentsServiceServicer_to_server,
            payments_service_pb2.DESCRIPTOR.services_by_name["PaymentsService"],
        )

    def _documents(self) -> ServicerSpec:
        self.documents = Documents(self.world)
        return ServicerSpec(
            self.documents,
            documents_service_pb2_grpc.add_DocumentsServiceServicer_to_server,
            documents_service_pb2.DESCRIPTOR.services_by_name["DocumentsService"],
        )

    def stop(self, name: str = "") -> None:
        """Stop one service, or all."""
        for server in [self.servers[name]] if name else self.servers.values():
            server.stop(0).wait()
