"""The barcode of a bill for collectors, in the platform's own layout of 50 digits (Interleaved 2 of 5, an even count).

collector 4, account 12, first due date yymmdd, amount of it in cents 10, second due date 6, its amount 10, check 2 (ISO
7064 modulo 97-10 over the 48 before). No collector prescribes it: one that does has its own class in its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from stdnum.iso7064 import mod_97_10

from services.chassis.errors import Invalid

LENGTH = 50
_WIDTHS = (4, 12, 6, 10, 6, 10, 2)
_MOST_CENTS = 10**10


@dataclass(frozen=True)
class Coupon:
    """What a barcode says: payable with one amount until the first due date and with another until the second."""

    collector: str
    account: str
    first_due: date
    first_cents: int
    second_due: date
    second_cents: int

    def cents_on(self, day: date) -> int:
        """What is to be paid on a day; after the second due date still its amount."""
        return self.first_cents if day <= self.first_due else self.second_cents


def coupon_code(coupon: Coupon) -> str:
    """The 50 digits. Invalid, naming it, for a part that does not fit."""
    for name, value, width in (("collector", coupon.collector, 4), ("account", coupon.account, 12)):
        if not re.fullmatch(f"[0-9]{{1,{width}}}", value):
            raise Invalid(f"The {name} {value!r} of the barcode is not 1 to {width} digits.", field=name)
    for name, cents in (("first_cents", coupon.first_cents), ("second_cents", coupon.second_cents)):
        if not 0 < cents < _MOST_CENTS:
            raise Invalid(f"{cents} cents do not fit into the barcode; it takes from 0.01 to 99999999.99.", field=name)
    if coupon.second_due < coupon.first_due:
        raise Invalid(
            f"The second due date {coupon.second_due} is before the first {coupon.first_due}.", field="second_due"
        )
    for due in (coupon.first_due, coupon.second_due):
        if not 2000 <= due.year < 2100:
            raise Invalid(f"The due date {due} is outside the years 2000 to 2099 that a barcode can say.", field="due")
    body = (
        f"{coupon.collector:>04}{coupon.account:>012}{coupon.first_due:%y%m%d}{coupon.first_cents:010d}"
        f"{coupon.second_due:%y%m%d}{coupon.second_cents:010d}"
    )
    return body + mod_97_10.calc_check_digits(body)


def read_coupon(code: str) -> Coupon:
    """The parts of a barcode. Invalid for another length, a wrong check or days that are none."""
    digits = re.sub(r"\s", "", code)
    if not re.fullmatch(rf"[0-9]{{{LENGTH}}}", digits):
        raise Invalid(f"{code[:60]!r} is not one of our barcodes: they have {LENGTH} digits.", field="barcode")
    if mod_97_10.checksum(digits) != 1:
        asked = mod_97_10.calc_check_digits(digits[:-2])
        raise Invalid(
            f"The check digits {digits[-2:]} of the barcode {digits} must be {asked}: read it again.", field="barcode"
        )
    parts, start = [], 0
    for width in _WIDTHS:
        parts.append(digits[start : start + width])
        start += width
    collector, account, first_due, first_cents, second_due, second_cents, _ = parts
    return Coupon(collector, account, _due(first_due), int(first_cents), _due(second_due), int(second_cents))


def _due(text: str) -> date:
    try:
        return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        raise Invalid(f"The due date {text!r} of the barcode is no day written yymmdd.", field="barcode") from None
