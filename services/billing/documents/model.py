"""What a printed document says, as plain data: the renderer's only input.

Nothing here computes a price. The bill run fills these classes from an issued invoice, the ledger or a certificate and
the renderer lays them out; `check()` only refuses a document that does not add up, because a PDF is printed once,
stored and reprinted byte for byte for years.

Units: money is `Decimal` in the document's currency, already rounded; quantities are `Decimal` in the unit printed
beside them (kWh, m³, kW); periods are half-open civil dates [start, end) of the cooperative's zone.

Codes (concepts, services, sections, states) are translated by the documents' message catalogues; see `vocabulary` for
those known. A line whose concept is the cooperative's own (a works fund voted by the assembly) carries a `label`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from services.billing.documents.parts import (
    ZERO,
    Adjustment,
    ArgentineFiscal,
    Change,
    ChangeReason,
    Consumption,
    ContractedPower,
    Coverage,
    DueDate,
    EnergyMix,
    Holder,
    Issuer,
    Jurisdiction,
    Line,
    MonthConsumption,
    PaymentOption,
    PeriodQuantity,
    PriorDebt,
    Reading,
    Share,
    Supply,
    Tax,
    TaxOfficeCode,
    Verification,
)
from services.chassis.errors import Invalid

__all__ = [
    "ZERO",
    "Adjustment",
    "AgreedPlan",
    "ArgentineFiscal",
    "CertificateDocument",
    "Change",
    "ChangeReason",
    "Consumption",
    "ContractedPower",
    "Coverage",
    "DebtNow",
    "DueDate",
    "EnergyMix",
    "Holder",
    "InvoiceDocument",
    "Issuer",
    "Jurisdiction",
    "Line",
    "MonthConsumption",
    "Movement",
    "PaymentOption",
    "PendingInvoice",
    "PeriodQuantity",
    "PlanPart",
    "PriorDebt",
    "Reading",
    "Share",
    "StatementDocument",
    "Supply",
    "Tax",
    "TaxOfficeCode",
    "Verification",
]

CENT = Decimal("0.01")


@dataclass(frozen=True)
class InvoiceDocument:
    jurisdiction: Jurisdiction
    currency: str  # ISO 4217
    number: str
    issue_date: date
    period_start: date
    period_end: date  # half-open: the last billed day is the day before
    due_date: date
    issuer: Issuer
    holder: Holder
    supply: Supply
    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...]
    total: Decimal
    consumptions: tuple[Consumption, ...] = ()
    payment: tuple[PaymentOption, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    second_due: DueDate | None = None
    prior_debts: tuple[PriorDebt, ...] | None = None  # None: not stated; (): "no existen deudas pendientes"
    change: Change | None = None
    destination: tuple[Share, ...] = ()
    argentina: ArgentineFiscal | None = None
    verification: Verification | None = None
    tax_code: TaxOfficeCode | None = None
    comparator_url: str = ""  # CNMC comparator, with the invoice's data; printed as QR and link
    origin: EnergyMix | None = None
    daily_mean: Decimal | None = None  # total ÷ days
    daily_mean_history: Decimal | None = None  # the same over the last 14 months that were billed
    regulation: tuple[str, ...] = ()  # official bulletin references of the prices applied, one paragraph each
    legal: tuple[str, ...] = ()  # further paragraphs of the cooperative
    rectifies: tuple[str, ...] = ()  # numbers of the invoices this one rectifies
    rectification_reason: str = ""
    difference: bool = False  # it has only what changes of them
    corrects: tuple[Decimal, Decimal] | None = None  # totals of what stood before it, and of what is right
    instalments: tuple[DueDate, ...] = ()  # of what is asked, where it is paid in more than one
    done_on: date | None = None  # bills no supply: the day of what is charged, which is all of its period
    notice: str = ""  # printed under the header of every page: "Demostración, sin validez"

    @property
    def last_day(self) -> date:
        return self.period_end - timedelta(days=1)

    @property
    def days(self) -> int:
        return (self.period_end - self.period_start).days

    @property
    def amount_due(self) -> Decimal:
        """The total and the after-tax items: what page one asks for; below zero what a credit note gives back."""
        total = self.total + sum((item.amount for item in self.adjustments), ZERO)
        return -total if self.argentina is not None and self.argentina.is_credit_note else total

    def check(self) -> None:
        """Refuse a document whose figures do not add up, whose period is empty, or that lacks its country's heading."""
        lines = sum((line.amount for line in self.lines), ZERO)
        taxes = sum((tax.amount for tax in self.taxes), ZERO)
        if lines + taxes != self.total:
            raise Invalid(
                f"Invoice {self.number} cannot be printed: its lines ({lines}) and taxes ({taxes}) "
                f"sum to {lines + taxes} and its total says {self.total}; price it again.",
                field="total",
            )
        if self.period_end <= self.period_start:
            raise Invalid(
                f"Invoice {self.number} cannot be printed: its period ends on {self.period_end}, "
                f"not after its start {self.period_start}.",
                field="period_end",
            )
        if self.jurisdiction == "ar" and self.argentina is None:
            raise Invalid(
                f"Invoice {self.number} cannot be printed: it is Argentine and has no class and point of sale.",
                field="argentina",
            )
        for tax in self.taxes:
            base = sum((line.amount for line in self.lines if tax.code in line.taxed_by), ZERO)
            base += sum((other.amount for other in self.taxes if tax.code in other.taxed_by), ZERO)
            # A share is rounded, and that of a difference is the difference of two rounded ones.
            wrong = abs(base * tax.share - tax.base) > CENT if tax.share != 1 else base != tax.base
            if wrong and any(tax.code in line.taxed_by for line in self.lines):
                raise Invalid(
                    f"Invoice {self.number} cannot be printed: the lines taxed by {tax.code!r} sum to {base} "
                    f"and the tax says its base is {tax.base}.",
                    field="taxes",
                )


