"""What an invoice prints, looked at alone: sums and multiplications; and whether the file is as it was made."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from math import prod
from typing import Any

from services.staff.verify.numbers import LONGEST_MONTH, number, rounded

UNITS_OF_PRICE = ("kwh", "m3", "kvarh", "kw")
MONTHS = 12
UNITS_OF_TIME = {"kw_year": 1, "year": 1, "day": 1, "month": MONTHS, "kw_month": MONTHS, "kw_day": 1}
KNOWN_UNITS = ("", *UNITS_OF_PRICE, *UNITS_OF_TIME)


def altered(bundle: dict[str, Any]) -> list[str]:
    """Is the content that of the checksum it came with? A bundle without one is as good, but says nothing of itself."""
    if "sha256" not in bundle:
        return []
    content = {name: value for name, value in bundle.items() if name != "sha256"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    found = hashlib.sha256(text.encode()).hexdigest()
    if found == bundle["sha256"]:
        return []
    return [f"The bundle is not as it was made: its checksum is {bundle['sha256']}, and its content has {found}."]


def wrong_arithmetic(invoice: dict[str, Any], *, difference: bool = False) -> list[str]:
    """Does the paper add up, and does each line or tax that prints factors multiply to its amount?

    The tax of a difference is the difference of two rounded ones, which its base need not multiply to.
    """
    found = []
    summed = sum((number(each["amount"]) for each in [*invoice["lines"], *invoice["taxes"]]), Decimal(0))
    if summed != number(invoice["total"]):
        found.append(f"The printed lines and taxes add up to {summed}, the printed total is {invoice['total']}.")
    for line in invoice["lines"]:
        if line["price_unit"] not in KNOWN_UNITS:
            found.append(f"{line['service']} {line['concept']}: a price per {line['price_unit']!r} is not known.")
        factors = _factors(line)
        product = (
            rounded(prod(factors, start=Decimal(1)) / (line.get("year_days") or 1))
            if factors
            else number(line["amount"])
        )
        if product != number(line["amount"]):
            name = " ".join(part for part in (line["service"], line["concept"], line.get("period", "")) if part)
            written = " x ".join(str(factor) for factor in factors)
            written += f" / {line['year_days']}" if line.get("year_days") else ""
            found.append(f"{name}: {written} is {product}, printed is {line['amount']}.")
    for tax in invoice["taxes"]:
        product = rounded(number(tax["base"]) * number(tax["rate"]))
        if product != number(tax["amount"]) and not tax.get("minimum_applied") and not difference:
            found.append(f"{tax['kind']}: {tax['base']} x {tax['rate']} is {product}, printed is {tax['amount']}.")
    return found


def _factors(line: dict[str, Any]) -> list[Decimal]:
    """Quantity, days, price, and 12 of a monthly one by days of the year; nothing where no price is printed."""
    unit, price = line.get("price_unit", ""), line.get("unit_price")
    by_month = UNITS_OF_TIME.get(unit) == MONTHS
    # A part of a month without the days of that month has an amount and no multiplication, as older concepts had.
    timed = unit in UNITS_OF_TIME and line.get("days") is not None and bool(line.get("year_days") or not by_month)
    if price is None or not (timed or (unit in UNITS_OF_PRICE and line.get("quantity") is not None)):
        return []
    found = [number(line[name]) for name in ("quantity", "days", "unit_price") if line.get(name) is not None]
    return [*found, Decimal(MONTHS)] if timed and by_month and line["year_days"] > LONGEST_MONTH else found
