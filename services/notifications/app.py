"""Composition root."""

from __future__ import annotations

from coop.notifications.v1 import notifications_service_pb2 as pb
from coop.notifications.v1.notifications_service_pb2_grpc import add_NotificationsServiceServicer_to_server

from services.chassis.grpc.server import ServicerSpec
from services.chassis.service import Kit, Parts
from services.notifications import figures, retention
from services.notifications.composing import Composer
from services.notifications.consumers import Consumers
from services.notifications.grpc_api import NotificationsServicer
from services.notifications.sender import Sender
from services.notifications.settings import Settings
from services.notifications.smtp import SmtpTransport
from services.notifications.templates import Renderer


def build(kit: Kit[Settings]) -> Parts:
    renderer = Renderer(kit.profile, kit.settings.public_url)
    composer = Composer(renderer, kit.clients, kit.profile, kit.settings.mail_from or kit.profile.email)
    sender = Sender(kit.database, composer, SmtpTransport(kit.settings), lease_s=kit.settings.mail_lease_s)
    consumers = Consumers(renderer, kit.profile.tz, wake=sender.wake)
    return Parts(
        servicers=[
            ServicerSpec(
                NotificationsServicer(kit.database, renderer),
                add_NotificationsServiceServicer_to_server,
                pb.DESCRIPTOR.services_by_name["NotificationsService"],
            )
        ],
        subscriptions=[consumers.subscription()],
        background=[sender.run],
        kept=retention.kept(kit.database),
        watched=figures.watched(),
    )
