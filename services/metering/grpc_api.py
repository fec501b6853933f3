"""coop.metering.v1.MeteringService, put together from its parts (api/)."""

from __future__ import annotations

from coop.metering.v1 import metering_service_pb2_grpc

from services.chassis.db import Database
from services.metering.api.energy import EnergyApi
from services.metering.api.importing import ImportingApi
from services.metering.api.views import ViewsApi
from services.metering.application.import_readings import ReadingsImporter
from services.metering.application.views import Views


class MeteringApi(ImportingApi, EnergyApi, ViewsApi, metering_service_pb2_grpc.MeteringServiceServicer):
    """The servicer: one part a theme."""

    def __init__(self, database: Database, importer: ReadingsImporter, views: Views, time_zone: str) -> None:
        self._database, self._importer, self._views, self._time_zone = database, importer, views, time_zone