# ---------------------------------------------------------------------------------------------- certificate
@dataclass(frozen=True)
class PendingInvoice:
    """An invoice issued and not yet due (or disputed) on the certificate's date."""

    number: str
    due: date
    amount: Decimal


@dataclass(frozen=True)
class CertificateDocument:
    """Spain: «Certificado de estar al corriente de pago»; Argentina: «Libre de deuda»."""

    jurisdiction: Jurisdiction
    currency: str
    number: str
    issuer: Issuer
    holder: Holder
    supplies: tuple[Supply, ...]
    issued_at: datetime  # aware
    timezone: str  # IANA zone in which date and hour are printed
    valid_until: date  # last day on which it may be relied upon
    verification: Verification
    services: tuple[str, ...] = ("electricity",)
    invoices_until: date | None = None  # issue date of the last invoice considered
    all_supplies: bool = False  # of every contract of the holder
    agreed_plan: bool = False  # debts are paid in parts, and none of these is overdue
    not_due: tuple[PendingInvoice, ...] = ()
    disputed: tuple[PendingInvoice, ...] = ()  # due or not; the statement leaves them out
    snapshot_hash: str = ""  # of the ledger position the statement rests on
    notice: str = ""

    @property
    def variant(self) -> Literal["clean", "agreed_plan", "disputed"]:
        """What is said first; a dispute before a plan."""
        if self.disputed:
            return "disputed"
        return "agreed_plan" if self.agreed_plan else "clean"

    def check(self) -> None:
        """Refuse a naive instant or a verification code that is not 16 characters."""
        if self.issued_at.tzinfo is None:
            raise Invalid(
                f"Certificate {self.number} cannot be printed: its issue instant {self.issued_at} has no time zone.",
                field="issued_at",
            )
        if len(self.verification.code) != 16:
            raise Invalid(
                f"Certificate {self.number} cannot be printed: its verification code has "
                f"{len(self.verification.code)} characters and must have 16.",
                field="verification.code",
            )


# ---------------------------------------------------------------------------------------------- statement of account
@dataclass(frozen=True)
class Movement:
    """One entry of the member's account. Positive amount: the member owes more; negative: the member paid."""

    day: date
    kind: str  # "invoice", "payment", "rectification", "refund", "payment_returned", "credit_applied", "surcharge", ...
    amount: Decimal
    reference: str = ""  # "E-2026-000123"
    label: str = ""
    due: date | None = None
    method: str = ""  # of a payment, and of what went back of one
    settled: tuple[tuple[str, Decimal], ...] = ()  # number and amount of invoices paid; negative: open again
    credited: Decimal = ZERO  # what became credit; negative: used, or gone back


@dataclass(frozen=True)
class ReceiptDocument:
    """What a payment paid on the day it came; what became of it later is on the statement."""

    jurisdiction: Jurisdiction
    currency: str
    number: str  # "RC-2026-000123"; of payments from before receipts had numbers, the payment's id
    issuer: Issuer
    holder: Holder
    supply: Supply
    paid_on: date
    amount: Decimal
    method: str
    reference: str
    settled: tuple[tuple[str, Decimal], ...]  # number of the invoice and what of it was paid
    credited: Decimal
    notice: str = ""

    def check(self) -> None:
        """Refuse a receipt whose parts are not the amount that was paid."""
        parts = sum((amount for _, amount in self.settled), self.credited)
        if parts != self.amount:
            raise Invalid(
                f"The receipt {self.number} cannot be printed: its parts come to {parts} and {self.amount} was paid.",
                field="amount",
            )


@dataclass(frozen=True)
class PlanPart:
    """An instalment, and what of it is unpaid."""

    due: date
    amount: Decimal
    left: Decimal


@dataclass(frozen=True)
class AgreedPlan:
    """Invoices (numbers) that are paid in instalments. `missed`: the one (from 1) by which it broke; 0 while it is kept."""

    agreed_on: date
    invoices: tuple[str, ...]
    parts: tuple[PlanPart, ...]
    missed: int = 0


@dataclass(frozen=True)
class DebtNow:
    """What is owed on the day of issue."""

    overdue: Decimal
    not_yet_due: Decimal
    credit: Decimal


@dataclass(frozen=True)
class StatementDocument:
    """`debt` and `plans` are of the day of issue: of a statement that ends before it they are left out."""

    jurisdiction: Jurisdiction
    currency: str
    issuer: Issuer
    holder: Holder
    issue_date: date
    period_start: date
    period_end: date  # half-open
    opening_balance: Decimal  # positive: owed by the member
    closing_balance: Decimal
    movements: tuple[Movement, ...] = ()
    supply: Supply | None = None
    debt: DebtNow | None = None
    plans: tuple[AgreedPlan, ...] = ()
    notice: str = ""

    @property
    def last_day(self) -> date:
        return self.period_end - timedelta(days=1)

    def check(self) -> None:
        """Refuse a statement whose movements do not lead from the opening to the closing balance."""
        reached = self.opening_balance + sum((movement.amount for movement in self.movements), ZERO)
        if reached != self.closing_balance:
            raise Invalid(
                f"The statement of {self.holder.document} cannot be printed: its movements lead to {reached} "
                f"and its closing balance says {self.closing_balance}.",
                field="closing_balance",
            )
