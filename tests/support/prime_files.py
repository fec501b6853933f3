"""Writes PRIME S02 reports for tests, the way a concentrator would: hour-ending local stamps with a season letter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cache
from zoneinfo import ZoneInfo

from services.metering.domain.hours import hour_start


@cache
def stamp(hour: int, zone: str = "Europe/Madrid") -> str:
    """Fh of the hour that starts at ``hour`` (hours since the epoch, UTC)."""
    end = (hour_start(hour) + timedelta(hours=1)).astimezone(ZoneInfo(zone))
    return end.strftime("%Y%m%d%H%M%S") + "000" + ("S" if end.dst() else "W")


def row(hour: int, wh: int | str, *, bc: str = "00", export: int | str = 0, zone: str = "Europe/Madrid") -> str:
    """One S02 line."""
    return f'<S02 Fh="{stamp(hour, zone)}" Bc="{bc}" AI="{wh}" AE="{export}" R1="1" R2="0" R3="0" R4="2"/>'


def meter(serial: str, rows: Iterable[str], magn: str = "1") -> str:
    """One Cnt element with its rows, a line each."""
    return "\n".join([f'<Cnt Id="{serial}" Magn="{magn}">', *rows, "</Cnt>"])


def report(*meters: str, concentrator: str = "CIR0000000001") -> bytes:
    """A whole report; line 1 is the Report element, line 2 the concentrator, line 3 the first meter."""
    lines = [
        '<Report IdRpt="S02" IdPet="0" Version="3.1.c">',
        f'<Cnc Id="{concentrator}">',
        *meters,
        "</Cnc>",
        "</Report>",
    ]
    return "\n".join(lines).encode()


def hourly(serial: str, first_hour: int, values: Sequence[int], **more: str) -> str:
    """A meter with consecutive hours."""
    return meter(serial, [row(first_hour + i, wh, **more) for i, wh in enumerate(values)])  # type: ignore[arg-type]
