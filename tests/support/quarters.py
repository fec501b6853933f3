"""Files of quarters of an hour for tests, as distributors write them, and what metering tells of such a supply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from coop.supplies.events.v1.events_pb2 import SupplyChanged

from services.chassis.periods import DatePeriod
from services.metering.application.energy import BillableEnergy, EnergyQuery, billable_energy
from tests.support.metering import MADRID, Metering, supply_message
from tests.unit.metering.formats.curve_writers import SUPPLY, local, season

Quarters = Mapping[int, Sequence[int]]
"""Wh of the four quarters by hour (start, since the epoch)."""


def quarter_file(hours: Quarters, supply: str = SUPPLY) -> bytes:
    """An i-DE file of quarters."""
    rows = ["CUPS;FECHA-HORA;INV / VER;CONSUMO Wh;GENERACION Wh;"]
    for hour, quarters in hours.items():
        for number, wh in enumerate(quarters, 1):
            end = local(hour, 0, 15 * number)
            text = f"{end:%Y/%m/%d %H:%M}"
            if text.endswith("00:00"):
                text = f"{local(hour, 0):%Y/%m/%d} 24:00"
            rows.append(f"{supply};{text};{season(end)};{wh};0;")
    return "".join(f"{row}\n" for row in rows).encode()


def large_supply(name: str, power_w: int = 100_000, cups: str = SUPPLY, version: int = 1) -> SupplyChanged:
    """A supply under 3.0TD that contracts this power in every period, known by its CUPS."""
    message = supply_message(name, ("M1", "2020-01-01", ""), tariff="3.0TD", version=version)
    message.supply.cups = cups
    for number in range(1, 7):
        message.supply.services[0].contracts[0].powers.add(period=f"P{number}", watts=power_w)
    return message


def asked(
    metering: Metering, period: DatePeriod, *above: tuple[str, int], name: str = "ana", tariff: str = "3.0TD"
) -> BillableEnergy:
    """The energy of the supply's service with its quarters above these powers."""
    query = EnergyQuery(name, f"{name}-service", tariff, period, quarters_above=above)
    (answer,) = billable_energy(metering.database, MADRID, [query])
    return answer
