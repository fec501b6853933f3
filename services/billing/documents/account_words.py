"""What a payment did, in words: how it was paid, which invoices it paid or opened again, what is credit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from services.billing.documents.edition import Edition
from services.billing.documents.model import Movement


def told(movement: Movement, e: Edition) -> str:
    """«pagó E-2026-000123 (55,44 €) · quedan 10,00 € a favor»; empty for what needs no words, as an invoice."""
    paid = [(number, amount) for number, amount in movement.settled if amount > 0]
    opened = [(number, -amount) for number, amount in movement.settled if amount < 0]
    said = []
    if paid:
        said.append(e.t("paid {invoices}").format(invoices=_invoices(paid, e)))
    if opened:
        said.append(e.t("open again: {invoices}").format(invoices=_invoices(opened, e)))
    if movement.credited > 0:
        said.append(e.t("{amount} stay in the member's favour").format(amount=e.f.money(movement.credited)))
    if movement.credited < 0 and movement.kind != "credit_applied":
        said.append(e.t("{amount} of it were in the member's favour").format(amount=e.f.money(-movement.credited)))
    return " · ".join(said)


def _invoices(parts: Sequence[tuple[str, Decimal]], e: Edition) -> str:
    return e.f.listing([f"{number} ({e.f.money(amount)})" for number, amount in parts])
