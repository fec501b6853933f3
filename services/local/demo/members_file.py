"""The office's members file of the demonstration cooperative, in the format of docs/members-file.md."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

from services.local.demo.cooperative import Cast, DemoMember, DemoSupply, MeterSpan, Place

COLUMNS = (
    "member_number", "name", "document_type", "document", "birth_date", "email", "phone", "language",
    "postal_street", "postal_postcode", "postal_municipality", "postal_province",
    "account_number", "cups", "street", "postcode", "municipality", "province", "tariff_zone",
    "service", "state", "connected_on", "billing_from", "meter_serial", "meter_from", "meter_to",
    "contract_number", "contract_from", "contract_to", "product_code", "tariff", "power_p1_kw", "power_p2_kw",
    "meter_rental", "tax_condition", "use", "access_contract",
)  # fmt: skip


def write_members(path: Path, cast: Cast, tariff_zone: str) -> int:
    """Writes one line per meter of each electricity service and one per water service; returns how many."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=";", lineterminator="\n", restval="")
        writer.writeheader()
        rows = [row for member in cast.members for row in _rows(member, cast.place, tariff_zone)]
        writer.writerows(rows)
    return len(rows)


def _rows(member: DemoMember, place: Place, tariff_zone: str) -> list[dict[str, str]]:
    rows = []
    for supply in member.supplies:
        shared = _member_fields(member, place) | _supply_fields(supply, place, tariff_zone)
        shared["tax_condition"] = member.tax_condition
        rows += [shared | _electricity_fields(supply, place, meter) for meter in supply.meters]
        if supply.water:
            rows.append(shared | _water_fields(supply))
    return rows


def _member_fields(member: DemoMember, place: Place) -> dict[str, str]:
    person = member.person
    home = member.supplies[0]
    born = person.birth_date
    return {
        "member_number": member.number,
        "name": person.name,
        "document_type": person.document_type,
        "document": person.document,
        # An Argentine office writes the day first; both forms are understood.
        "birth_date": "" if born is None else born.strftime("%d/%m/%Y") if place.southern else born.isoformat(),
        "email": person.email,
        "phone": person.phone,
        "language": member.language,
        "postal_street": home.street,
        "postal_postcode": place.postcode,
        "postal_municipality": place.municipality,
        "postal_province": place.province,
    }


def _supply_fields(supply: DemoSupply, place: Place, tariff_zone: str) -> dict[str, str]:
    return {
        "account_number": supply.account_number,
        "cups": supply.cups,
        "street": supply.street,
        "postcode": place.postcode,
        "municipality": place.municipality,
        "province": place.province,
        "tariff_zone": tariff_zone,
        "state": "ended" if supply.ended_on else "connected",
        "connected_on": supply.connected_on.isoformat(),
        "billing_from": supply.connected_on.isoformat(),
        "use": "dwelling" if supply.dwelling else "other",
    }


def _electricity_fields(supply: DemoSupply, place: Place, meter: MeterSpan) -> dict[str, str]:
    fields = {
        "service": "electricity",
        "meter_serial": meter.serial,
        "meter_from": meter.start.isoformat(),
        "meter_to": _day(meter.end),
        "contract_number": f"E{supply.account_number.replace('/', '-')}",
        "contract_from": supply.connected_on.isoformat(),
        "contract_to": _day(supply.ended_on),
        "product_code": supply.product,
        "power_p1_kw": str(supply.power_kw),
    }
    if place.jurisdiction == "es":
        rental = "three_phase" if supply.three_phase else "single_phase"
        access = f"ATR{supply.cups[6:16]}"
        return fields | {
            "tariff": "2.0TD",
            "power_p2_kw": str(supply.power_kw),
            "meter_rental": rental,
            "access_contract": access,
        }
    return fields | {"tariff": "T1R" if supply.dwelling else "T1G"}


def _water_fields(supply: DemoSupply) -> dict[str, str]:
    """Metered water has sewage too; water without a meter is a charge by the month."""
    metered = bool(supply.water_meter)
    return {
        "service": "water",
        "meter_serial": supply.water_meter,
        "meter_from": supply.connected_on.isoformat() if metered else "",
        "meter_to": _day(supply.ended_on) if metered else "",
        "contract_number": f"A{supply.account_number.replace('/', '-')}",
        "contract_from": supply.connected_on.isoformat(),
        "contract_to": _day(supply.ended_on),
        "product_code": "agua-medida" if metered else "agua-no-medida",
        "tariff": "agua",
    }


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()
