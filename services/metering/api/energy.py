"""Energy for bills."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
from coop.metering.v1 import metering_service_pb2 as pb

from services.metering.api.messages import period, period_message, timestamp
from services.metering.api.part import Part
from services.metering.application.energy import BillableEnergy, EnergyQuery, billable_energy
from services.metering.domain.estimation.self_reading import register_names
from services.metering.domain.hours import hour_start, quarter_start
from services.metering.domain.register_closes import MeterClose, origin_word


class EnergyApi(Part):
    """StreamBillableEnergy."""

    def StreamBillableEnergy(
        self, request: pb.StreamBillableEnergyRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.StreamBillableEnergyResponse]:
        queries = [
            EnergyQuery(
                query.supply_id,
                query.service_id,
                query.tariff,
                period(query.period, f"queries[{i}].period"),
                query.by_hour,
                tuple((one.period, one.watts) for one in query.quarters_above),
            )
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
        closes=[_close(close, len(answer.energy)) for close in answer.closes],
        maximum_power=[
            pb.MaximumPower(period=f"P{one.period}", watts=one.watts, at=timestamp(one.at) if one.at else None)
            for one in answer.maximum_power
        ],
        reactive=[
            pb.ReactiveEnergy(
                period=one.period, r1_varh=one.varh[0], r2_varh=one.varh[1], r3_varh=one.varh[2], r4_varh=one.varh[3]
            )
            for one in answer.reactive
        ],
        hours=[
            pb.BillableHour(start=timestamp(hour_start(one.hour)), period=one.period, import_wh=one.import_wh)
            for one in answer.hours
        ],
        quarter_demands=[
            pb.QuarterDemand(period=one.period, start=timestamp(quarter_start(one.quarter)), watts=one.watts)
            for one in (answer.quarters.above if answer.quarters else ())
        ],
        quarters_unknown=[
            pb.UnknownQuarters(period=period, hours=hours)
            for period, hours in (answer.quarters.unknown if answer.quarters else {}).items()
        ],
        quarters_told=answer.quarters is not None,
    )


def _close(close: MeterClose, periods: int) -> pb.RegisterClose:
    """Registers of periods that the tariff does not have are left out while they stand still."""
    uses = [
        pb.RegisterUse(register=name, initial=initial, final=final, used=final - initial)
        for number, (name, initial, final) in enumerate(
            zip(register_names(len(close.initial)), close.initial, close.final, strict=True), 1
        )
        if number <= periods or final > initial
    ]
    return pb.RegisterClose(
        meter=close.meter,
        period=period_message(close.period),
        unit=close.unit,
        uses=uses,
        origin=origin_word(close.origin),
        reading_ids=close.reading_ids,
    )
