"""A cooperative's metering alone: supplies told by events, S02 reports of any size, and the import in this process."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from coop.supplies.events.v1.events_pb2 import SupplyChanged
from coop.supplies.v1 import supplies_pb2

from services.chassis import migrations
from services.chassis.clock import FixedClock
from services.chassis.db import Database
from services.chassis.eventlog.factory import open_event_log
from services.chassis.ids import new_id
from services.chassis.outbox import OutboxRelay
from services.chassis.periods import DatePeriod, zone
from services.chassis.subscription import Envelope
from services.local.demo.reports import local_hours
from services.metering.application.import_readings import ReadingsImporter, Summary
from services.metering.consumers import subscriptions
from tests.bench.households import hourly_loads

MADRID = "Europe/Madrid"
NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
SUPPLIES_PER_REPORT = 500


@dataclass(frozen=True)
class MeasuredSupply:
    """A supply that metering knows, by its ids."""

    supply_id: str
    service_id: str


class MeteringAlone:
    """Metering's database with its relay at work, as the service runs it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.clock = FixedClock(NOW)
        self.database = Database(url, service="metering", clock=self.clock)
        migrations.upgrade(self.database, "metering")
        self.importer = ReadingsImporter(self.database, self.clock, MADRID, folder / "incoming", 1 << 40)
        self.supplies: list[MeasuredSupply] = []
        self._log = open_event_log(f"sqlite:///{folder / 'metering-events.db'}")

    def close(self) -> None:
        self.database.close()
        self._log.close()

    def connect(self, count: int) -> None:
        """Tell it of supplies with one meter each, through the inbox as the consumer does."""
        subscription = subscriptions()[0]
        with self.database.write() as tx:
            for number in range(1, count + 1):
                supply = MeasuredSupply(new_id(), new_id())
                event = _supply_event(supply, number)
                envelope = _envelope(event)
                assert subscription.handle_once(tx, event.SerializeToString(), envelope)
                self.supplies.append(supply)

    @contextmanager
    def relay(self) -> Iterator[OutboxRelay]:
        """Events go to the log while the block runs; afterwards all of them have gone."""
        relay, stop = OutboxRelay(self.database, self._log), threading.Event()
        thread = threading.Thread(target=relay.run, args=(stop,))
        thread.start()
        try:
            yield relay
        finally:
            stop.set()
            relay.wake()
            thread.join()

    def load(self, path: Path) -> Summary:
        """Import a file."""
        with path.open("rb") as file:
            *_, summary = self.importer.run(path.name, iter(lambda: file.read(1 << 16), b""), "staff:bench")
        assert isinstance(summary, Summary)
        return summary


def _supply_event(supply: MeasuredSupply, number: int) -> SupplyChanged:
    contract = supplies_pb2.Contract(id=new_id(), tariff="2.0TD")
    for period in ("P1", "P2"):
        contract.powers.add(period=period, watts=3_450)
    meter = supplies_pb2.Meter(serial=serial(number))
    for one in (contract, meter):
        setattr(one, "from", "2015-01-01")
    service = supplies_pb2.SupplyService(
        id=supply.service_id, kind=supplies_pb2.SERVICE_KIND_ELECTRICITY, contracts=[contract], meters=[meter]
    )
    told = supplies_pb2.Supply(
        id=supply.supply_id,
        account_number=f"{number}/1",
        cups=f"ES0021{number:012d}AA0F",
        tariff_zone="peninsula",
        time_zone=MADRID,
        services=[service],
    )
    return SupplyChanged(supply=told, version=1)


def _envelope(event: SupplyChanged) -> Envelope:
    return Envelope(
        event_id=new_id(),
        type=event.DESCRIPTOR.full_name,
        source="supplies",
        time=NOW,
        actor="bench",
        traceparent="",
        topic="coop.supplies.supply.v1",
        key=event.supply.id,
    )


def serial(number: int) -> str:
    """Serial of the meter of a supply."""
    return f"BEN{number:010d}"


def write_reports(folder: Path, supplies: int, month: str, *, per_report: int = SUPPLIES_PER_REPORT) -> list[Path]:
    """The month's readings of every supply, every hour present, one S02 report per ``per_report`` supplies."""
    period = DatePeriod.month(month)
    stamps = [hour.stamp for hour in local_hours(period.start, period.end, zone(MADRID))]
    paths = []
    for first in range(1, supplies + 1, per_report):
        path = folder / f"BEN_{first}_of_{supplies}_S02_0_{month.replace('-', '')}"
        _write_report(path, range(first, min(first + per_report, supplies + 1)), stamps)
        paths.append(path)
    return paths


def _write_report(path: Path, numbers: range, stamps: list[str]) -> None:
    with path.open("w", encoding="ascii") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<Report IdRpt="S02" IdPet="0" Version="3.1.c">\n')
        file.write('<Cnc Id="BEN4620000001">\n')
        for number in numbers:
            file.write(f'<Cnt Id="{serial(number)}" Magn="1">\n')
            rows = zip(stamps, hourly_loads(number, 1, len(stamps))[0].tolist(), strict=True)
            file.writelines(
                f'<S02 Fh="{stamp}" Bc="00" AI="{ai}" AE="0" R1="{r1}" R2="0" R3="0" R4="{r4}"/>\n'
                for stamp, (ai, r1, r4) in rows
            )
            file.write("</Cnt>\n")
        file.write("</Cnc>\n</Report>\n")


def seconds(action: Callable[[], object]) -> float:
    """Wall time of a call."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
