"""Certificates and statements of account as printable documents."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from services.billing.application.accounts import AccountStatement
from services.billing.documents.model import (
    CertificateDocument,
    Movement,
    PendingInvoice,
    StatementDocument,
    Verification,
)
from services.billing.domain.certificates import grouped
from services.billing.domain.supplies import Member, Supply
from services.billing.papers import people
from services.billing.repository.certificates import Certificate
from services.billing.rules import Rules
from services.billing.snapshots import member_of, supply_of


def certificate_document(certificate: Certificate, rules: Rules, public_url: str) -> tuple[CertificateDocument, str]:
    """The document and the language it is printed in; everything as it was on issue."""
    printed = certificate.printed
    language: str = printed["language"]
    supply = supply_of(printed["supply"])
    part = people.supply_part(supply)
    last = printed["invoices_until"]
    document = CertificateDocument(
        jurisdiction=people.jurisdiction(rules),
        currency=rules.currency,
        number=certificate.number,
        issuer=people.issuer(rules),
        holder=people.holder(member_of(printed["holder"]), supply),
        supplies=(part,),
        issued_at=certificate.issued_at,
        timezone=rules.profile.time_zone,
        valid_until=certificate.valid_until,
        verification=Verification(certificate.code, f"{public_url}/verify?code={grouped(certificate.code)}"),
        services=part.services,
        invoices_until=date.fromisoformat(last) if last else None,
        # Certificates of before debts were paid in parts do not say so.
        variant="agreed_plan" if certificate.position.get("agreed_plan") else "clean",
        not_due=tuple(
            PendingInvoice(number, date.fromisoformat(due), Decimal(amount))
            for _, number, due, amount in certificate.position["not_yet_due"]
        ),
        snapshot_hash=certificate.position_hash,
        notice=people.notice(rules, language),
    )
    return document, language


def statement_document(
    statement: AccountStatement, supply: Supply, member: Member, rules: Rules, today: date
) -> tuple[StatementDocument, str]:
    language = rules.language(member.language)
    document = StatementDocument(
        jurisdiction=people.jurisdiction(rules),
        currency=rules.currency,
        issuer=people.issuer(rules),
        holder=people.holder(member, supply),
        issue_date=today,
        period_start=statement.period.start,
        period_end=statement.period.end,
        opening_balance=statement.opening,
        closing_balance=statement.closing,
        movements=tuple(
            Movement(line.day, line.kind, line.debit - line.credit, line.document) for line in statement.lines
        ),
        supply=people.supply_part(supply),
        notice=people.notice(rules, language),
    )
    return document, language
