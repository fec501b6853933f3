"""Composition root of metering."""

from __future__ import annotations

from coop.metering.v1 import metering_service_pb2, metering_service_pb2_grpc

from services.chassis.blobs import BlobStore
from services.chassis.grpc.server import ServicerSpec
from services.chassis.jobs import Worker
from services.chassis.service import Kit, Parts
from services.metering import figures, retention
from services.metering.application.estimates import Estimator
from services.metering.application.import_readings import ReadingsImporter
from services.metering.application.quarantine import Quarantine
from services.metering.application.self_readings import SelfReadings
from services.metering.application.views import Views
from services.metering.consumers import subscriptions
from services.metering.grpc_api import MeteringApi
from services.metering.publishing import publication_of
from services.metering.repository import estimates
from services.metering.self_reading_rules import rules_of
from services.metering.settings import Settings


def build(kit: Kit[Settings]) -> Parts:
    """Metering's parts. Every meter of a cooperative stands in its one time zone."""
    importer = ReadingsImporter(
        kit.database,
        kit.clock,
        kit.profile.time_zone,
        kit.settings.data_dir / "metering" / "incoming",
        kit.settings.max_file_bytes,
    )
    quarantine = Quarantine(kit.database, kit.clock, kit.profile.time_zone)
    views = Views(kit.database, kit.clock, kit.profile.time_zone, publication_of(kit.profile))
    photos = BlobStore(kit.settings.data_dir / "metering" / "photos")
    self_readings = SelfReadings(kit.database, kit.profile.tz, rules_of(kit.profile), photos)
    estimator = Estimator(kit.database, kit.profile.time_zone)
    api = MeteringApi(kit.database, kit.profile, importer, quarantine, views, self_readings, estimator)
    servicer = ServicerSpec(
        api,
        metering_service_pb2_grpc.add_MeteringServiceServicer_to_server,
        metering_service_pb2.DESCRIPTOR.services_by_name["MeteringService"],
    )
    worker = Worker("estimates", estimator.settle_one, look_every_s=2.0)
    return Parts(
        servicers=[servicer],
        subscriptions=subscriptions(),
        background=[worker.run],
        jobs_waiting=estimates.any_due,
        kept=retention.kept(kit.database),
        watched=figures.watched(),
    )
