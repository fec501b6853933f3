"""The document apart for concepts that are foreign to the service (Argentina, Resolución SIC 267/2024).

It has its own number and is paid by it, so that whoever pays the service pays nothing else.
"""

from __future__ import annotations

from services.billing.domain.bill import Bill
from services.billing.domain.charged import Measured, charged_services
from services.billing.domain.concepts import Concepts
from services.billing.domain.planning import HeldBill
from services.billing.domain.policy import Policy, TaxFacts
from services.chassis.errors import Invalid, Refused


def check(
    concepts: Concepts, services: frozenset[str], taxes: frozenset[str], foreign_taxes: frozenset[str], *, apart: bool
) -> None:
    """Invalid names a concept that could not be billed: on a service that is not sold, under a tax rule that there is not,
    or foreign where no documents apart are issued (`apart`) or under a tax that they cannot carry.
    """
    for concept in (row.value for table in concepts.tables.values() for row in table.rows):
        place = f"concepts.toml: {concept.code!r}"
        if concept.on not in services:
            known = ", ".join(sorted(services))
            raise Invalid(
                f"{place} is charged on {concept.on!r}, which no product sells; use one of {known}.", field="on"
            )
        if concept.iva and concept.iva not in taxes:
            known = ", ".join(sorted(taxes)) or "none: leave it out"
            raise Invalid(f"{place} names the IVA rule {concept.iva!r}; there is {known}.", field="iva")
        if concept.foreign and not apart:
            raise Invalid(
                f"{place} is foreign to the service and there are no documents apart in this country; collect it otherwise.",
                field="foreign",
            )
        if concept.foreign and concept.iva not in foreign_taxes:
            known = ", ".join(sorted(foreign_taxes))
            raise Invalid(
                f"{place} is foreign to the service, so it may not be on its bill (Resolución SIC 267/2024), and taxed, so "
                "it needs an invoice with a code of the tax office (RG 4892), which is not made every month: make it a [[charge]] "
                f"for 'coopctl invoice charge', or name iva = {known!r} if it is no sale.",
                field="iva",
            )


def foreign_bill(bill: Bill, measured: Measured, policy: Policy, concepts: Concepts) -> Bill | None:
    """The foreign concepts of the supply whose service `bill` charges; None when there are none to charge.

    Raises HeldBill when a tax has no row for the accrual date.
    """
    if not concepts:
        return None
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
