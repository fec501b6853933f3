"""The document apart for concepts that are foreign to the service (Argentina, Resolución SIC 267/2024).

It has its own number and is paid by it, so that whoever pays the service pays nothing else.
"""

from __future__ import annotations

from services.billing.domain.bill import Bill
from services.billing.domain.charged import Measured, charged_services
from services.billing.domain.concepts import Concepts
from services.billing.domain.planning import HeldBill
from services.billing.domain.policy import Policy, TaxFacts
from services.chassis.errors import Refused


def foreign_bill(bill: Bill, measured: Measured, policy: Policy, concepts: Concepts) -> Bill | None:
    """The foreign concepts of the supply whose service `bill` charges; None when there are none to charge.

    Raises HeldBill when a tax has no row for the accrual date.
    """
    service_lines = [line for line in bill.lines if line.concept not in concepts.tables]
    decided = list(concepts.lines(charged_services(measured, service_lines), foreign=True))
    lines = [each.line for each in decided if each.line.amount]
    if not lines:
        return None
    segments = tuple(segment for segment, _ in measured)
    by_code = {each.concept.code: each.concept for each in decided}
    try:
        taxed, taxes = policy.taxed(lines, TaxFacts(bill.accrual_date, segments, 0, concepts=by_code))
    except Refused as refused:
        raise HeldBill(refused.reason, refused.message, segments[0].contract.id) from refused
    sources = tuple(dict.fromkeys(each.concept.source for each in decided))
    return Bill(bill.supply_id, bill.period, bill.accrual_date, tuple(taxed), tuple(taxes), sources=sources)
