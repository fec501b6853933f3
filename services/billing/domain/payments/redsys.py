"""Card payments by redirect to Redsys: signing the request, checking the signed notification, words for its answers.

Source: Redsys, "TPV Virtual, guía de integración por redirección" and its published examples, HMAC_SHA256_V1 and
HMAC_SHA512_V2. Only the notification that the bank's server sends, with its signature, says that a card was charged.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from services.chassis.errors import Forbidden, Invalid

Version = Literal["HMAC_SHA256_V1", "HMAC_SHA512_V2"]
SHA256: Version = "HMAC_SHA256_V1"
SHA512: Version = "HMAC_SHA512_V2"
VERSIONS: tuple[Version, ...] = (SHA256, SHA512)

ORDER = re.compile(r"[0-9]{4}[A-Za-z0-9]{0,8}")
_ORDER_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ORDER_LENGTH = 12
_FIRST_DIGITS = 10_000
_KEY_BYTES = 24
_AES_KEY = 16


@dataclass(frozen=True)
class Shop:
    """The cooperative's virtual terminal. `key` is the secret as Redsys shows it, `currency` the ISO 4217 number."""

    merchant_code: str
    terminal: str
    key: str
    currency: str = "978"


@dataclass(frozen=True)
class Notification:
    """What a notification with a good signature says. `cents` is the amount, `response` the four digits of the answer."""

    order: str
    cents: int
    currency: str
    merchant_code: str
    terminal: str
    response: str
    transaction_type: str
    authorisation: str
    fields: Mapping[str, str]

    @property
    def answer(self) -> Answer:
        return answer_of(self.response)


Outcome = Literal["authorised", "refunded", "cancelled", "abandoned", "denied", "duplicate", "failed"]


@dataclass(frozen=True)
class Answer:
    """An answer in few words: `outcome` decides, `reason` says why. `retry`: another attempt may go well."""

    code: str
    outcome: Outcome
    reason: str
    retry: bool = False

    @property
    def paid(self) -> bool:
        return self.outcome == "authorised"


_ANSWERS: Mapping[str, tuple[Outcome, str, bool]] = {
    "0900": ("refunded", "refund_confirmed", False),
    "0400": ("cancelled", "cancellation_confirmed", False),
    "0101": ("denied", "card_expired", True),
    "0129": ("denied", "security_code_wrong", True),
    "0180": ("denied", "card_not_served", True),
    "0184": ("denied", "not_authenticated", True),
    "0190": ("denied", "refused_by_bank", True),
    "0202": ("denied", "card_lost_or_stolen", False),
    "0904": ("failed", "merchant_not_registered", False),
    "0909": ("failed", "system_error", True),
    "0912": ("failed", "issuer_unavailable", True),
    "0913": ("duplicate", "order_repeated", True),
    "9912": ("failed", "issuer_unavailable", True),
    "9915": ("abandoned", "cancelled_by_user", True),
}


def answer_of(response: str) -> Answer:
    """The meaning of Ds_Response: 0000 to 0099 is authorised, what is not in the list was denied."""
    code = response.strip().zfill(4)
    if not (code.isascii() and code.isdigit()) or len(code) != 4:
        raise Invalid(f"The answer {response[:20]!r} of the bank is not four digits.", field="Ds_Response")
    if code <= "0099":
        return Answer(code, "authorised", "authorised")
    outcome, reason, retry = _ANSWERS.get(code, ("denied", "refused_by_bank", True))
    return Answer(code, outcome, reason, retry)


def order_number(sequence: int) -> str:
    """The order of attempt `sequence` (0, 1, 2…): twelve characters, no two alike. Every attempt takes a new one."""
    if not 0 <= sequence < _FIRST_DIGITS << 5 * (_ORDER_LENGTH - 4):
        raise ValueError(f"attempt {sequence} is outside what an order number can count")
    rest, first = divmod(sequence, _FIRST_DIGITS)
    letters = "".join(_ORDER_SIGNS[rest >> shift & 31] for shift in range(5 * (_ORDER_LENGTH - 5), -1, -5))
    return f"{first:04d}{letters}"


def derived_key(version: Version, key: str, order: str) -> bytes:
    """The key of one order: 3DES of the order (V1), or the text of its AES (V2). Invalid for a key that is none."""
    secret = _secret(key)
    if version == SHA256:
        data = order.encode()
        data += bytes(-len(data) % 8)
        step = Cipher(TripleDES(secret), CBC(bytes(8))).encryptor()
        return step.update(data) + step.finalize()
    pad = PKCS7(128).padder()
    data = pad.update(order.encode()) + pad.finalize()
    step = Cipher(AES(key.encode()[:_AES_KEY].ljust(_AES_KEY, b"0")), CBC(bytes(16))).encryptor()
    return base64.b64encode(step.update(data) + step.finalize())


def _secret(key: str) -> bytes:
    """The bytes of a key. An empty or shortened one is refused in both versions: V2 would fill it up with zeros."""
    try:
        secret = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise Invalid("The key of the virtual terminal is not base64; copy it from the bank's page again.") from wrong
    if len(secret) != _KEY_BYTES:
        raise Invalid(f"The key of the virtual terminal has {len(secret)} bytes; it needs {_KEY_BYTES}.")
    return secret


def _mac(version: Version, key: str, order: str, parameters: str) -> bytes:
    digest = hashlib.sha256 if version == SHA256 else hashlib.sha512
    return hmac.new(derived_key(version, key, order), parameters.encode(), digest).digest()


def encode_parameters(version: Version, content: str) -> str:
    """The JSON text as it travels: base64 (V1), base64url without padding (V2)."""
    if version == SHA256:
        return base64.b64encode(content.encode()).decode()
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def sign(version: Version, key: str, order: str, parameters: str) -> str:
    """The signature of encoded parameters: base64 (V1), base64url without padding (V2)."""
    mac = _mac(version, key, order, parameters)
    if version == SHA256:
        return base64.b64encode(mac).decode()
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")


