"""What the sandbox bank reads and writes: the form that a browser brings, and the signed notification that answers it."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.billing.domain.payments.redsys import (
    ORDER,
    SHA256,
    SHA512,
    Version,
    encode_parameters,
    read_parameters,
    sign,
)
from services.chassis.errors import Forbidden, Invalid


@dataclass(frozen=True)
class Asked:
    """A payment that a shop asks for. `cents` and the ISO 4217 number as they were sent."""

    version: Version
    order: str
    cents: int
    currency: str
    merchant_code: str
    terminal: str
    kind: str
    description: str
    language: str
    notify_url: str
    ok_url: str
    ko_url: str

    @property
    def amount(self) -> str:
        return f"{self.cents // 100},{self.cents % 100:02d} €"


def read_form(sent: Mapping[str, str], key: str, public_url: str) -> Asked:
    """The payment of a signed form. Forbidden for a wrong signature, Invalid for one that leads anywhere but to `public_url`."""
    version: Version = SHA256 if sent.get("Ds_SignatureVersion") == SHA256 else SHA512
    parameters = sent.get("Ds_MerchantParameters", "")
    values = read_parameters(parameters)

    def value(name: str) -> str:
        return values.get(f"DS_MERCHANT_{name}", "")

    order, cents = value("ORDER"), value("AMOUNT")
    if not ORDER.fullmatch(order):
        raise Invalid(f"The order {order[:20]!r} is four digits and up to eight letters or digits.", field="order")
    expected = sign(version, key, order, parameters)
    if not hmac.compare_digest(sent.get("Ds_Signature", "").encode(), expected.encode()):
        raise Forbidden(f"The signature of the order {order} is not the terminal's (SIS0042).", "SIGNATURE")
    if not (cents.isascii() and cents.isdigit() and int(cents) > 0):
        raise Invalid(f"The amount {cents[:20]!r} is no count of cents (SIS0018).", field="amount")
    ways = [value(name) for name in ("MERCHANTURL", "URLOK", "URLKO")]
    for way in ways:
        # A demonstration's bank talks to its own cooperative alone, whatever a form says.
        if not way.startswith(f"{public_url}/"):
            raise Invalid(f"The address {way[:80]!r} is not below {public_url}.", field="address")
    return Asked(
        version=version,
        order=order,
        cents=int(cents),
        currency=value("CURRENCY"),
        merchant_code=value("MERCHANTCODE"),
        terminal=value("TERMINAL"),
        kind=value("TRANSACTIONTYPE"),
        description=value("PRODUCTDESCRIPTION"),
        language=value("CONSUMERLANGUAGE"),
        notify_url=ways[0],
        ok_url=ways[1],
        ko_url=ways[2],
    )


def answer(asked: Asked, key: str, response: str, authorisation: str, at: datetime) -> dict[str, str]:
    """The notification as Redsys sends it: its names, its terminal of three digits, its JSON with escaped slashes."""
    said = {
        "Ds_Date": f"{at:%d/%m/%Y}",
        "Ds_Hour": f"{at:%H:%M}",
        "Ds_SecurePayment": "1" if authorisation else "0",
        "Ds_Amount": str(asked.cents),
        "Ds_Currency": asked.currency,
        "Ds_Order": asked.order,
        "Ds_MerchantCode": asked.merchant_code,
        "Ds_Terminal": asked.terminal.zfill(3),
        "Ds_Response": response,
        "Ds_TransactionType": asked.kind,
        "Ds_MerchantData": "",
        "Ds_AuthorisationCode": authorisation or " " * 6,
        "Ds_ConsumerLanguage": asked.language.lstrip("0") or "1",
        "Ds_Card_Country": "724",
    }
    text = json.dumps(said, separators=(",", ":")).replace("/", "\\/")
    parameters = encode_parameters(asked.version, text)
    if asked.version == SHA256:
        parameters = parameters.replace("+", "-").replace("/", "_")
    signature = sign(asked.version, key, asked.order, parameters)
    return {
        "Ds_SignatureVersion": asked.version,
        "Ds_MerchantParameters": parameters,
        "Ds_Signature": signature.replace("+", "-").replace("/", "_"),
    }
