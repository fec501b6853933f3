"""PRIME S02 reports: the hourly curve as a concentrator writes it.

One row per meter and hour, stamped with the local END of the hour and a season letter. In the profile's zone the letter
is `S` while summer time holds and `W` otherwise; a zone without summer time writes `W` all year, its standard time.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class LocalHour:
    """An hour of the month: its local beginning and the stamp its row carries."""

    day: date
    month: int
    hour: int
    weekday: int
    stamp: str


def local_hours(start: date, end: date, zone: ZoneInfo) -> list[LocalHour]:
    """Every hour of the local days [start, end): 23, 24 or 25 a day."""
    instant = datetime(start.year, start.month, start.day, tzinfo=zone).astimezone(UTC)
    last = datetime(end.year, end.month, end.day, tzinfo=zone).astimezone(UTC)
    hours = []
    while instant < last:
        begins = instant.astimezone(zone)
        hours.append(
            LocalHour(
                begins.date(), begins.month, begins.hour, begins.weekday(), stamp((instant + HOUR).astimezone(zone))
            )
        )
        instant += HOUR
    return hours


def stamp(local: datetime) -> str:
    """`YYYYMMDDhhmmssmmm` and the season letter of a local instant."""
    letter = "S" if local.dst() else "W"
    return f"{local:%Y%m%d%H%M%S}000{letter}"


@dataclass
class MeterReport:
    """One `Cnt` element: a meter with its rows, or with the error it answered instead."""

    serial: str
    rows: list[str] = field(default_factory=list)
    error: tuple[str, str] | None = None

    def add(self, stamp_text: str, import_wh: int | str, quality: str = "00") -> None:
        """Appends an hour; the reactive registers follow the active one, as in a home with a refrigerator."""
        reactive = import_wh * 11 // 40 if isinstance(import_wh, int) and import_wh > 0 else 0
        self.rows.append(
            f'   <S02 Fh="{stamp_text}" Bc="{quality}" AI="{import_wh}" AE="0"'
            f' R1="{reactive}" R2="0" R3="0" R4="{reactive // 9}"/>\n'
        )

    def lines(self) -> Iterable[str]:
        if self.error:
            category, code = self.error
            yield f'  <Cnt Id="{self.serial}" ErrCat="{category}" ErrCode="{code}"/>\n'
            return
        yield f'  <Cnt Id="{self.serial}" Magn="1">\n'
        yield from self.rows
        yield "  </Cnt>\n"


def write_report(path: Path, concentrator: str, meters: list[MeterReport], kind: str = "S02") -> None:
    """Writes one report, compressed when the name ends in `.gz`; the same content gives the same bytes."""
    text = io.StringIO()
    text.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<Report IdRpt="{kind}" IdPet="0" Version="3.1.c">\n')
    text.write(f' <Cnc Id="{concentrator}">\n')
    for meter in meters:
        text.writelines(meter.lines())
    text.write(" </Cnc>\n</Report>\n")
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content, compresslevel=3, mtime=0) if path.suffix == ".gz" else content)
