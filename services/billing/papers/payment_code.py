"""The way of paying over a counter that an invoice offers, where the cooperative has agreed on one."""

from __future__ import annotations

from services.billing.documents.model import PaymentOption
from services.billing.domain.payments.payment_codes import check_own_accounts, coupon_terms, slip_terms
from services.billing.repository.invoices import CHARGE, FOREIGN, SERVICE, Issued
from services.billing.rules import Rules
from services.chassis.environment import SettingsError
from services.chassis.errors import Invalid


def payment_codes(rules: Rules, invoice: Issued) -> tuple[PaymentOption, ...]:
    """One option or none. Only what is to be paid has a code, and of Spanish invoices those of the main series, whose
    sequence is the reference that comes back.
    """
    cents = int(invoice.total.scaleb(2))
    if cents <= 0:
        return ()
    payment = rules.profile.section("payment")
    slip = slip_terms(payment, rules.profile.tax_id)
    if slip is not None and invoice.kind == SERVICE:
        code = slip.code(invoice.sequence, invoice.issue_date, invoice.due_date, cents)
        return (PaymentOption("payment_code", reference=code, symbology="gs1_128"),)
    coupon = coupon_terms(payment)
    if coupon is not None and invoice.kind in (SERVICE, FOREIGN, CHARGE):
        code = coupon.code(invoice.account_number, invoice.due_date, cents)
        return (PaymentOption("payment_code", reference=code, label=coupon.places, symbology="itf"),) if code else ()
    return ()


def check_payment_codes(rules: Rules) -> None:
    """Before the first invoice is printed. Raises SettingsError with a sentence for accounts and terms that cannot be."""
    payment = rules.profile.section("payment")
    try:
        check_own_accounts(payment)
        slip_terms(payment, rules.profile.tax_id)
        coupon_terms(payment)
    except Invalid as wrong:
        raise SettingsError([wrong.message]) from wrong
