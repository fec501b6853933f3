"""Certificates and statements of account as printable documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from services.billing.application.accounts import AccountStatement
from services.billing.application.plans_found import PlanFound
from services.billing.documents.model import (
    AgreedPlan,
    CertificateDocument,
    DebtNow,
    Movement,
    PendingInvoice,
    PlanPart,
    StatementDocument,
    Verification,
)
from services.billing.domain.certificates import grouped
from services.billing.domain.position import HOLDER
from services.billing.domain.supplies import Member, Supply
from services.billing.papers import people
from services.billing.repository.certificates import Certificate
from services.billing.rules import Rules
from services.billing.snapshots import member_of, supply_of


def certificate_document(certificate: Certificate, rules: Rules, public_url: str) -> tuple[CertificateDocument, str]:
    """The document and the language it is printed in; everything as it was on issue."""
    printed, position = certificate.printed, certificate.position
    language: str = printed["language"]
    supplies = [supply_of(each) for each in supplies_printed(printed)]
    parts = tuple(people.supply_part(supply) for supply in supplies)
    last = printed["invoices_until"]
    document = CertificateDocument(
        jurisdiction=people.jurisdiction(rules),
        currency=rules.currency,
        number=certificate.number,
        issuer=people.issuer(rules),
        holder=people.holder(member_of(printed["holder"]), supplies[0]),
        supplies=parts,
        issued_at=certificate.issued_at,
        timezone=rules.profile.time_zone,
        valid_until=certificate.valid_until,
        verification=Verification(certificate.code, f"{public_url}/verify?code={grouped(certificate.code)}"),
        services=tuple(dict.fromkeys(service for part in parts for service in part.services)),
        all_supplies=position.get("scope") == HOLDER,
        invoices_until=date.fromisoformat(last) if last else None,
        # Certificates of before debts were paid in parts, or invoices disputed, do not say so.
        agreed_plan=bool(position.get("agreed_plan")),
        not_due=_pending(position["not_yet_due"]),
        disputed=_pending(position.get("disputed", [])),
        snapshot_hash=certificate.position_hash,
        notice=people.notice(rules, language),
    )
    return document, language


def supplies_printed(printed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The supplies a certificate speaks of, as they were on issue; those of before there could be several have one."""
    return list(printed.get("supplies") or [printed["supply"]])


def _pending(items: Sequence[Sequence[str]]) -> tuple[PendingInvoice, ...]:
    return tuple(PendingInvoice(number, date.fromisoformat(due), Decimal(amount)) for _, number, due, amount in items)


def statement_document(
    statement: AccountStatement, supply: Supply, member: Member, rules: Rules, today: date
) -> tuple[StatementDocument, str]:
    language = rules.language(member.language)
    debt = statement.now.debt if statement.now else None
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
            Movement(
                day=made.day,
                kind=made.kind,
                amount=made.change,
                reference=made.document,
                method=made.method,
                settled=tuple((each.number, each.amount) for each in made.settled),
                credited=made.credited,
            )
            for made in (line.movement for line in statement.lines)
        ),
        supply=people.supply_part(supply),
        debt=DebtNow(debt.overdue, debt.not_yet_due, debt.credit) if debt else None,
        plans=tuple(_plan(each, rules) for each in statement.now.plans) if statement.now else (),
        notice=people.notice(rules, language),
    )
    return document, language


def _plan(found: PlanFound, rules: Rules) -> AgreedPlan:
    instalments = found.plan.terms.instalments
    return AgreedPlan(
        rules.today(found.plan.agreed_at),
        found.numbers,
        tuple(
            PlanPart(part.due_date, part.amount, part.amount - paid)
            for part, paid in zip(instalments, found.paid, strict=True)
        ),
        found.broken.position if found.broken else 0,
    )
