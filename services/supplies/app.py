"""Supplies, put together."""

from functools import partial

from coop.supplies.v1 import invitations_service_pb2 as invitations_pb
from coop.supplies.v1 import invitations_service_pb2_grpc as invitations_pb_grpc
from coop.supplies.v1 import supplies_service_pb2 as pb
from coop.supplies.v1 import supplies_service_pb2_grpc as pb_grpc

from services.chassis.environment import SettingsError
from services.chassis.errors import Invalid
from services.chassis.grpc.server import ServicerSpec
from services.chassis.jobs import Worker
from services.chassis.profile import Profile
from services.chassis.service import Kit, Parts
from services.supplies import housekeeping, retention
from services.supplies.application.announcing import announced
from services.supplies.application.associating import anything_waiting, settle_one
from services.supplies.application.core import Core
from services.supplies.consumers import subscription
from services.supplies.domain.invitations import InvitationRules, rules_of
from services.supplies.domain.jurisdictions import jurisdiction
from services.supplies.grpc_api import SuppliesServicer
from services.supplies.invitations_api import InvitationsServicer
from services.supplies.settings import Settings


def build(kit: Kit[Settings]) -> Parts:
    profile = kit.profile
    worker = Worker("associations", lambda: settle_one(core))
    core = Core(
        database=kit.database,
        clock=kit.clock,
        country=jurisdiction(profile.jurisdiction, tariff_zone=profile.tariff_zone, time_zone=profile.time_zone),
        tz=profile.tz,
        languages=profile.languages,
        default_language=profile.default_language,
        policy=profile.association_policy,
        wake_worker=worker.wake,
        invitations=_invitations(profile),
    )
    return Parts(
        servicers=[
            ServicerSpec(
                SuppliesServicer(core),
                pb_grpc.add_SuppliesServiceServicer_to_server,
                pb.DESCRIPTOR.services_by_name["SuppliesService"],
            ),
            ServicerSpec(
                InvitationsServicer(core),
                invitations_pb_grpc.add_InvitationsServiceServicer_to_server,
                invitations_pb.DESCRIPTOR.services_by_name["InvitationsService"],
            ),
        ],
        subscriptions=[subscription(worker.wake)],
        background=[worker.run, lambda stop: housekeeping.run(core, stop)],
        jobs_waiting=partial(anything_waiting, core),
        kept=retention.kept(),
        announced=announced(),
    )


def _invitations(profile: Profile) -> InvitationRules | None:
    try:
        return rules_of(profile.section("invitations"))
    except Invalid as wrong:
        raise SettingsError([f"{profile.folder / 'coop.toml'}: {wrong.message}"]) from None
