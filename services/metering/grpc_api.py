"""coop.metering.v1.MeteringService, put together from its parts (api/)."""

from __future__ import annotations

from coop.metering.v1 import metering_service_pb2_grpc

from services.chassis.db import Database
from services.chassis.profile import Profile
from services.metering.api.accepting import AcceptingApi
from services.metering.api.energy import EnergyApi
from services.metering.api.estimates import EstimatesApi
from services.metering.api.importing import ImportingApi
from services.metering.api.quarantine import QuarantineApi
from services.metering.api.self_readings import SelfReadingsApi
from services.metering.api.sharing import SharingApi
from services.metering.api.views import ViewsApi
from services.metering.application.accepting import Acceptor
from services.metering.application.estimates import Estimator
from services.metering.application.import_readings import ReadingsImporter
from services.metering.application.quarantine import Quarantine
from services.metering.application.self_readings import SelfReadings
from services.metering.application.sharing import SharingAgreements
from services.metering.application.views import Views


class MeteringApi(
    ImportingApi,
    QuarantineApi,
    AcceptingApi,
    EstimatesApi,
    EnergyApi,
    ViewsApi,
    SelfReadingsApi,
    SharingApi,
    metering_service_pb2_grpc.MeteringServiceServicer,
):
    """The servicer: one part a theme."""

    def __init__(
        self,
        database: Database,
        profile: Profile,
        importer: ReadingsImporter,
        quarantine: Quarantine,
        views: Views,
        self_readings: SelfReadings,
        estimator: Estimator,
    ) -> None:
        self._database, self._profile, self._time_zone = database, profile, profile.time_zone
        self._quarantine, self._estimator = quarantine, estimator
        self._acceptor = Acceptor(database, profile.time_zone)
        self._sharing = SharingAgreements(database, profile.time_zone)
        self._importer, self._views, self._self_readings = importer, views, self_readings
