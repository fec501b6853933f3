"""Metering for tests: the events other services tell it, and its use cases on a real database at a fixed instant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from coop.billing.events.v1.events_pb2 import InvoiceIssued
from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.events.v1.events_pb2 import CurveReady
from coop.supplies.events.v1.events_pb2 import SupplyChanged
from coop.supplies.v1 import supplies_pb2
from sqlalchemy import select

from services.chassis.clock import FixedClock
from services.chassis.db import TABLES, Database
from services.chassis.periods import DatePeriod
from services.metering.application import learn
from services.metering.application.energy import BillableEnergy, EnergyQuery, billable_energy
from services.metering.application.import_readings import Progress, ReadingsImporter, Summary

MADRID = "Europe/Madrid"
NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def supply_message(
    name: str,
    *meters: tuple[str, str, str],
    version: int = 1,
    tariff: str = "2.0TD",
    kind: int = supplies_pb2.SERVICE_KIND_ELECTRICITY,
) -> SupplyChanged:
    """A supply with one service "<name>-service", one open contract and the meters (serial, from, to)."""
    contract = supplies_pb2.Contract(id=f"{name}-contract", tariff=tariff)
    setattr(contract, "from", "2020-01-01")
    service = supplies_pb2.SupplyService(id=f"{name}-service", kind=kind, contracts=[contract])
    for serial, start, end in meters:
        hung = supplies_pb2.Meter(serial=serial, to=end)
        setattr(hung, "from", start)
        service.meters.append(hung)
    supply = supplies_pb2.Supply(
        id=name, account_number="5555/1", tariff_zone="peninsula", time_zone=MADRID, services=[service]
    )
    return SupplyChanged(supply=supply, version=version)


def invoice_message(name: str, start: str, end: str, number: str = "2026A000001") -> InvoiceIssued:
    """An invoice of the supply's service for local days [start, end)."""
    return InvoiceIssued(
        invoice_id=f"invoice-{number}",
        number=number,
        supply_id=name,
        service_id=f"{name}-service",
        period=DatePeriodMessage(start=start, end=end),
        import_wh=250_000,
        hours_expected=745,
        hours_measured=740,
        hours_estimated=3,
        hours_missing=2,
    )


@dataclass
class Metering:
    """Metering as its callers use it."""

    database: Database
    clock: FixedClock
    importer: ReadingsImporter
    progress: list[Progress] = field(default_factory=list)

    def tell(self, message: object) -> None:
        """Handle an event of another service."""
        handlers: dict[str, Callable[..., None]] = {
            "SupplyChanged": learn.supply_changed,
            "InvoiceIssued": learn.invoice_issued,
            "InvoiceRectified": learn.invoice_rectified,
            "AccessGranted": learn.access_granted,
            "AccessRevoked": learn.access_revoked,
        }
        with self.database.write() as tx:
            handlers[type(message).__name__](tx, message)

    def load(self, data: bytes, name: str = "readings.xml", piece: int = 1 << 16) -> Summary:
        """Import a file; an hour passes between two imports."""
        self.clock.advance(timedelta(hours=1))
        pieces = [data[i : i + piece] for i in range(0, len(data), piece)]
        *self.progress, summary = self.importer.run(name, pieces, "staff:1")
        assert isinstance(summary, Summary)
        return summary

    def energy(self, name: str, start: date, end: date, tariff: str = "2.0TD") -> BillableEnergy:
        """Energy of one supply."""
        query = EnergyQuery(name, f"{name}-service", tariff, DatePeriod(start, end))
        (answer,) = billable_energy(self.database, MADRID, [query])
        return answer

    def events(self) -> list[CurveReady]:
        """CurveReady events left in the outbox, in order."""
        table = TABLES.outbox_event
        with self.database.read() as connection:
            rows = connection.execute(select(table).order_by(table.c.id)).all()
        assert {row.topic for row in rows} <= {"coop.metering.curve.v1"}
        found = [CurveReady.FromString(row.value) for row in rows]
        assert [row.key for row in rows] == [event.supply_id for event in found]
        return found
