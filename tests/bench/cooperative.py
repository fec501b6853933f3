"""A cooperative of any size, made on the spot: its members' rows and one PRIME S02 report per 500 supplies for a month."""

from pathlib import Path
from random import Random

from stdnum.es import cups as cups_number

from services.chassis.periods import DatePeriod, zone
from services.local.demo.reports import LocalHour, MeterReport, local_hours, write_report

SUPPLIES_PER_REPORT = 500
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def member_rows(count: int, product: str, since: str) -> list[dict[str, str]]:
    """One member, supply, meter and contract each, as the columns of docs/members-file.md say."""
    return [_row(number, product, since) for number in range(1, count + 1)]


def _row(number: int, product: str, since: str) -> dict[str, str]:
    document = 20_000_000 + number
    digits = f"ES0575{number:012d}"
    return {
        "member_number": str(number),
        "name": f"Member {number}",
        "document_type": "nif",
        "document": f"{document}{_DNI_LETTERS[document % 23]}",
        "birth_date": "1970-01-01",
        "email": f"member{number}@example.org",
        "language": "es",
        "postal_street": f"Calle Larga, {number}",
        "postal_postcode": "44999",
        "postal_municipality": "Vallesol",
        "postal_province": "Teruel",
        "account_number": f"{number}/1",
        "cups": digits + cups_number.calc_check_digits(digits),
        "street": f"Calle Larga, {number}",
        "postcode": "44999",
        "municipality": "Vallesol",
        "province": "Teruel",
        "tariff_zone": "peninsula",
        "service": "electricity",
        "state": "connected",
        "connected_on": since,
        "billing_from": since,
        "meter_serial": f"BEN{number:010d}",
        "meter_from": since,
        "contract_number": f"E{number}-1",
        "contract_from": since,
        "product_code": product,
        "tariff": "2.0TD",
        "power_p1_kw": "4.6",
        "power_p2_kw": "4.6",
        "meter_rental": "single_phase",
        "tax_condition": "consumer",
        "use": "dwelling",
    }


def write_reports(folder: Path, count: int, month: str) -> list[Path]:
    """The month's hourly readings of every supply, every hour present."""
    period = DatePeriod.month(month)
    hours = local_hours(period.start, period.end, zone("Europe/Madrid"))
    paths = []
    for first in range(1, count + 1, SUPPLIES_PER_REPORT):
        last = min(first + SUPPLIES_PER_REPORT, count + 1)
        path = folder / f"BEN_{first}_S02_0_{month.replace('-', '')}"
        write_report(path, "BEN4620000001", [_meter(number, hours) for number in range(first, last)])
        paths.append(path)
    return paths


def _meter(number: int, hours: list[LocalHour]) -> MeterReport:
    rng = Random(number)
    report = MeterReport(f"BEN{number:010d}")
    for hour in hours:
        report.add(hour.stamp, rng.randint(40, 900))
    return report
