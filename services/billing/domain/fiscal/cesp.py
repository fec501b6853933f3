"""CESP: the code that authorises Argentine public services bills of a point of sale and period (RG 3571/2013).

It is requested before billing, printed with its expiry on every bill of its class, and reported afterwards, used or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from services.billing.domain.fiscal.interleaved import check_digit
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod

#: Liquidación de Servicios Públicos: class A to registered taxpayers, class B to everybody else.
VOUCHERS = {"A": "017", "B": "018"}


@dataclass(frozen=True)
class CodeRequest:
    """A code wanted for the bills of one class that a point of sale issues within a period."""

    issuer: str  # CUIT, eleven digits
    point_of_sale: int
    voucher: str  # "017"
    period: DatePeriod


@dataclass(frozen=True)
class Cesp:
    """A code granted: fourteen digits and the last day on which it may be used."""

    request: CodeRequest
    code: str
    valid_until: date
    provider: str  # who granted it; "sandbox" authorises nothing


class CespProvider(Protocol):
    """Whoever grants codes: the tax office's service, or the sandbox."""

    @property
    def name(self) -> str: ...

    def authorize(self, batch: Sequence[CodeRequest]) -> list[Cesp]:
        """A code for each request, in order. Raises Refused with the tax office's reason, Unavailable when it is down."""
        ...


def digits_of(tax_id: str) -> str:
    """A CUIT as its eleven digits; Invalid when it has not eleven."""
    digits = "".join(character for character in tax_id if character.isdigit())
    if len(digits) != 11:
        raise Invalid(f"The CUIT {tax_id!r} has {len(digits)} digits and must have 11.", field="tax_id")
    return digits


def barcode_digits(issuer: str, voucher: str, point_of_sale: int, code: str, expiry: date) -> str:
    """The 42 digits of the bar code (RG 1702): CUIT, class, point of sale, code, its expiry, and the check digit."""
    if len(code) != 14 or not code.isdigit():
        raise Invalid(f"The authorisation code {code!r} must have 14 digits.", field="cesp")
    digits = f"{digits_of(issuer)}{voucher:0>3}{point_of_sale:05d}{code}{expiry:%Y%m%d}"
    return digits + check_digit(digits)
