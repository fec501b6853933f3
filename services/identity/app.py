"""Identity, put together."""

from coop.identity.v1 import identity_service_pb2 as pb
from coop.identity.v1 import identity_service_pb2_grpc as pb_grpc

from services.chassis.grpc.server import ServicerSpec
from services.chassis.jobs import Worker
from services.chassis.service import Kit, Parts
from services.identity import figures, housekeeping, retention
from services.identity.application.announcing import announced
from services.identity.application.core import Core
from services.identity.application.registration import settle_one
from services.identity.application.staff import ensure_bootstrap_secret
from services.identity.audit_api import audit_servicer
from services.identity.grpc_api import IdentityServicer
from services.identity.hashing import Hasher
from services.identity.repository import anything_waiting
from services.identity.settings import Settings


def build(kit: Kit[Settings]) -> Parts:
    profile = kit.profile
    worker = Worker("registrations", lambda: settle_one(core))
    core = Core(
        database=kit.database,
        clock=kit.clock,
        hasher=Hasher(kit.settings.password_slots),
        signer=kit.signer,
        languages=profile.languages,
        default_language=profile.default_language,
        context=(profile.name, profile.legal_name, "Acometida"),
        wake_worker=worker.wake,
    )
    servicer = IdentityServicer(core, kit.settings.keys_dir)
    return Parts(
        servicers=[
            ServicerSpec(
                servicer,
                pb_grpc.add_IdentityServiceServicer_to_server,
                pb.DESCRIPTOR.services_by_name["IdentityService"],
            ),
            audit_servicer(kit.database),
        ],
        background=[worker.run, lambda stop: housekeeping.run(core, stop)],
        jobs_waiting=anything_waiting,
        kept=retention.kept(),
        announced=announced(),
        watched=figures.watched(kit.settings.data_dir),
        after_migrate=lambda: ensure_bootstrap_secret(core, kit.settings.keys_dir),
    )
