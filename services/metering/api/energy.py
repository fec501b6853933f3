"""Energy for bills."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from coop.metering.v1 import metering_service_pb2 as pb

from services.metering.api.messages import period
from services.metering.api.part import Part
from services.metering.application.energy import BillableEnergy, EnergyQuery, billable_energy


class EnergyApi(Part):
    """StreamBillableEnergy."""

    def StreamBillableEnergy(
        self, request: pb.StreamBillableEnergyRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.StreamBillableEnergyResponse]:
        queries = [
            EnergyQuery(query.supply_id, query.service_id, query.tariff, period(query.period, f"queries[{i}].period"))
            for i, query in enumerate(request.queries)
        ]
        for answer in billable_energy(self._database, self._time_zone, queries):
            yield _energy(answer)


def _energy(answer: BillableEnergy) -> pb.StreamBillableEnergyResponse:
    return pb.StreamBillableEnergyResponse(
        supply_id=answer.supply_id,
        service_id=answer.service_id,
        energy=[
            pb.PeriodEnergy(period=one.period, import_wh=one.import_wh, export_wh=one.export_wh)
            for one in answer.energy
        ],
        hours_expected=answer.hours_expected,
        hours_measured=answer.hours_measured,
        hours_estimated=answer.hours_estimated,
        hours_missing=answer.hours_missing,
        curve_version=answer.curve_version,
    )
