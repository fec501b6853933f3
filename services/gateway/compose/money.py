"""Amounts as the pages carry them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from coop.common.v1 import types_pb2


@dataclass(frozen=True)
class Money:
    """An exact amount and its ISO 4217 code."""

    amount: Decimal
    currency: str

    @classmethod
    def of(cls, message: types_pb2.Money) -> Money:
        """A proto amount; an empty text is zero. Raises ValueError for text that is no decimal number."""
        try:
            return cls(Decimal(message.amount or "0"), message.currency_code)
        except InvalidOperation:
            raise ValueError(f"the amount {message.amount!r} is not a decimal number") from None

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - other.amount, self.currency)

    def __bool__(self) -> bool:
        return self.amount != 0
