"""The bank's side of a card payment: notifications as Redsys sends them, for what a form asks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from services.billing.application.card_terminal import Terminal
from services.billing.domain.payments.redsys import SHA512, Shop, Version, encode_parameters, read_parameters, sign

#: The key of the shop that Redsys publishes for tests.
KEY = "sq7HjrUOBfKmC576ILgskD5srU870gJ7"
TERMINAL = Terminal(Shop("999008881", "1", KEY), "sandbox", "http://127.0.0.1:8026/sis/realizarPago", SHA512)


def bank_says(form: Mapping[str, str], key: str, response: str = "0000", **changes: str) -> dict[str, str]:
    """The signed notification that answers a form. `changes` are parameters that say something else, by their names."""
    asked = read_parameters(form["Ds_MerchantParameters"])
    said = {
        "Ds_Date": "21/11/2026",
        "Ds_Hour": "17:00",
        "Ds_Amount": asked["DS_MERCHANT_AMOUNT"],
        "Ds_Currency": asked["DS_MERCHANT_CURRENCY"],
        "Ds_Order": asked["DS_MERCHANT_ORDER"],
        "Ds_MerchantCode": asked["DS_MERCHANT_MERCHANTCODE"],
        "Ds_Terminal": asked["DS_MERCHANT_TERMINAL"].zfill(3),
        "Ds_Response": response,
        "Ds_TransactionType": asked["DS_MERCHANT_TRANSACTIONTYPE"],
        "Ds_AuthorisationCode": "123456" if response <= "0099" else "      ",
        "Ds_Card_Number": "454881******0003",
        **changes,
    }
    version: Any = form["Ds_SignatureVersion"]
    return signed(version, key, said)


def signed(version: Version, key: str, said: Mapping[str, str]) -> dict[str, str]:
    parameters = encode_parameters(version, json.dumps(said))
    return {
        "Ds_SignatureVersion": version,
        "Ds_MerchantParameters": parameters,
        "Ds_Signature": sign(version, key, said["Ds_Order"], parameters),
    }
