"""Writes a curve in every dialect, the way the programs of the trade do: local stamps of the hour's end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.metering.domain.hours import hour_start
from tests.support.prime_files import meter, report, stamp

MADRID = ZoneInfo("Europe/Madrid")
SUPPLY = "ES0575000000000877HA0F"
OTHER = "ES0575000000000123PP0F"


@dataclass(frozen=True)
class Hour:
    """``start``: hours since the epoch. ``method``: 1 real, 2-6 estimated."""

    start: int
    wh: int
    export: int = 0
    method: int = 1


def local(start: int, hours: int = 1, minutes: int = 0) -> datetime:
    """Local time that much after an hour's start."""
    return (hour_start(start) + timedelta(hours=hours, minutes=minutes)).astimezone(MADRID)


def season(end: datetime) -> int:
    return int(bool(end.dst()))


def day_and_number(start: int) -> tuple[date, int]:
    """Local day and 1 + whole hours elapsed since its midnight."""
    begin = local(start, 0)
    midnight = datetime(begin.year, begin.month, begin.day, tzinfo=MADRID)
    return begin.date(), start - int(midnight.timestamp()) // 3600 + 1


def kwh(wh: int, sign: str = ",") -> str:
    return f"{wh // 1000}{sign}{wh % 1000:03}"


def letter(method: int) -> str:
    return "R" if method == 1 else "E"


def prime(hours: Sequence[Hour], supply: str = SUPPLY) -> bytes:
    rows = [f'<S02 Fh="{stamp(h.start)}" Bc="00" AI="{h.wh}" AE="{h.export}"/>' for h in hours]
    return report(meter(supply, rows))


def f5d(hours: Sequence[Hour], supply: str = SUPPLY, invoice: str = "F2026000123") -> bytes:
    def row(h: Hour) -> str:
        end = local(h.start)
        return f"{supply};{end:%Y/%m/%d %H:%M};{season(end)};{h.wh};{h.export};0;0;0;0;{h.method};1;{invoice};"

    return _lines(map(row, hours))


def p5d(hours: Sequence[Hour], supply: str = SUPPLY) -> bytes:
    def row(h: Hour) -> str:
        end = local(h.start)
        return f"{supply};{end:%Y/%m/%d %H:%M};{season(end)};{h.wh};{h.export};"

    return _lines(map(row, hours))


def f1(hours: Sequence[Hour], supply: str = SUPPLY) -> bytes:
    def row(h: Hour) -> str:
        end = local(h.start)
        energy = f"{kwh(h.wh, '.')};{kwh(h.export, '.')};0;0;0;0"
        return f"{supply};11;{end:%Y/%m/%d %H:%M:%S};{season(end)};{energy};0;0;{h.method};1;"

    return _lines(map(row, hours))


def cnmc(hours: Sequence[Hour], supply: str = SUPPLY, form: str = "%d/%m/%Y", sign: str = ",") -> bytes:
    def row(h: Hour) -> str:
        day, number = day_and_number(h.start)
        return f"{supply};{day:{form}};{number};{kwh(h.wh, sign)};{letter(h.method)}"

    return _lines(["CUPS;Fecha;Hora;Consumo_kWh;Metodo_obtencion", *map(row, hours)])


def datadis(hours: Sequence[Hour], supply: str = SUPPLY) -> bytes:
    def row(h: Hour) -> str:
        day, number = day_and_number(h.start)
        word = "Real" if h.method == 1 else "Estimada"
        return f"{supply};{day:%Y/%m/%d};{number:02}:00;{kwh(h.wh)};{word}"

    return _lines(["cups;fecha;hora;consumo_kWh;metodoObtencion", *map(row, hours)])


def datadis_wall(hours: Sequence[Hour], supply: str = SUPPLY) -> bytes:
    """The wall clock in place of hour numbers, as some exports have it."""

    def row(h: Hour) -> str:
        end = local(h.start)
        at_midnight = end.hour == 0 and end.minute == 0
        day, label = (local(h.start, 0).date(), "24:00") if at_midnight else (end.date(), f"{end:%H:%M}")
        return f"{supply};{day:%Y/%m/%d};{label};{kwh(h.wh)};{'Real' if h.method == 1 else 'Estimada'}"

    return _lines(["cups;fecha;hora;consumo_kWh;metodoObtencion", *map(row, hours)])


def edistribucion(hours: Sequence[Hour], supply: str = SUPPLY) -> bytes:
    def row(h: Hour) -> str:
        day, number = day_and_number(h.start)
        return f"{supply};{day:%d/%m/%Y};{number};{kwh(h.wh)};{kwh(h.export)};;{letter(h.method)}"

    return _lines(["CUPS;Fecha;Hora;AE_kWh;AS_KWh;AE_AUTOCONS_kWh;REAL/ESTIMADO", *map(row, hours)])


def ide(
    hours: Sequence[Hour], supply: str = SUPPLY, midnight: str = "24:00", quarters: bool = True, flag: bool = True
) -> bytes:
    """Quarters of hours in Wh (or whole hours); midnight as 24:00 of the day or 00:00 of the next; INV / VER or none."""
    rows = [
        "CUPS;FECHA-HORA;INV / VER;CONSUMO Wh;GENERACION Wh;" if flag else "CUPS;FECHA-HORA;CONSUMO Wh;GENERACION Wh"
    ]
    for h in hours:
        parts = [(60, h.wh, h.export)]
        if quarters:
            parts = [(15 * (i + 1), _part(h.wh, i), _part(h.export, i)) for i in range(4)]
        for minutes, wh, export in parts:
            end = local(h.start, 0, minutes)
            text = f"{end:%Y/%m/%d %H:%M}"
            if midnight == "24:00" and text.endswith("00:00"):
                text = f"{local(h.start, 0):%Y/%m/%d} 24:00"
            middle = f"{season(end)};" if flag else ""
            rows.append(f"{supply};{text};{middle}{wh};{export}" + (";" if flag else ""))
    return _lines(rows)


def _part(wh: int, quarter: int) -> int:
    """A quarter's share; the last one takes the remainder."""
    return wh // 4 + (wh % 4 if quarter == 3 else 0)


def _lines(rows: object) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Writer:
    """What a dialect carries beside import: export, the number of the method, R or E only."""

    name: str
    write: Callable[..., bytes]
    export: bool = True
    methods: str = "none"


WRITERS = {
    "prime": Writer("PRIME S02", prime),
    "f5d": Writer("F5D", f5d, methods="numbers"),
    "p5d": Writer("P5D", p5d),
    "f1": Writer("F1", f1, methods="numbers"),
    "cnmc": Writer("CNMC CSV", cnmc, export=False, methods="letters"),
    "datadis": Writer("Datadis CSV", datadis, export=False, methods="letters"),
    "edistribucion": Writer("e-distribución CSV", edistribucion, methods="letters"),
    "ide": Writer("i-DE CSV", ide),
}
