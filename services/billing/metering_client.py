"""Energy from the metering service: one streaming call for a whole chunk of supplies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.v1 import metering_service_pb2 as metering
from coop.metering.v1.metering_service_pb2_grpc import MeteringServiceStub

from services.billing.application.pricing import EnergyQuery
from services.billing.domain.bill import Energy, MeasuredHour, PeriodEnergy, QuarterDemand
from services.billing.domain.closes import Close
from services.chassis.grpc.client import Clients, remote
from services.chassis.periods import DatePeriod

#: Seconds for one chunk: a hundred supplies are a fraction of a second, a busy machine may need longer.
DEADLINE_S = 60.0


class MeteringEnergy:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def energies(self, queries: Sequence[EnergyQuery]) -> list[Energy | None]:
        """Answers in the order of the queries; Unavailable or TimedOut when metering does not answer.

        An answer names its service but not its days, so a call asks for each service once; a service with several spans
        of prices is asked for in as many calls.
        """
        answers: list[Energy | None] = [None] * len(queries)
        rounds: list[dict[tuple[str, str], int]] = []
        for index, query in enumerate(queries):
            key = (query.supply_id, query.service_id)
            free = next((each for each in rounds if key not in each), None)
            if free is None:
                rounds.append(free := {})
            free[key] = index
        for asked in rounds:
            for key, energy in self._call([queries[index] for index in asked.values()]).items():
                if key in asked:
                    answers[asked[key]] = energy
        return answers

    def _call(self, queries: Sequence[EnergyQuery]) -> dict[tuple[str, str], Energy]:
        stub = self._clients.stub("metering", MeteringServiceStub)
        request = metering.StreamBillableEnergyRequest(
            queries=[
                metering.EnergyQuery(
                    supply_id=query.supply_id,
                    service_id=query.service_id,
                    tariff=query.tariff,
                    period=DatePeriodMessage(start=query.period.start.isoformat(), end=query.period.end.isoformat()),
                    by_hour=query.by_hour,
                    quarters_above=[
                        metering.ContractedPower(period=period, watts=watts)
                        for period, watts in sorted(query.quarters_above.items())
                    ],
                )
                for query in queries
            ]
        )
        with remote():
            return {
                (answer.supply_id, answer.service_id): energy_of(answer)
                for answer in stub.StreamBillableEnergy(request, timeout=DEADLINE_S)
            }


def energy_of(answer: metering.StreamBillableEnergyResponse) -> Energy:
    """The energy of one answer. Without a maximum power in it no maximeter was read; reactive energy comes with the hours,
    inductive as QR1 - QR4, and a period that metering leaves out had none. Hours come without a market price. Quarters of
    an hour are known where metering says that it looked them up.
    """
    return Energy(
        {each.period: PeriodEnergy(each.import_wh, each.export_wh) for each in answer.energy},
        answer.hours_expected,
        answer.hours_measured,
        answer.hours_estimated,
        answer.hours_missing,
        answer.curve_version,
        max_demand_w={each.period: each.watts for each in answer.maximum_power} or None,
        reactive_varh={each.period: max(each.r1_varh - each.r4_varh, 0) for each in answer.reactive},
        closes=tuple(_close(each, use) for each in answer.closes for use in each.uses),
        unpriced=tuple(
            MeasuredHour(_hour_start(each.start.seconds), each.period, each.import_wh) for each in answer.hours
        ),
        quarter_demands=_quarters(answer.quarter_demands) if answer.quarters_told else None,
        max_demand_at={
            each.period: each.at.ToDatetime(tzinfo=UTC) for each in answer.maximum_power if each.HasField("at")
        },
        quarters_unknown={each.period: each.hours for each in answer.quarters_unknown},
    )


@lru_cache(maxsize=100_000)
def _hour_start(seconds: int) -> datetime:
    """Supplies of a chunk have the same hours: the instant of each is made once."""
    return datetime.fromtimestamp(seconds, UTC)


def _quarters(demands: Iterable[metering.QuarterDemand]) -> dict[str, tuple[QuarterDemand, ...]]:
    found: dict[str, list[QuarterDemand]] = {}
    for each in demands:
        found.setdefault(each.period, []).append(QuarterDemand(each.watts, each.start.ToDatetime(tzinfo=UTC)))
    return {period: tuple(quarters) for period, quarters in found.items()}


def _close(close: metering.RegisterClose, use: metering.RegisterUse) -> Close:
    return Close(
        meter=close.meter,
        register=use.register,
        period=DatePeriod.parse(close.period.start, close.period.end),
        unit=close.unit,
        initial=use.initial,
        final=use.final,
        used=use.used,
        origin=close.origin,
        reading_ids=tuple(close.reading_ids),
    )
