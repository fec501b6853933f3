"""The receipt of a payment as a printable document."""

from __future__ import annotations

from services.billing.documents.model import ReceiptDocument
from services.billing.domain.ledger import Settled
from services.billing.domain.supplies import Member, Supply
from services.billing.papers import people
from services.billing.repository.ledger import Payment
from services.billing.rules import Rules


def receipt_document(
    payment: Payment, settled: list[Settled], supply: Supply, member: Member, rules: Rules
) -> tuple[ReceiptDocument, str]:
    """The document and the language it is printed in."""
    language = rules.language(member.language)
    document = ReceiptDocument(
        jurisdiction=people.jurisdiction(rules),
        currency=rules.currency,
        number=payment.receipt,
        issuer=people.issuer(rules),
        holder=people.holder(member, supply),
        supply=people.supply_part(supply),
        paid_on=payment.paid_on,
        amount=payment.amount,
        method=payment.method,
        reference=payment.reference,
        settled=tuple((each.number, each.amount) for each in settled),
        credited=payment.credited,
        notice=people.notice(rules, language),
    )
    return document, language
