"""Taking a charge back: the rectifying invoice of one leaves nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.billing.application.pricing import Draft
from services.billing.application.rectification import Standing
from services.billing.domain.adjustments import BillTerms
from services.billing.domain.bill import Bill
from services.billing.domain.ledger import OpenItem
from services.billing.evidence.facts import Facts, facts_of, no_facts
from services.billing.repository.invoices import CHARGE, Issued
from services.billing.snapshots import member_of, supply_of


def nothing_due(original: Issued) -> Draft:
    """What a charge that is taken back should have been; the tax of the day on which it was earned."""
    bill = Bill(original.supply_id, original.period, original.period_start, (), ())
    return Draft(
        supply_of(original.printed["supply"]), member_of(original.printed["holder"]), (), (), BillTerms(), bill
    )


def charge_printed_again(original: Issued, debts: Sequence[OpenItem]) -> dict[str, Any]:
    """What the document that takes it back prints of holder and supply: what the charge did, without its code."""
    kept = {name: value for name, value in original.printed.items() if name != "authorisation"}
    return {
        **kept,
        "prior_debts": [[item.number, item.due_date.isoformat(), str(item.outstanding)] for item in debts],
    }


def facts_again(original: Issued, draft: Draft) -> Facts:
    """What a corrected invoice is calculated from; of a charge that is taken back, nothing."""
    if original.kind == CHARGE:
        return no_facts(draft.bill.accrual_date)
    return facts_of(draft.segments, draft.energies, draft.terms, draft.supply.tariff_zone, draft.bill.accrual_date)


def nothing_to_rectify(original: Issued, stands: Standing) -> str:
    if original.kind == CHARGE:
        return f"Invoice {original.number} was taken back already, by {stands.documents[-1][0]}."
    return f"Priced again, invoice {original.number} is the same to the cent."
