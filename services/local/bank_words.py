"""What the sandbox bank's page says, in the language that the form asked for (Redsys, Ds_Merchant_ConsumerLanguage)."""

from __future__ import annotations

from collections.abc import Mapping

_SPANISH = {
    "code": "es",
    "bank": "Banco de demostración",
    "warning": "Este banco es de mentira: no pide tarjeta y no cobra a nadie.",
    "title": "Pagar con tarjeta",
    "merchant": "Comercio",
    "terminal": "Terminal",
    "order": "Pedido",
    "for": "Concepto",
    "choose": "Decide qué hace el banco",
    "pay": "Pagar",
    "refuse": "Rechazar el pago",
    "leave": "Abandonar",
    "twice": "Pagar y avisar dos veces",
    "refused_title": "El banco no acepta este formulario",
    "repeated_title": "Número de pedido repetido",
    "repeated": "El banco ya respondió a este pedido (SIS0051). Cada intento necesita otro.",
    "back": "Volver a la tienda",
}
_ENGLISH = {
    "code": "en",
    "bank": "Demonstration bank",
    "warning": "This bank is make-believe: it asks for no card and charges nobody.",
    "title": "Pay by card",
    "merchant": "Merchant",
    "terminal": "Terminal",
    "order": "Order",
    "for": "For",
    "choose": "Decide what the bank does",
    "pay": "Pay",
    "refuse": "Refuse the payment",
    "leave": "Leave",
    "twice": "Pay and send the notification twice",
    "refused_title": "The bank does not take this form",
    "repeated_title": "Order number used before",
    "repeated": "The bank has answered this order already (SIS0051). Every attempt needs another one.",
    "back": "Back to the shop",
}


def words(language: str) -> Mapping[str, str]:
    """English for "002", Spanish for everything else."""
    return _ENGLISH if language.lstrip("0") == "2" else _SPANISH
