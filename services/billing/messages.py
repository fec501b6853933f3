"""From the application's plain data to the messages of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from coop.billing.v1 import billing_pb2 as pb
from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.common.v1.types_pb2 import Money
from google.protobuf.timestamp_pb2 import Timestamp

from services.billing.application.accounts import AccountDebt, AccountStatement, Recorded
from services.billing.application.bill_runs import RunState
from services.billing.application.certificates import Granted
from services.billing.application.invoices import InvoiceFound
from services.billing.application.plans_found import PlanFound
from services.billing.documents.edition import edition
from services.billing.documents.vocabulary import CONCEPTS, TAXES, named, word
from services.billing.documents.words import catalogue, document_locale
from services.billing.domain.bill import ZERO, BillLine, BillTax
from services.billing.domain.certificates import grouped
from services.billing.domain.difference import Effect
from services.billing.domain.ledger import OpenItem, Settled, StatementLine
from services.billing.domain.plans import BROKEN
from services.billing.domain.position import HOLDER
from services.billing.papers.account import supplies_printed
from services.billing.papers.rectifying import reason
from services.billing.repository.invoices import Issued
from services.billing.repository.reviews import Release
from services.billing.repository.runs import COMPLETED, HeldSupply
from services.billing.rules import Rules
from services.chassis.periods import DatePeriod


class Messages:
    """Writes messages in the cooperative's currency and, for descriptions, in the language of the documents."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def money(self, amount: Decimal) -> Money:
        return Money(amount=f"{amount:.2f}", currency_code=self._rules.currency)

    # ------------------------------------------------------------------------------------------------------ bill runs
    def run(self, state: RunState) -> pb.BillRun:
        run = state.run
        return pb.BillRun(
            id=run.id,
            period=run.period,
            issue_date=run.issue_date.isoformat(),
            state=pb.BILL_RUN_STATE_COMPLETED if run.state == COMPLETED else pb.BILL_RUN_STATE_RUNNING,
            contracts=run.contracts,
            invoiced=run.invoiced,
            already_invoiced=run.already_invoiced,
            held=run.held,
            chunks=run.chunks,
            chunks_done=run.chunks_done,
            total=self.money(run.total),
            started_at=instant(run.started_at) if run.started_at else None,
            completed_at=instant(run.completed_at) if run.completed_at else None,
        )

    def held(self, each: HeldSupply) -> pb.Held:
        return pb.Held(
            contract_id=each.contract_id,
            account_number=each.account_number,
            reason=each.reason,
            explanation=each.explanation,
        )

    def released(self, account_number: str, release: Release) -> pb.Held:
        return pb.Held(account_number=account_number, reason=release.reason, explanation=release.explanation)

    # ------------------------------------------------------------------------------------------------------- invoices
    def invoice(self, found: InvoiceFound) -> pb.Invoice:
        row = found.invoice
        message = pb.Invoice(
            id=row.id,
            number=row.number,
            supply_id=row.supply_id,
            member_id=row.member_id,
            account_number=row.account_number,
            period=period(row.period),
            issue_date=row.issue_date.isoformat(),
            due_date=row.due_date.isoformat(),
            total=self.money(row.total),
            outstanding=self.money(found.outstanding),
            state=_invoice_state(found),
            import_wh=row.import_wh,
            hours_expected=row.hours_expected,
            hours_estimated=row.hours_estimated,
            hours_missing=row.hours_missing,
            previous_total=None if found.previous_total is None else self.money(found.previous_total),
            kind=row.kind,
            rectifies=found.links.rectifies,
            rectification_reason=self._reason(row),
            rectified_by=found.links.rectified_by,
            charged_for=row.printed["charge"]["text"] if "charge" in row.printed else "",
            instalments=[
                pb.Instalment(due_date=part.due_date.isoformat(), amount=self.money(part.outstanding))
                for part in found.parts
            ],
        )
        if found.details is not None:
            locale = document_locale(row.printed["language"], self._rules.country.code)
            translate = catalogue(locale).gettext
            message.lines.extend(self._line(line, translate) for line in found.details.lines)
            message.taxes.extend(self._tax(tax, translate) for tax in found.details.taxes)
            for (service, tariff_period), energy in found.details.consumption.items():
                message.consumption.add(service=service, period=tariff_period, wh=energy.import_wh)
            for service, close in found.details.readings:
                message.readings.add(
                    service=service,
                    meter=close.meter,
                    register=close.register,
                    period=period(close.period),
                    unit=close.unit,
                    initial=close.initial,
                    final=close.final,
                    used=close.used,
                    origin=close.origin,
                )
        message.effects.extend(self._effect(effect) for effect in found.effects)
        if found.plan is not None:
            message.plan.CopyFrom(self.plan(found.plan))
        return message

    def _reason(self, row: Issued) -> str:
        """Why a rectifying invoice was issued, as its paper says it; "" of any other."""
        if "rectification" not in row.printed:
            return ""
        e = edition(row.printed["language"], self._rules.country.code, row.currency)
        return reason(row.printed["rectification"], row.import_wh, e)

    def _effect(self, effect: Effect) -> pb.InvoiceEffect:
        return pb.InvoiceEffect(
            cause=effect.cause,
            amount=self.money(effect.amount),
            service=effect.service,
            more=_plain(effect.more),
            unit=effect.unit,
        )

    def figures(
        self, lines: Sequence[BillLine], taxes: Sequence[BillTax], of: Issued
    ) -> tuple[list[pb.InvoiceLine], list[pb.InvoiceTax]]:
        """Lines and taxes in the language in which the invoice they are of is printed."""
        translate = catalogue(document_locale(of.printed["language"], self._rules.country.code)).gettext
        return [self._line(line, translate) for line in lines], [self._tax(tax, translate) for tax in taxes]

    def _line(self, line: BillLine, translate: Callable[[str], str]) -> pb.InvoiceLine:
        return pb.InvoiceLine(
            concept=_concept(line),
            description=line.label or translate(word(CONCEPTS, named(line.concept, line.price_unit))),
            period=line.period,
            quantity=_plain(line.quantity),
            unit=line.unit,
            unit_price=_plain(line.unit_price),
            amount=self.money(line.amount),
            service=line.service,
            price_unit=line.price_unit,
            days=line.days or 0,
            year_days=line.year_days or 0,
            taxed_by=line.taxed_by,
        )

    def _tax(self, tax: BillTax, translate: Callable[[str], str]) -> pb.InvoiceTax:
        return pb.InvoiceTax(
            tax=tax.kind,
            description=tax.label or translate(word(TAXES, tax.code)),
            base=self.money(tax.base),
            rate=_plain(tax.rate),
            amount=self.money(tax.amount),
            code=tax.code,
            taxed_by=tax.taxed_by,
            minimum_applied=tax.minimum_applied,
        )

    # ------------------------------------------------------------------------------------------------------- accounts
    def open_item(self, item: OpenItem) -> pb.OpenItem:
        return pb.OpenItem(
            invoice_id=item.invoice_id,
            invoice_number=item.number,
            due_date=item.due_date.isoformat(),
            outstanding=self.money(item.outstanding),
        )

    def debt(self, found: AccountDebt) -> pb.DebtState:
        return pb.DebtState(
            supply_id=found.supply_id,
            overdue=self.money(found.debt.overdue),
            not_yet_due=self.money(found.debt.not_yet_due),
            credit=self.money(found.debt.credit),
            open_items=[self.open_item(item) for item in found.debt.items],
            at=instant(found.at),
            plans=[self.plan(each) for each in found.plans],
        )

    def plan(self, found: PlanFound, *, office: bool = False) -> pb.PaymentPlan:
        """`office`: with who agreed on it and who ended it, and why."""
        made, broken = found.plan, found.broken if found.state == BROKEN else None
        message = pb.PaymentPlan(
            id=made.id,
            supply_id=made.supply_id,
            account_number=found.account_number,
            state=found.state,
            total=self.money(made.terms.total),
            outstanding=self.money(found.left),
            agreed_at=instant(made.agreed_at),
            broken_by=broken.position if broken else 0,
            missing=self.money(broken.missing) if broken else None,
            broken_since=broken.since.isoformat() if broken else "",
        )
        invoices = zip(made.terms.invoice_ids, found.numbers, made.amounts, found.unpaid, strict=True)
        for invoice_id, number, amount, unpaid in invoices:
            message.invoices.add(
                invoice_id=invoice_id,
                invoice_number=number,
                amount=self.money(amount),
                outstanding=self.money(unpaid),
            )
        for part, paid in zip(made.terms.instalments, found.paid, strict=True):
            message.instalments.add(
                due_date=part.due_date.isoformat(), amount=self.money(part.amount), paid=self.money(paid)
            )
        if office:
            message.agreed_by, message.ended_by, message.reason = made.agreed_by, made.ended_by, made.reason
            if made.ended_at is not None:
                message.ended_at.CopyFrom(instant(made.ended_at))
        return message

    def payment(self, recorded: Recorded) -> pb.Payment:
        made = recorded.payment
        return pb.Payment(
            id=made.id,
            invoice_number=recorded.invoice_number,
            amount=self.money(made.amount),
            method=made.method,
            paid_on=made.paid_on.isoformat(),
            reference=made.reference,
            credited=self.money(made.credited),
        )

    def statement(self, found: AccountStatement) -> pb.Statement:
        return pb.Statement(
            supply_id=found.supply_id,
            period=period(found.period),
            opening_balance=self.money(found.opening),
            entries=[self._statement_entry(line) for line in found.lines],
            closing_balance=self.money(found.closing),
        )

    def _statement_entry(self, line: StatementLine) -> pb.StatementEntry:
        made = line.movement
        return pb.StatementEntry(
            date=made.day.isoformat(),
            kind=made.kind,
            document=made.document,
            debit=self.money(line.debit),
            credit=self.money(line.credit),
            balance=self.money(line.balance),
            method=made.method,
            payment_id=made.payment_id,
            settled=self.settled(made.settled),
            credited=self.money(made.credited),
            receipt_number=made.receipt_number,
        )

    def settled(self, parts: Iterable[Settled]) -> list[pb.SettledInvoice]:
        return [
            pb.SettledInvoice(invoice_id=each.invoice_id, invoice_number=each.number, amount=self.money(each.amount))
            for each in parts
        ]

    def certificate(self, granted: Granted) -> pb.Certificate:
        made, position = granted.certificate, granted.certificate.position
        supplies = supplies_printed(made.printed)
        return pb.Certificate(
            id=made.id,
            code=grouped(made.code),
            supply_id=made.supply_id,
            issued_at=instant(made.issued_at),
            valid_until=made.valid_until.isoformat(),
            state=granted.state,
            not_yet_due=[self._position_item(item) for item in position["not_yet_due"]],
            number=made.number,
            variant=position.get("variant", ""),
            disputed=[self._position_item(item) for item in position.get("disputed", [])],
            all_supplies=position.get("scope") == HOLDER,
            account_numbers=[supply["account_number"] for supply in supplies],
            position_hash=made.position_hash,
            revoked_at=instant(made.revoked_at) if made.revoked_at else None,
            revoked_why=made.revoked_why,
        )

    def _position_item(self, item: Sequence[str]) -> pb.OpenItem:
        invoice_id, number, due, amount = item
        return pb.OpenItem(
            invoice_id=invoice_id, invoice_number=number, due_date=due, outstanding=self.money(Decimal(amount))
        )


def period(days: DatePeriod) -> DatePeriodMessage:
    return DatePeriodMessage(start=days.start.isoformat(), end=days.end.isoformat())


def instant(at: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(at)
    return message


def _invoice_state(found: InvoiceFound) -> pb.InvoiceState:
    if found.outstanding == ZERO:
        return pb.INVOICE_STATE_PAID
    return pb.INVOICE_STATE_OVERDUE if found.due < found.today else pb.INVOICE_STATE_OPEN


def _concept(line: BillLine) -> str:
    """The API's names where they are not the documents': a step of consumption, the financing of the social bonus."""
    if line.concept == "social_bonus_financing":
        return "bono_social_financing"
    if line.concept == "energy" and not line.period.startswith("P"):
        return "block"
    return line.concept


def _plain(value: Decimal | None) -> str:
    """Decimal text without trailing zeros or exponent; empty for none."""
    return "" if value is None else f"{value.normalize():f}"
