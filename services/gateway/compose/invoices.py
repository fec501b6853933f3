"""Invoices, debt, statement and certificates, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from coop.billing.v1 import billing_pb2

from services.chassis.periods import DatePeriod
from services.gateway.compose.money import Money
from services.gateway.compose.payments import SettledView
from services.gateway.compose.plans import PlanView

_STATES = {
    billing_pb2.INVOICE_STATE_OPEN: "open",
    billing_pb2.INVOICE_STATE_OVERDUE: "overdue",
    billing_pb2.INVOICE_STATE_PAID: "paid",
}


@dataclass(frozen=True)
class LineView:
    """One printed line. `group` says what it is about: "energy", "power", "water", "other" or "tax".

    `price_unit` is what the price is per; `days` and `year_days` are 0 where time plays no part. `code` is a tax's, `taxed_by`
    names those in whose base the line is, and `base` is what a tax is of.
    """

    group: str
    concept: str
    description: str
    period: str
    quantity: str
    unit: str
    unit_price: str
    amount: Money
    service: str
    price_unit: str = ""
    days: int = 0
    year_days: int = 0
    taxed_by: tuple[str, ...] = ()
    code: str = ""
    base: Money | None = None


@dataclass(frozen=True)
class EffectView:
    """What a cause added to the amount of the invoice before; `more` is the change behind it, None where there is none."""

    cause: str
    amount: Money
    service: str
    more: Decimal | None
    unit: str


@dataclass(frozen=True)
class InvoiceView:
    """An invoice; `lines` holds the taxes too, and is empty in lists. `foreign`: of concepts alien to the service.
    `charged_for`: what one is for that bills no supply, whose period is a day ("": it bills a supply).

    `rectifies` is the number of the invoice that it corrects ("" none), `rectified_by` are those that correct it;
    `instalments` what is still to be paid, by day; `plan` the payment plan that it is in, None in lists.
    """

    id: str
    number: str
    supply_id: str
    period: DatePeriod
    issued: date
    due: date
    total: Money
    outstanding: Money
    state: str
    lines: tuple[LineView, ...]
    import_wh: int
    hours_expected: int
    hours_estimated: int
    hours_missing: int
    previous_total: Money | None
    foreign: bool = False
    charged_for: str = ""
    rectifies: str = ""
    rectification_reason: str = ""
    rectified_by: tuple[str, ...] = ()
    instalments: tuple[tuple[date, Money], ...] = ()
    effects: tuple[EffectView, ...] = ()
    plan: PlanView | None = None

    @property
    def difference(self) -> Money | None:
        """From the invoice before; None on the first."""
        return None if self.previous_total is None else self.total - self.previous_total

    @property
    def last_day(self) -> date:
        """The last day billed (the period's end is excluded)."""
        return self.period.end - timedelta(days=1)

    @property
    def month(self) -> date:
        """A day of the month the invoice is known by: the one in the middle of its period."""
        return self.period.start + timedelta(days=self.period.days // 2)

    def days_left(self, today: date) -> int:
        """Days until the due date; negative when it is past."""
        return (self.due - today).days

    @classmethod
    def of(cls, invoice: billing_pb2.Invoice) -> InvoiceView:
        lines = [
            LineView(
                _group(line.concept), line.concept, line.description, line.period, line.quantity, line.unit,
                line.unit_price, Money.of(line.amount), line.service,
                line.price_unit, line.days, line.year_days, tuple(line.taxed_by),
            )
            for line in invoice.lines
        ]  # fmt: skip
        lines += [
            LineView(
                "tax", tax.tax, tax.description, "", "", "", tax.rate, Money.of(tax.amount), "",
                taxed_by=tuple(tax.taxed_by), code=tax.code, base=Money.of(tax.base),
            )
            for tax in invoice.taxes
        ]  # fmt: skip
        has_previous = invoice.HasField("previous_total") and invoice.previous_total.amount != ""
        return cls(
            id=invoice.id,
            number=invoice.number,
            supply_id=invoice.supply_id,
            period=DatePeriod.parse(invoice.period.start, invoice.period.end),
            issued=date.fromisoformat(invoice.issue_date),
            # By then the next part has to be paid.
            due=date.fromisoformat(invoice.instalments[0].due_date if invoice.instalments else invoice.due_date),
            total=Money.of(invoice.total),
            outstanding=Money.of(invoice.outstanding),
            state=_STATES.get(invoice.state, "open"),
            lines=tuple(lines),
            import_wh=invoice.import_wh,
            hours_expected=invoice.hours_expected,
            hours_estimated=invoice.hours_estimated,
            hours_missing=invoice.hours_missing,
            previous_total=Money.of(invoice.previous_total) if has_previous else None,
            foreign=invoice.kind == "foreign",
            charged_for=invoice.charged_for,
            rectifies=invoice.rectifies,
            rectification_reason=invoice.rectification_reason,
            rectified_by=tuple(invoice.rectified_by),
            instalments=tuple(
                (date.fromisoformat(part.due_date), Money.of(part.amount)) for part in invoice.instalments
            ),
            effects=tuple(
                EffectView(
                    effect.cause,
                    Money.of(effect.amount),
                    effect.service,
                    Decimal(effect.more) if effect.more else None,
                    effect.unit,
                )
                for effect in invoice.effects
            ),
            plan=PlanView.of(invoice.plan) if invoice.HasField("plan") else None,
        )


@dataclass(frozen=True)
class OpenItemView:
    """An invoice with something left to pay."""

    invoice_id: str
    number: str
    due: date
    outstanding: Money

    @classmethod
    def of(cls, item: billing_pb2.OpenItem) -> OpenItemView:
        return cls(item.invoice_id, item.invoice_number, date.fromisoformat(item.due_date), Money.of(item.outstanding))


@dataclass(frozen=True)
class DebtView:
    """What a supply's account owes at an instant; `plans` are kept or broken."""

    overdue: Money
    not_yet_due: Money
    credit: Money
    items: tuple[OpenItemView, ...]
    plans: tuple[PlanView, ...] = ()

    @classmethod
    def of(cls, debt: billing_pb2.DebtState) -> DebtView:
        return cls(
            Money.of(debt.overdue),
            Money.of(debt.not_yet_due),
            Money.of(debt.credit),
            tuple(OpenItemView.of(item) for item in debt.open_items),
            tuple(PlanView.of(plan) for plan in debt.plans),
        )

    def late(self, today: date) -> list[OpenItemView]:
        return [item for item in self.items if item.due < today]


@dataclass(frozen=True)
class EntryView:
    """A row of the statement; `kind` is "invoice", "rectification", "payment", "credit_applied", "payment_returned",
    "refund" or "payment_taken_off"; `settled` and `credited` are negative where a payment went back.
    """

    day: date
    kind: str
    document: str
    debit: Money
    credit: Money
    balance: Money
    method: str
    payment_id: str
    settled: tuple[SettledView, ...]
    credited: Money
    receipt_number: str

    @property
    def settles_what_it_names(self) -> bool:
        """It paid the one invoice that it names, and nothing else: what it settled need not be said again."""
        return [(each.number, each.amount) for each in self.settled] == [(self.document, self.credit)]


@dataclass(frozen=True)
class StatementView:
    period: DatePeriod
    opening: Money
    entries: tuple[EntryView, ...]
    closing: Money

    @classmethod
    def of(cls, statement: billing_pb2.Statement) -> StatementView:
        return cls(
            DatePeriod.parse(statement.period.start, statement.period.end),
            Money.of(statement.opening_balance),
            tuple(
                EntryView(
                    date.fromisoformat(entry.date), entry.kind, entry.document,
                    Money.of(entry.debit), Money.of(entry.credit), Money.of(entry.balance), entry.method,
                    entry.payment_id, tuple(SettledView.of(each) for each in entry.settled), Money.of(entry.credited),
                    entry.receipt_number,
                )
                for entry in statement.entries
            ),
            Money.of(statement.closing_balance),
        )  # fmt: skip


@dataclass(frozen=True)
class CertificateView:
    """`state` is "valid", "expired" or "revoked"; `variant` "plain", "not_yet_due", "agreed_plan" or "disputed"; `code`
    comes in groups of four. `accounts`: what it speaks of, every contract of the holder when `all_supplies`.
    """

    id: str
    number: str
    code: str
    issued_at: datetime
    valid_until: date
    state: str
    variant: str
    not_yet_due: tuple[OpenItemView, ...]
    disputed: tuple[OpenItemView, ...]
    all_supplies: bool
    accounts: tuple[str, ...]
    revoked_why: str

    @classmethod
    def of(cls, certificate: billing_pb2.Certificate) -> CertificateView:
        return cls(
            certificate.id,
            certificate.number,
            certificate.code,
            certificate.issued_at.ToDatetime(tzinfo=UTC),
            date.fromisoformat(certificate.valid_until),
            certificate.state,
            certificate.variant,
            tuple(OpenItemView.of(item) for item in certificate.not_yet_due),
            tuple(OpenItemView.of(item) for item in certificate.disputed),
            certificate.all_supplies,
            tuple(certificate.account_numbers),
            certificate.revoked_why,
        )


def _group(concept: str) -> str:
    if concept.startswith(("energy", "block", "variable")):
        return "energy"
    if concept.startswith(("water", "sewage")):
        return "water"
    if concept.startswith("power"):
        return "power"
    return "other"