def payment_form(
    shop: Shop,
    order: str,
    cents: int,
    notify_url: str,
    ok_url: str,
    ko_url: str,
    *,
    version: Version = SHA512,
    language: str = "",
    description: str = "",
) -> dict[str, str]:
    """The three fields that the browser posts to the bank. Cents in the shop's currency. Invalid for what it refuses."""
    if not ORDER.fullmatch(order):
        raise Invalid(f"The order {order[:20]!r} must be four digits and up to eight letters or digits.", field="order")
    if cents <= 0:
        raise Invalid(f"{cents} cents cannot be paid by card; the amount must be more than zero.", field="amount")
    values = {
        "DS_MERCHANT_AMOUNT": str(cents),
        "DS_MERCHANT_CURRENCY": shop.currency,
        "DS_MERCHANT_MERCHANTCODE": shop.merchant_code,
        "DS_MERCHANT_ORDER": order,
        "DS_MERCHANT_TERMINAL": shop.terminal,
        "DS_MERCHANT_TRANSACTIONTYPE": "0",
        "DS_MERCHANT_MERCHANTURL": notify_url,
        "DS_MERCHANT_URLOK": ok_url,
        "DS_MERCHANT_URLKO": ko_url,
    }
    if language:
        values["DS_MERCHANT_CONSUMERLANGUAGE"] = language
    if description:
        values["DS_MERCHANT_PRODUCTDESCRIPTION"] = description[:125]
    parameters = encode_parameters(version, json.dumps(values, separators=(",", ":")))
    return {
        "Ds_SignatureVersion": version,
        "Ds_MerchantParameters": parameters,
        "Ds_Signature": sign(version, shop.key, order, parameters),
    }


def read_notification(form: Mapping[str, str], key: str) -> Notification:
    """The content of a signed notification. Forbidden when the signature is wrong, Invalid when there is none to check.

    The order that the derived key needs is part of the content, so that is decoded first and trusted last.
    """
    version = form.get("Ds_SignatureVersion", "")
    parameters, signature = form.get("Ds_MerchantParameters", ""), form.get("Ds_Signature", "")
    if version == SHA256:
        known: Version = SHA256
    elif version == SHA512:
        known = SHA512
    else:
        raise Invalid(
            f"The signature version {version[:40]!r} is not known; known are {', '.join(VERSIONS)}.",
            "SIGNATURE_VERSION",
            field="Ds_SignatureVersion",
        )
    fields = read_parameters(parameters)
    order = fields.get("DS_ORDER", fields.get("DS_MERCHANT_ORDER", ""))
    if not ORDER.fullmatch(order):
        raise Invalid(f"The notification has the order {order[:20]!r}, which is none of ours.", field="Ds_Order")
    given = _decoded(signature)
    if given is None or not hmac.compare_digest(given, _mac(known, key, order, parameters)):
        raise Forbidden(
            f"The signature of the notification for order {order} is wrong; nothing was booked.", "SIGNATURE"
        )
    return _notification(order, fields)


def read_parameters(parameters: str) -> dict[str, str]:
    """The values by upper-case name. Invalid for what is not a JSON object in base64 or base64url."""
    content = _decoded(parameters)
    try:
        values = json.loads(content.decode()) if content is not None else None
    except (UnicodeDecodeError, ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise Invalid(
            "The parameters of the notification are not a JSON object in base64; nothing was booked.",
            field="Ds_MerchantParameters",
        )
    return {name.upper(): str(value) for name, value in values.items()}


def check_against(
    notification: Notification, shop: Shop, order: str, cents: int, transaction_type: Literal["0", "3"] = "0"
) -> None:
    """Invalid, naming the field, unless the notification speaks of this order, amount, currency, shop and kind."""
    compared = (
        ("Ds_Order", notification.order, order),
        ("Ds_Amount", str(notification.cents), str(cents)),
        ("Ds_Currency", notification.currency, shop.currency),
        ("Ds_MerchantCode", notification.merchant_code, shop.merchant_code),
        ("Ds_Terminal", notification.terminal.lstrip("0"), shop.terminal.lstrip("0")),
        ("Ds_TransactionType", notification.transaction_type, transaction_type),
    )
    for field, said, expected in compared:
        if said != expected:
            raise Invalid(
                f"The notification for order {notification.order} says {field} {said!r} and we asked for {expected!r}; "
                "nothing was booked: look at the payment at the bank.",
                "NOTIFICATION_DIFFERS",
                field=field,
            )


def _notification(order: str, fields: Mapping[str, str]) -> Notification:
    amount = fields.get("DS_AMOUNT", "")
    if not (amount.isascii() and amount.isdigit()) or len(amount) > 12:
        raise Invalid(
            f"The notification has the amount {amount[:20]!r}, which is no count of cents.", field="Ds_Amount"
        )
    response = answer_of(fields.get("DS_RESPONSE", "")).code
    return Notification(
        order=order,
        cents=int(amount),
        currency=fields.get("DS_CURRENCY", ""),
        merchant_code=fields.get("DS_MERCHANTCODE", ""),
        terminal=fields.get("DS_TERMINAL", ""),
        response=response,
        transaction_type=fields.get("DS_TRANSACTIONTYPE", ""),
        authorisation=fields.get("DS_AUTHORISATIONCODE", "").strip(),
        fields=fields,
    )


def _decoded(text: str) -> bytes | None:
    """Bytes of base64 or base64url with or without padding; None for anything that has not exactly that spelling."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        content = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if base64.b64encode(content).decode().rstrip("=") == plain else None
