"""Small writers of the files of collectors, in the layouts that their readers describe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from stdnum.iso7064 import mod_97_10

CREATED = date(2026, 11, 21)


@dataclass(frozen=True)
class Paid:
    cents: int
    barcode: str = "1" * 50
    day: date = date(2026, 11, 20)


Writer = Callable[[Sequence[Paid]], bytes]


def ended(records: Sequence[str], width: int) -> bytes:
    assert max(len(record) for record in records) <= width
    return "".join(f"{record:<{width}}\r\n" for record in records).encode("latin-1")


def generic(payments: Sequence[Paid]) -> bytes:
    header = f"0042{CREATED:%Y%m%d}000007"
    totals = f"{len(payments):07d}{sum(each.cents for each in payments):015d}"
    records = [f"HCOBRANZAS {header}"]
    records += [
        f"D{each.barcode:<50}{each.day:%Y%m%d}{each.cents:012d}E{number:020d}" for number, each in enumerate(payments)
    ]
    return ended([*records, f"T{totals}{mod_97_10.calc_check_digits(header + totals)}"], 92)


def rapipago(payments: Sequence[Paid]) -> bytes:
    records = [f"{0:08d}{'COOPERATIVA':<20}{CREATED:%Y%m%d}{'Cobranzas Rapipago':<20}"]
    records += [f"{each.day:%Y%m%d}{each.cents:015d}{each.barcode}" for each in payments]
    return ended([*records, f"99999999{len(payments):08d}{sum(each.cents for each in payments):018d}"], 73)


def pago_facil(payments: Sequence[Paid]) -> bytes:
    created = f"{CREATED:%Y%m%d}"
    records = [f"1{created}{'PAGO FACIL':<25}090001234{'COOPERATIVA':<35}"]
    halves = [half for half in (payments[:2], payments[2:]) if half]
    for batch, half in enumerate(halves, start=1):
        records.append(f"3{created}{batch:06d}{'COOPERATIVA':<35}")
        for number, each in enumerate(half, start=1):
            records.append(
                f"5{number:05d}01{created}{created}{'5555':<21}PES{each.cents:010d}T00001{each.day:%Y%m%d}1030"
                f"{number + 10 * batch:04d}"
            )
            records.append(f"6{each.barcode:<80}S")
            records.append(f"7PESE{'':80}{each.cents:015d}")
        records.append(
            f"8{created}{batch:06d}{len(half):07d}{sum(each.cents for each in half):012d}{0:038d}{len(half):05d}"
        )
    total = sum(each.cents for each in payments)
    records.append(f"9{created}{len(halves):06d}{len(payments):07d}{total:012d}{0:038d}{len(payments):07d}")
    return ended(records, 128)


WRITERS: dict[str, Writer] = {"generic": generic, "rapipago": rapipago, "pago_facil": pago_facil}
