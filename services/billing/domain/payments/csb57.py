"""The payment slip of Spanish banks and post offices: CSB 57, format 507, 46 digits below a barcode.

Source: AEB, "Cuaderno 57, cobros por ventanilla y autoservicio". The due date is the identification, as ddmmyy, when the
suffix is 500 or more: banks then take the money until that day.
"""

from __future__ import annotations

import re
from datetime import date

from services.chassis.errors import Invalid

_PREFIX = "90507"
_LENGTH = 46
_MODULUS = 97
WITH_DUE_DATE = 500
_REFERENCE_DIGITS = 11
_SEQUENCE_DIGITS = 7


def check_digits(issuer: str, suffix: str, reference: str, identification: str, cents: int) -> str:
    """Two digits: 00, or 100 less the whole part of 100 r / 97, where r is the sum of the five numbers modulo 97."""
    rest = (int(issuer) + int(suffix) + int(reference) + int(identification) + cents) % _MODULUS
    return "00" if rest == 0 else f"{100 - 100 * rest // _MODULUS:02d}"


def issuer_of(tax_number: str) -> str:
    """Eight digits: the NIF without its letter. Invalid for one that has fewer (its control is a letter)."""
    found = re.fullmatch(r"[A-Z]?([0-9]{8})[A-Z]?", tax_number.strip().upper())
    if not found:
        raise Invalid(
            f"{tax_number} has not eight digits besides its letter; ask the bank which issuer number its slips carry.",
            field="tax_number",
        )
    return found[1]


def slip_reference(year: int, sequence: int) -> str:
    """Eleven digits from the year and the invoice's place in it: 2026 and 123 give 20260000123."""
    if not (1000 <= year <= 9999 and 0 <= sequence < 10**_SEQUENCE_DIGITS):
        raise ValueError(f"year {year} and sequence {sequence} do not fit into eleven digits")
    return f"{year}{sequence:0{_SEQUENCE_DIGITS}d}"


def slip_code(issuer: str, suffix: str, reference: str, due: date, cents: int) -> str:
    """The 46 digits of a slip payable until `due`. Invalid, naming it, for a part that does not fit."""
    if not re.fullmatch(r"[0-9]{3}", suffix) or int(suffix) < WITH_DUE_DATE:
        raise Invalid(
            f"The suffix {suffix!r} cannot carry a due date; the bank gives one from {WITH_DUE_DATE} to 999 for that.",
            field="suffix",
        )
    return coded(issuer, suffix, reference, f"{due:%d%m%y}", cents)


def coded(issuer: str, suffix: str, reference: str, identification: str, cents: int) -> str:
    """The 46 digits from the parts of the slip; `identification` is six digits. Invalid for a part that does not fit."""
    reference = reference.zfill(_REFERENCE_DIGITS)
    for name, value, digits in (
        ("issuer", issuer, 8),
        ("suffix", suffix, 3),
        ("reference", reference, _REFERENCE_DIGITS),
        ("identification", identification, 6),
    ):
        if not re.fullmatch(f"[0-9]{{{digits}}}", value):
            raise Invalid(f"The {name} {value!r} of the slip is not {digits} digits.", field=name)
    if not 0 < cents < 10**10:
        raise Invalid(f"{cents} cents do not fit on a slip; it takes from 0.01 to 99999999.99.", field="amount")
    check = check_digits(issuer, suffix, reference, identification, cents)
    return f"{_PREFIX}{issuer}{suffix}{reference}{check}{identification}{cents:010d}0"


def barcode_text(code: str) -> str:
    """What the barcode (GS1-128, application identifier 90) says to people: the code in groups of issuer, reference…"""
    if not re.fullmatch(rf"[0-9]{{{_LENGTH}}}", code):
        raise ValueError(f"a slip has {_LENGTH} digits, {code!r} has not")
    cuts = (2, 5, 13, 16, 27, 29, 35, 45, 46)
    parts = [code[start:end] for start, end in zip((0, *cuts), cuts, strict=False)]
    return f"({parts[0]}) " + " ".join(parts[1:])


def read_slip(code: str) -> tuple[str, int]:
    """Reference and cents of a slip's digits. Invalid for a wrong length, format or check."""
    digits = re.sub(r"[\s()]", "", code)
    if not re.fullmatch(rf"{_PREFIX}[0-9]{{{_LENGTH - len(_PREFIX)}}}", digits):
        raise Invalid(
            f"{code[:60]!r} is not the code of a slip: that is {_LENGTH} digits from {_PREFIX}.", field="code"
        )
    issuer, suffix, reference = digits[5:13], digits[13:16], digits[16:27]
    identification, cents = digits[29:35], int(digits[35:45])
    asked = check_digits(issuer, suffix, reference, identification, cents)
    if digits[27:29] != asked:
        raise Invalid(
            f"The check digits {digits[27:29]} of slip {digits} must be {asked}: type it again.", field="code"
        )
    return reference, cents
