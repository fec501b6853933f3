"""Receipts of self-readings: what became of each reading, the photo back, and who may see them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from services.chassis.blobs import BlobStore
from services.chassis.clock import local_date
from services.chassis.context import Principal
from services.chassis.db import Database
from services.chassis.errors import NotFound
from services.metering.application.closes import hung
from services.metering.domain.estimation.closes import Origin
from services.metering.domain.photos import Photo
from services.metering.domain.register_closes import chain
from services.metering.domain.registers import LITRE, WH
from services.metering.repository import holdings, points, readings, self_readings, visibility
from services.metering.repository.self_readings import SelfReadingRow
from services.metering.self_reading_rules import SelfReadingRules

SHOWN_UNITS = {WH: "kWh", LITRE: "m3"}
"""Units as meters show them; a thousand of ours make one."""
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RECEIPT_GROUPS, _GROUP = 2, 5


@dataclass(frozen=True)
class Receipt:
    """A reading that was taken. ``state``: "counts", "replaced", "superseded" or "doubtful"; ``cycle``: first day of the
    billing cycle it enters."""

    row: SelfReadingRow
    state: str
    cycle: date

    @property
    def unit(self) -> str:
        return SHOWN_UNITS[self.row.unit]


class Receipts:
    """The use cases. ``zone`` is the cooperative's, ``photos`` where photos lie by their hash."""

    def __init__(self, database: Database, zone: ZoneInfo, rules: SelfReadingRules, photos: BlobStore) -> None:
        self._database, self._zone, self._rules, self._photos = database, zone, rules, photos

    def of(self, receipt: str, supply_id: str) -> Receipt:
        """The receipt of a number. NotFound when it is none of the supply's."""
        with self._database.read() as connection:
            return self._receipts(connection, [_found(connection, receipt, supply_id)])[0]

    def page(
        self, caller: Principal, supply_id: str, receipt: str, size: int, after: tuple[datetime, str] | None
    ) -> list[Receipt]:
        """Receipts, the newest first: of a supply, or of all for the office; of one number alone when it is given.

        NotFound when the supply is not the caller's, or the number is none of that supply's.
        """
        with self._database.read() as connection:
            _check_visible(connection, caller, supply_id)
            if receipt:
                return self._receipts(connection, [_found(connection, receipt, supply_id)])
            return self._receipts(connection, self_readings.page(connection, supply_id, size, after))

    def photo(self, caller: Principal, supply_id: str, receipt: str) -> Photo:
        """The photo of a receipt, as it was kept: for whoever sent it, and for the office. NotFound as for ``page``."""
        with self._database.read() as connection:
            _check_visible(connection, caller, supply_id)
            row = _found(connection, receipt, supply_id)
        if caller.kind == "member" and row.account_id != caller.id:
            raise _no_receipt(receipt)
        return Photo(row.photo_type, self._photos.get(row.photo_sha256))

    def _receipts(self, connection: Connection, rows: Sequence[SelfReadingRow]) -> list[Receipt]:
        """With what became of each."""
        if not rows:
            return []
        days = [row.day for row in rows]
        stored = readings.around(connection, {row.meter_key for row in rows}, min(days), max(days))
        # Readings come by day and receipt: of each meter and day the last self-reading stays.
        latest = {(one.meter_key, one.day): one.id for one in stored if one.origin is Origin.SELF_READING}
        of_services = points.points_of_services(connection, {row.service_id for row in rows})
        counting: set[str] = set()
        for place in holdings.assignments_of_points(connection, {point.key for point in of_services.values()}):
            here = (one.kept for one in stored if one.meter_key == place.meter_key and hung(place, one.day))
            counting |= {kept.id for kept in chain(kept for kept in here if kept)}

        def state(row: SelfReadingRow) -> str:
            if latest.get((row.meter_key, row.day), row.reading_id) != row.reading_id:
                return "replaced"
            if row.doubtful:
                return "doubtful"
            return "counts" if row.reading_id in counting else "superseded"

        return [
            Receipt(row, state(row), self._rules.window(local_date(row.received_at, self._zone)).cycle) for row in rows
        ]


def visible_service(connection: Connection, caller: Principal, supply_id: str, service_id: str) -> str:
    """The service asked for, or the supply's first. Somebody else's supply is the same as none."""
    services = self_readings.service_ids(connection, supply_id)
    mine = caller.kind != "member" or visibility.may_read(connection, caller.id, supply_id)
    if not services or not mine:
        raise _no_supply(supply_id)
    if service_id and service_id not in services:
        raise NotFound(f"The supply has no service {service_id[:60]!r}.", "SERVICE_NOT_FOUND")
    return service_id or services[0]


def _check_visible(connection: Connection, caller: Principal, supply_id: str) -> None:
    if supply_id:
        visible_service(connection, caller, supply_id, "")
    elif caller.kind == "member":
        raise _no_supply(supply_id)


def _no_supply(supply_id: str) -> NotFound:
    return NotFound(f"There is no supply {supply_id[:60]!r}.", "SUPPLY_NOT_FOUND")


def _found(connection: Connection, receipt: str, supply_id: str) -> SelfReadingRow:
    row = self_readings.by_receipt(connection, receipt, supply_id)
    if row is None:
        raise _no_receipt(receipt)
    return row


def _no_receipt(receipt: str) -> NotFound:
    return NotFound(f"There is no receipt {receipt[:60]!r} of a self-reading.", "RECEIPT_NOT_FOUND")


def new_receipt() -> str:
    """A number for a receipt, easy to read aloud: 50 random bits."""
    letters = [secrets.choice(_ALPHABET) for _ in range(_RECEIPT_GROUPS * _GROUP)]
    return "-".join("".join(letters[at : at + _GROUP]) for at in range(0, len(letters), _GROUP))
