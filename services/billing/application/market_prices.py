"""Hourly market prices: uploaded by the office, every version kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from services.billing.domain.market_file import RefusedRow, read_market_file
from services.billing.repository import market
from services.billing.repository.market import Correction, StoredFile, StoredPrice
from services.billing.rules import Rules
from services.chassis.clock import local_date
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid
from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod, day_start

LARGEST = 3_000_000
"""Bytes of a file: a year of quarter-hours with room to spare."""
AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Uploaded:
    """What became of a file: `file` is None when no row of it could be read.

    `invoices` are the numbers of those issued that were calculated with a price the file corrects.
    """

    file: StoredFile | None
    seen_before: bool
    added: int
    corrections: Sequence[Correction]
    refused: Sequence[RefusedRow]
    invoices: Sequence[str]

    @property
    def unchanged(self) -> int:
        return (self.file.hours if self.file else 0) - self.added - len(self.corrections)


@dataclass(frozen=True)
class MonthPrices:
    """The prices in force of a month, and how many hours it has with and without one."""

    prices: Sequence[StoredPrice]
    hours_expected: int
    hours_missing: int
    first_missing: datetime | None


class MarketPrices:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    def upload(self, key: RequestKey, actor: str, file_name: str, content: bytes) -> Uploaded:
        """Keep the prices of a file's good rows, and tell the others. The same file again keeps nothing.

        Invalid for what is no file of prices.
        """
        found = read_market_file(_text(content), self._rules.profile.tz)
        if not found.prices and not found.refused:
            raise Invalid(f"{file_name} has a heading and no price.", field="content")
        if not found.prices:
            return Uploaded(None, False, 0, (), found.refused, ())
        sha256 = hashlib.sha256(content).hexdigest()

        def keep() -> str:
            market.lock(tx.connection)
            known = market.file_by(tx.connection, sha256=sha256)
            if known is not None:
                return f"{known.id}/seen"
            file = StoredFile(new_id(), sha256, file_name[:255], len(found.prices), actor[:80], tx.clock.now())
            _keep(tx, file, found.prices)
            return file.id

        with self._database.write() as tx:
            file_id, _, seen = tx.once(key, keep).partition("/")
            stored = market.file_by(tx.connection, file_id=file_id)
            assert stored is not None
            if seen:
                return Uploaded(stored, True, 0, (), found.refused, ())
            added, corrections = market.of_file(tx.connection, file_id)
            days = {local_date(each.start, self._rules.profile.tz) for each in corrections}
            billed = market.billed_by_the_hour(tx.connection, days, stored.uploaded_at)
        return Uploaded(stored, False, added, corrections, found.refused, billed)

    def month(self, text: str) -> MonthPrices:
        """The prices in force of a local month; Invalid for what is no month."""
        try:
            days = DatePeriod.month(text)
        except ValueError as wrong:
            raise Invalid(f"The month {wrong}.", field="month") from wrong
        tz = self._rules.profile.tz
        start, end = day_start(days.start, tz), day_start(days.end, tz)
        with self._database.read() as connection:
            prices = market.in_force(connection, start, end)
        known = {each.start for each in prices}
        expected = int((end - start) / AN_HOUR)
        missing = [at for at in (start + AN_HOUR * count for count in range(expected)) if at not in known]
        return MonthPrices(prices, expected, len(missing), missing[0] if missing else None)


def _keep(tx: Transaction, file: StoredFile, prices: Mapping[datetime, Decimal]) -> None:
    """Hours without a price get their first version, hours with another one the next."""
    before = {each.start: each for each in market.in_force(tx.connection, min(prices), max(prices) + AN_HOUR)}
    fresh: dict[datetime, tuple[int, Decimal]] = {}
    for start, price in prices.items():
        known = before.get(start)
        if known is None:
            fresh[start] = (1, price)
        elif known.price != price:
            fresh[start] = (known.version + 1, price)
    market.keep_file(tx.connection, file)
    market.keep_prices(tx.connection, file.id, fresh)


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise Invalid(f"The file has {len(content):,} bytes, more than {LARGEST:,}; split it.", field="content")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise Invalid(
            f"The file is not UTF-8 text at byte {wrong.start:,}; save it as UTF-8.", field="content"
        ) from wrong
