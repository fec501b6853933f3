"""What only an Argentine invoice says: class and point of sale, the holder's condition, earlier debts; and what only a note.

Inside, a credit note is a difference below zero. Printed, as for the tax office, its figures are above zero and its title says
which way they go.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Literal, cast

from services.billing.documents.model import ArgentineFiscal, InvoiceDocument, Line, PriorDebt
from services.billing.domain.bill import ZERO
from services.billing.domain.fiscal.cesp import barcode_digits
from services.billing.domain.fiscal.sandbox import SANDBOX
from services.billing.domain.supplies import Supply
from services.billing.papers.invoice_papers import InvoicePapers
from services.billing.repository.invoices import Issued
from services.billing.rules import Rules

#: The holder's condition before IVA, in the words of the tax office.
IVA_CONDITIONS = {
    "consumer": "Consumidor final",
    "registered": "Responsable inscripto",
    "monotributo": "Responsable monotributo",
    "exempt": "Exento",
}


def complete(document: InvoiceDocument, papers: InvoicePapers, supply: Supply, rules: Rules) -> InvoiceDocument:
    conditions = [contract.tax_condition for service in supply.services for contract in service.contracts]
    return replace(
        document,
        holder=replace(document.holder, iva_condition=IVA_CONDITIONS.get(conditions[-1], conditions[-1])),
        prior_debts=_prior_debts(papers.invoice),
        argentina=_heading(rules, papers),
    )


def _prior_debts(invoice: Issued) -> tuple[PriorDebt, ...]:
    """What was overdue on issue (Ley 24.240 art. 30 bis: the bill says it, or that there is none)."""
    return tuple(
        PriorDebt(number, date.fromisoformat(due), Decimal(amount))
        for number, due, amount in invoice.printed["prior_debts"]
    )


def _heading(rules: Rules, papers: InvoicePapers) -> ArgentineFiscal:
    letter = cast(Literal["A", "B", "X"], papers.invoice.series.partition("-")[0])
    printed = papers.invoice.printed
    given = printed.get("rectification", printed).get("authorisation")
    iva = sum((tax.amount for tax in papers.details.taxes if tax.kind == "iva"), ZERO)
    heading = ArgentineFiscal(
        letter=letter,
        point_of_sale=rules.fiscal.point_of_sale,
        contained_iva=iva if letter == "B" else ZERO,
    )
    if given is not None:
        return replace(
            heading,
            point_of_sale=given["point_of_sale"],
            cesp=given["code"],
            cesp_expiry=date.fromisoformat(given["valid_until"]),
            sandbox=given["provider"] == SANDBOX,
            authority="CAE",
            voucher=given["voucher"],
            qr_url=given["qr_url"],
        )
    code = papers.code
    if code is None:
        return heading
    return replace(
        heading,
        point_of_sale=code.point_of_sale,
        cesp=code.code,
        cesp_expiry=code.valid_until,
        barcode=barcode_digits(rules.profile.tax_id, code.voucher, code.point_of_sale, code.code, code.valid_until),
        sandbox=code.provider == SANDBOX,
    )


def credit_note(document: InvoiceDocument) -> InvoiceDocument:
    """The document with the sign of every figure turned: what a credit note says is what comes back."""
    assert document.argentina is not None
    return replace(
        document,
        lines=tuple(_turned(line) for line in document.lines),
        taxes=tuple(replace(tax, base=-tax.base, amount=-tax.amount) for tax in document.taxes),
        total=-document.total,
        adjustments=tuple(replace(each, amount=-each.amount) for each in document.adjustments),
        argentina=replace(document.argentina, contained_iva=-document.argentina.contained_iva),
    )


def _turned(line: Line) -> Line:
    """The same multiplication with the sign of one factor turned."""
    if line.quantity is not None:
        return replace(line, quantity=-line.quantity, amount=-line.amount)
    price = None if line.unit_price is None else -line.unit_price
    return replace(line, unit_price=price, amount=-line.amount)
