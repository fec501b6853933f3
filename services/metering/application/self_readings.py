"""Members read their own meters: what the form asks, and taking a reading with its photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from coop.metering.events.v1.events_pb2 import SelfReadingTaken
from sqlalchemy import Connection

from services.chassis.blobs import BlobStore
from services.chassis.clock import local_date
from services.chassis.context import Principal
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, Throttled
from services.chassis.ids import new_id
from services.metering.application.receipts import SHOWN_UNITS, Receipt, Receipts, new_receipt, visible_service
from services.metering.application.registers import store_readings
from services.metering.domain.calendar import TARIFF_PERIODS
from services.metering.domain.estimation.closes import ON_THE_SPOT, Origin
from services.metering.domain.estimation.self_reading import (
    Closed,
    Expectation,
    Figure,
    Objected,
    Objection,
    SelfReading,
    Window,
    objections,
    register_names,
)
from services.metering.domain.photos import Photo, bare_photo
from services.metering.domain.register_closes import main_channel
from services.metering.domain.registers import LITRE, WH, RegisterRow
from services.metering.repository import points, self_readings
from services.metering.repository.points import ContractTariff
from services.metering.repository.self_readings import LastReal, PlaceOfReading
from services.metering.self_reading_rules import SelfReadingRules

READING_TOPIC = "coop.metering.reading.v1"
THOUSAND = 1_000
MANY_A_DAY = 20
"""Self-readings of one supply within 24 hours; a household with two meters and some mistakes needs fewer."""
_DAY = timedelta(days=1)


class ReadingObjected(Exception):
    """A self-reading that is not taken, with everything that speaks against it."""

    def __init__(self, found: Sequence[Objected]) -> None:
        super().__init__("; ".join(one.sentence() for one in found))
        self.found = found


class ReadingClosed(Exception):
    """No self-reading is taken now, whatever it says."""

    def __init__(self, closed: Closed, figures: Mapping[str, Figure]) -> None:
        super().__init__(closed.value)
        self.closed, self.figures = closed, figures


@dataclass(frozen=True)
class Form:
    """What a member must know to give a reading. ``last_real``: whole kWh or m3 by register; ``last_day`` as its reader
    would say it; ``closed`` and its ``figures``: why none can be given now. Without a meter the rest is empty."""

    service_id: str
    window: Window
    meter: str = ""
    unit: str = ""
    registers: tuple[str, ...] = ()
    last_real: tuple[int, ...] = ()
    last_day: date | None = None
    last_billed: date | None = None
    digits: int = 0
    max_photo_bytes: int = 0
    closed: Closed | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class Given:
    """A reading as it comes: whole kWh or m3 by register name, the day of reading, the bytes of the photo."""

    supply_id: str
    service_id: str
    day: date
    shown: Mapping[str, int]
    photo: bytes


class SelfReadings:
    """The use cases. ``zone`` is the cooperative's, ``photos`` where photos lie by their hash."""

    def __init__(self, database: Database, zone: ZoneInfo, rules: SelfReadingRules, photos: BlobStore) -> None:
        self._database, self._zone, self._rules, self._photos = database, zone, rules, photos
        self.receipts = Receipts(database, zone, rules, photos)

    def form(self, caller: Principal, supply_id: str, service_id: str) -> Form:
        """What the form of a service asks ("" the supply's first one). NotFound when the supply is not the caller's."""
        with self._database.read() as connection:
            wanted = visible_service(connection, caller, supply_id, service_id)
            return self._expected(connection, wanted, self._today())[0]

    def submit(self, caller: Principal, key: RequestKey, given: Given) -> Receipt:
        """Takes a reading and gives its receipt; the same reading again, or the same request, gives the same receipt.

        Raises NotFound for a supply that is not the caller's, ReadingClosed, and ReadingObjected with every objection.
        """
        photo, problem = self._photo_of(given.photo)
        with self._database.read() as connection:
            service_id = visible_service(connection, caller, given.supply_id, given.service_id)
            self._check(connection, service_id, given, problem)
            _check_not_too_many(connection, given.supply_id, self._database.clock.now())
        if photo is None:
            raise ReadingObjected([Objected(Objection.NO_PHOTO, "photo")])
        # Stored first: a photo without its reading is a file too many, a reading without its photo would be a lie.
        sha256 = self._photos.put(photo.content)
        with self._database.write() as tx:
            receipt = tx.once(key, lambda: self._take(tx, caller, service_id, given, sha256, photo.media_type))
        return self.receipts.of(receipt, given.supply_id)

    # --------------------------------------------------------------------------------------------------------- helpers
    def _today(self) -> date:
        return local_date(self._database.clock.now(), self._zone)

    def _photo_of(self, content: bytes) -> tuple[Photo | None, Objected | None]:
        if not content:
            return None, Objected(Objection.NO_PHOTO, "photo")
        if len(content) > self._rules.max_photo_bytes:
            return None, Objected(Objection.PHOTO_TOO_LARGE, "photo", {"megabytes": self._rules.max_photo_mb})
        try:
            return bare_photo(content), None
        except Invalid as wrong:
            return None, Objected(Objection(wrong.reason), "photo")

    def _expected(
        self, connection: Connection, service_id: str, day: date
    ) -> tuple[Form, PlaceOfReading | None, LastReal | None]:
        """The form of a service with the meter that hangs there on ``day``."""
        found = self._rules.window(self._today())
        place = self_readings.place_on(connection, service_id, day)
        if place is None:  # a day before the meter came, or one not to be taken seriously
            place = self_readings.place_on(connection, service_id, self._today())
        if place is None:
            return Form(service_id, found, closed=Closed.NO_METER), None, None
        unit = LITRE if place.kind == "water" else WH
        last = self_readings.last_real(connection, place.meter_key, place.since, main_channel(unit))
        count = _registers(points.contracts_of(connection, place.point_key), place.kind, day, last)
        billed = self_readings.billed_until(connection, service_id)
        is_open = found.is_open(self._today())
        form = Form(
            service_id=service_id,
            window=found,
            meter=place.meter,
            unit=SHOWN_UNITS[unit],
            registers=register_names(count),
            last_real=tuple(value // THOUSAND for value in last.registers[:count]) if last else (0,) * count,
            last_day=_day_of_reader(last) if last else None,
            last_billed=billed - timedelta(days=1) if billed else None,
            digits=self._rules.digits[SHOWN_UNITS[unit]],
            max_photo_bytes=self._rules.max_photo_bytes,
            closed=None if is_open else Closed.LATE,
            figures={} if is_open else {"latest": found.latest, "cycle": found.cycle},
        )
        return form, place, last

    def _check(
        self, connection: Connection, service_id: str, given: Given, photo_problem: Objected | None = None
    ) -> tuple[Form, PlaceOfReading, LastReal | None]:
        """Raises ReadingClosed and ReadingObjected."""
        form, place, last = self._expected(connection, service_id, given.day)
        if form.closed is not None or place is None:
            raise ReadingClosed(form.closed or Closed.NO_METER, form.figures)
        unknown = sorted(set(given.shown) - set(form.registers))
        if unknown:
            known = ", ".join(form.registers)
            raise Invalid(f"The meter has no register {unknown[0]!r}: it has {known}.", "NO_REGISTER", field="shown")
        name = place.cups or place.account_number
        reading = SelfReading(given.day, [given.shown.get(one) for one in form.registers], name, photo_problem)
        expected = Expectation(
            cups=name,
            digits=form.digits,
            registers=form.registers,
            last_real=form.last_real,
            last_day=form.last_day or place.since,
            last_billed=form.last_billed,
            latest=form.window.latest,
            today=self._today(),
        )
        found = objections(reading, expected)
        if found:
            raise ReadingObjected(found)
        return form, place, last

    def _take(
        self, tx: Transaction, caller: Principal, service_id: str, given: Given, sha256: str, photo_type: str
    ) -> str:
        """Stores reading and receipt, announces it, and gives the receipt's number."""
        form, place, last = self._check(tx.connection, service_id, given)
        shown = [(register, given.shown[register]) for register in form.registers]
        # A meter for six periods under a tariff of three: the registers that nobody asked for stand still.
        rest = last.registers[len(shown) :] if last else ()
        unit = WH if form.unit == SHOWN_UNITS[WH] else LITRE
        row = RegisterRow(
            meter=place.meter,
            supply="",
            # Read in the course of a day: it counts from the midnight that ends it.
            day=given.day + timedelta(days=1),
            origin=Origin.SELF_READING,
            unit=unit,
            registers={main_channel(unit): (*(value * THOUSAND for _, value in shown), *rest)},
        )
        stored = store_readings(tx, [row], None)
        (reading_id,) = stored.ids
        earlier = self_readings.receipt_of_reading(tx.connection, reading_id)
        if earlier is not None:
            return earlier
        receipt = new_receipt()
        self_readings.add(
            tx,
            {
                "id": new_id(),
                "receipt": receipt,
                "reading_id": reading_id,
                "account_id": caller.id,
                "supply_id": place.supply_id,
                "service_id": service_id,
                "shown": [list(one) for one in shown],
                "read_on": given.day,
                "photo_sha256": sha256,
                "photo_type": photo_type,
                "received_at": tx.clock.now(),
            },
        )
        taken = SelfReadingTaken(
            supply_id=place.supply_id,
            service_id=service_id,
            account_id=caller.id,
            receipt=receipt,
            day=given.day.isoformat(),
            unit=form.unit,
            registers=[register for register, _ in shown],
            shown=[value for _, value in shown],
            account_number=place.account_number,
            meter=place.meter,
            enters_cycle=form.window.cycle.isoformat(),
            doubtful=bool(stored.doubtful),
        )
        tx.emit(READING_TOPIC, place.supply_id, taken)
        return receipt


def _check_not_too_many(connection: Connection, supply_id: str, now: datetime) -> None:
    """Photos take room: whoever corrects a reading again and again waits until tomorrow."""
    if self_readings.given_since(connection, supply_id, now - _DAY) >= MANY_A_DAY:
        raise Throttled(
            f"{MANY_A_DAY} readings of this supply were given within a day: give the next one tomorrow.",
            "TOO_MANY_READINGS",
            retry_after_s=int(_DAY.total_seconds()),
        )


def _registers(contracts: Sequence[ContractTariff], kind: str, day: date, last: LastReal | None) -> int:
    """How many registers to ask for: as many as the tariff has periods, and never fewer than the meter has in use."""
    wanted = 1
    if kind == "electricity":
        tariff = next((one.tariff for one in contracts if one.start <= day and (one.end is None or day < one.end)), "")
        wanted = TARIFF_PERIODS.get(tariff, 1)
    if last is None:
        return wanted
    in_use = max((number for number, value in enumerate(last.registers, 1) if value), default=1)
    return min(max(wanted, in_use), len(last.registers))


def _day_of_reader(last: LastReal) -> date:
    """The day as whoever read the meter says it: a reading on the spot is kept at the midnight that ends its day."""
    return last.day - timedelta(days=1) if last.origin in ON_THE_SPOT else last.day
