"""What is known of an invoice when its document is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from services.billing.repository.fiscal import Code
from services.billing.repository.invoices import Details, Issued


@dataclass(frozen=True)
class InvoicePapers:
    """An invoice with the ones before it, newest first (those of the same supply).

    `energies`: Wh by tariff period of the invoices before it, by their ids; `water`: their litres. `registered`: the
    Spanish tax office's record was made; `code`: the Argentine code under which it was issued; `debit`: the masked account
    and the mandate by which it is collected.
    """

    invoice: Issued
    details: Details
    earlier: tuple[Issued, ...]
    previous_details: Details | None
    energies: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    water: Mapping[str, int] = field(default_factory=dict)
    registered: bool = False
    code: Code | None = None
    debit: tuple[str, str] | None = None

    def highest_powers(self) -> dict[str, Decimal]:
        """The highest demand of the last twelve months billed, in kW by power period; empty where none was read."""
        found: dict[str, int] = {}
        for each in (self.invoice, *self.earlier)[:12]:
            for period, watts in each.printed.get("maximum_power", {}).items():
                found[period] = max(found.get(period, 0), watts)
        return {period: Decimal(watts) / 1000 for period, watts in sorted(found.items())}
