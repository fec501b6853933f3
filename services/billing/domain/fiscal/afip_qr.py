"""The QR of Argentine electronic vouchers (RG 4892): sales outside the public services, authorised by CAE or CAEA."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

ADDRESS = "https://www.afip.gob.ar/fe/qr/?p="
VERSION = 1


@dataclass(frozen=True)
class Voucher:
    """The figures of the code. `recipient` is the tax office's document type (80 CUIT, 96 DNI) and the number."""

    issue_date: date
    issuer: str  # CUIT, eleven digits
    point_of_sale: int
    voucher_type: int
    number: int
    total: Decimal
    authorisation: str  # the fourteen digits of the CAE or CAEA
    currency: str = "PES"
    rate: Decimal = Decimal(1)  # pesos for one unit of the currency
    recipient: tuple[int, int] | None = None
    authorised_by: Literal["E", "A"] = "E"  # E: CAE; A: CAEA


def qr_url(voucher: Voucher) -> str:
    """The address that the code says: the figures as compact JSON in the published order, in base64."""
    fields = [
        ("ver", str(VERSION)),
        ("fecha", json.dumps(voucher.issue_date.isoformat())),
        ("cuit", str(int(voucher.issuer))),
        ("ptoVta", str(voucher.point_of_sale)),
        ("tipoCmp", str(voucher.voucher_type)),
        ("nroCmp", str(voucher.number)),
        ("importe", _number(voucher.total)),
        ("moneda", json.dumps(voucher.currency)),
        ("ctz", _number(voucher.rate)),
    ]
    if voucher.recipient is not None:
        kind, number = voucher.recipient
        fields += [("tipoDocRec", str(kind)), ("nroDocRec", str(number))]
    fields += [("tipoCodAut", json.dumps(voucher.authorised_by)), ("codAut", str(int(voucher.authorisation)))]
    # Written by hand: the json module would turn an amount into a binary fraction.
    text = "{" + ",".join(f'"{name}":{value}' for name, value in fields) + "}"
    return ADDRESS + base64.b64encode(text.encode()).decode()


def _number(value: Decimal) -> str:
    """A decimal as a JSON number without needless zeros: 12100, 55.4."""
    return f"{value.normalize():f}"
