"""Taking an invoice back: the rectifying invoice of a charge, or of a period without any contract, leaves nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.billing.application.pricing import Draft
from services.billing.application.rectification import Standing
from services.billing.domain.adjustments import BillTerms
from services.billing.domain.bill import Bill, Energy
from services.billing.domain.ledger import OpenItem
from services.billing.domain.rewards import promised
from services.billing.evidence.facts import Facts, facts_of, no_facts
from services.billing.repository.invoices import CHARGE, Issued
from services.billing.snapshots import member_of, supply_of


def nothing_due(original: Issued, given_wh: int = 0) -> Draft:
    """What an invoice that is taken back should have been: nothing, with the taxes of its own day, for who got it.

    `given_wh`: what it gave by an invitation, which is owed again.
    """
    accrual_date = original.period_start if original.kind == CHARGE else original.issue_date
    bill = Bill(original.supply_id, original.period, accrual_date, (), ())
    terms = BillTerms(discounts=promised(given_wh))
    return Draft(supply_of(original.printed["supply"]), member_of(original.printed["holder"]), (), (), terms, bill)


def energy_again(original: Issued, draft: Draft) -> Energy:
    """The electricity that counts as billed from now on. Of an invoice that is taken back none, with what was known when it
    was issued.
    """
    if not draft.segments:
        return Energy(hours_expected=original.hours_expected, curve_version=original.curve_version)
    return draft.bill.energy.get("electricity", Energy())


def printed_again(original: Issued, debts: Sequence[OpenItem]) -> dict[str, Any]:
    """What the document that takes an invoice back prints of holder and supply: what that did, without its code."""
    kept = {name: value for name, value in original.printed.items() if name != "authorisation"}
    return {
        **kept,
        "prior_debts": [[item.number, item.due_date.isoformat(), str(item.outstanding)] for item in debts],
    }


def facts_again(original: Issued, draft: Draft) -> Facts:
    """What a corrected invoice is calculated from; of one that is taken back, nothing."""
    if not draft.segments:
        return no_facts(draft.bill.accrual_date)
    return facts_of(draft.segments, draft.energies, draft.terms, draft.supply.tariff_zone, draft.bill.accrual_date)


def nothing_to_rectify(original: Issued, stands: Standing) -> str:
    if not stands.figures.lines:
        return f"Invoice {original.number} was taken back already, by {stands.documents[-1][0]}."
    return f"Priced again, invoice {original.number} is the same to the cent."
