"""Amounts of money as they are written on the command line."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import typer


def amount_given(text: str) -> str:
    """A point before the cents, more than zero."""
    value = _number(text)
    if value <= 0:
        raise typer.BadParameter(f"{text!r} is not an amount that can be paid: give one above zero, as 55.44.")
    return f"{value:f}"


def amount_or_zero(text: str) -> str:
    """The same, and 0 too: a till may be empty."""
    value = _number(text)
    if value < 0:
        raise typer.BadParameter(f"{text!r} is not what a till can hold: give 0 or more, as 55.44.")
    return f"{value:f}"


def _number(text: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise typer.BadParameter(f"{text!r} is not an amount: write it with a point, as 55.44.")
    return value
