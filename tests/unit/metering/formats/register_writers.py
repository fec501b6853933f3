"""Writes register readings in every dialect that carries them, the way concentrators and offices do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.metering.domain.estimation.closes import Origin
from services.metering.domain.registers import LITRE, WH, MaximumPower, RegisterRow

MADRID = ZoneInfo("Europe/Madrid")
_ATTRIBUTES = {"import": "AI", "export": "AE", "r1": "R1", "r2": "R2", "r3": "R3", "r4": "R4"}


def stamp(at: datetime, winter_all_year: bool = False) -> str:
    """Fh of an aware instant, to the second. A meter that never changes its clock writes winter time."""
    local = at.astimezone(MADRID)
    if winter_all_year:
        local = (at + timedelta(hours=1)).astimezone(UTC)
    return f"{local:%Y%m%d%H%M%S}000" + ("S" if local.dst() else "W")


def midnight(day: date) -> datetime:
    """The local midnight at which a day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=MADRID)


def s05(
    rows: Iterable[RegisterRow], *, magnitude: int = 1, winter_all_year: bool = False, contract: str = "1"
) -> bytes:
    """Daily closes."""

    def begin(row: RegisterRow, period: int) -> str:
        end = stamp(midnight(row.day), winter_all_year)
        return f'<S05 Fh="{end}" Ctr="{contract}" Pt="{period}">'

    return _report("S05", rows, begin, magnitude)


def s04(
    rows: Iterable[RegisterRow], *, magnitude: int = 1, winter_all_year: bool = False, contract: str = "1"
) -> bytes:
    """Monthly closes, with incremental registers as meters have them and the highest power."""

    def begin(row: RegisterRow, period: int) -> str:
        start = stamp(midnight(row.since), winter_all_year) if row.since else "00001228230000000W"
        end = stamp(midnight(row.day), winter_all_year)
        power = next((one for one in row.max_power if one.period == period), MaximumPower(period, 0, None))
        at = stamp(power.at) if power.at else "FFFF1231230000000W"
        return f'<S04 Fhi="{start}" Fhf="{end}" Ctr="{contract}" Pt="{period}" Mx="{power.watts}" Fx="{at}">'

    return _report("S04", rows, begin, magnitude, '<Value AIi="1" AEi="0" R1i="0" R2i="0" R3i="0" R4i="0"/>')


def _report(report: str, rows: Iterable[RegisterRow], begin: object, magnitude: int, more: str = "") -> bytes:
    of_meter: dict[str, list[RegisterRow]] = defaultdict(list)
    for row in rows:
        of_meter[row.meter].append(row)
    lines = [f'<Report IdRpt="{report}" IdPet="0" Version="3.1.c">', '<Cnc Id="CIR0000000001">']
    for serial, some in of_meter.items():
        lines.append(f'<Cnt Id="{serial}"' + (f' Magn="{magnitude}">' if magnitude != 1 else ">"))
        for row in some:
            for period in range(len(row.registers["import"]) + 1):
                lines.append(begin(row, period))  # type: ignore[operator]
                lines.append(f"<Value {_values(row, period, magnitude)}/>{more}</{report}>")
        lines.append("</Cnt>")
    return "\n".join([*lines, "</Cnc>", "</Report>"]).encode()


def _values(row: RegisterRow, period: int, magnitude: int) -> str:
    def text(channel: str) -> str:
        wh = row.registers[channel][period - 1] if period else row.totals[channel]
        return _decimal(wh, 1000 * magnitude, ".")

    return " ".join(f'{name}a="{text(channel)}"' for channel, name in _ATTRIBUTES.items() if channel in row.registers)


def _decimal(value: int, unit: int, sign: str) -> str:
    digits = len(str(unit)) - 1
    return f"{value // unit}{sign}{value % unit:0{digits}}" if value % unit else str(value // unit)


_WORDS = {Origin.VISUAL: "Visual", Origin.PORTABLE: "portátil", Origin.SELF_READING: "autolectura", Origin.REMOTE: "10"}


def spanish(rows: Sequence[RegisterRow]) -> bytes:
    """``;``, decimal comma, the day read."""
    lines = ["Contador;CUPS;Fecha de lectura;P1;P2;P3;P4;P5;P6;Total;Unidad;Origen"]
    for row in rows:
        (channel, values), *_ = row.registers.items()
        given = [_decimal(value, 1000, ",") for value in values]
        total = _decimal(row.totals[channel], 1000, ",") if channel in row.totals else ""
        periods, single = (given, total) if len(given) > 1 else ([], given[0])
        unit = "kWh" if row.unit == WH else "m³"
        read = row.day - timedelta(days=1)
        cells = [row.meter, row.supply, f"{read:%d/%m/%Y}", *periods, *[""] * (6 - len(periods)), single, unit]
        lines.append(";".join([*cells, _WORDS[row.origin]]))
    return "".join(f"{line}\n" for line in lines).encode()


def english(rows: Sequence[RegisterRow]) -> bytes:
    """``,``, decimal point, one register, stamped at the midnight itself."""
    lines = ["meter,account,date,reading,unit,origin"]
    for row in rows:
        ((_, (value, *_)),) = row.registers.items()
        unit = "m3" if row.unit == LITRE else "kWh"
        shown = _decimal(value, 1000, ".")
        lines.append(f"{row.meter},{row.supply},{row.day} 00:00,{shown},{unit},{int(row.origin)}")
    return "".join(f"{line}\r\n" for line in lines).encode()
