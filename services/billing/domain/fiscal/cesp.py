"""CESP: the code that authorises Argentine public services bills of a point of sale and period (RG 3571/2013).

It is requested before billing, printed with its expiry on every bill of its class, and reported afterwards, used or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from services.billing.domain.fiscal.interleaved import check_digit
from services.chassis.errors import Invalid, Refused
from services.chassis.periods import DatePeriod

#: Of a code.
DIGITS = 14
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
        """A code for each request, in order; asked once more, the same codes or further ones of the same kind.

        Raises Refused with the tax office's reason, Unavailable when it is down and TimedOut when it does not answer within
        a time of the provider's own: whoever asks holds nothing meanwhile, but waits.
        """
        ...


def check_granted(batch: Sequence[CodeRequest], granted: Sequence[Cesp], day: date) -> None:
    """Refused for an answer that is none: bills of `day` would be issued under codes that are not for them."""
    wrong = f"{len(batch)} codes were asked for and {len(granted)} came" if len(granted) != len(batch) else ""
    for request, each in zip(batch, granted, strict=False):
        if each.request != request:
            wrong = wrong or f"the code {each.code} is for class {each.request.voucher} and not for {request.voucher}"
        elif len(each.code) != DIGITS or not each.code.isdigit():
            wrong = wrong or f"the code {each.code!r} of class {request.voucher} has not {DIGITS} digits"
        elif each.valid_until < day:
            wrong = wrong or f"the code {each.code} of class {request.voucher} is valid until {each.valid_until} only"
    if wrong:
        raise Refused(
            f"What the provider of CESP codes answered cannot be used for bills issued on {day}: {wrong}. Nothing of it is "
            "kept and nothing is issued; see to the provider and run the month again.",
            "NO_USABLE_CODE",
        )


def digits_of(tax_id: str) -> str:
    """A CUIT as its eleven digits; Invalid when it has not eleven."""
    digits = "".join(character for character in tax_id if character.isdigit())
    if len(digits) != 11:
        raise Invalid(f"The CUIT {tax_id!r} has {len(digits)} digits and must have 11.", field="tax_id")
    return digits


def barcode_digits(issuer: str, voucher: str, point_of_sale: int, code: str, expiry: date) -> str:
    """The 42 digits of the bar code (RG 1702): CUIT, class, point of sale, code, its expiry, and the check digit."""
    if len(code) != DIGITS or not code.isdigit():
        raise Invalid(f"The authorisation code {code!r} must have 14 digits.", field="cesp")
    digits = f"{digits_of(issuer)}{voucher:0>3}{point_of_sale:05d}{code}{expiry:%Y%m%d}"
    return digits + check_digit(digits)
