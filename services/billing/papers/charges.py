"""What an invoice does not say that bills no supply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from services.billing.documents.model import InvoiceDocument


def charge_document(document: InvoiceDocument, printed: Mapping[str, Any]) -> InvoiceDocument:
    """The document of a charge: a day instead of a period, and neither means nor shares of energy. The supply is named, its
    meters are not.
    """
    return replace(
        document,
        done_on=date.fromisoformat(printed["charge"]["day"]),
        supply=replace(document.supply, meters=(), powers=(), tariff=""),
        change=None,
        destination=(),
        legal=(),
        daily_mean=None,
        daily_mean_history=None,
    )
