"""Billing's schema. Invoices, ledger entries and documents are written once: triggers of the first migration refuse changes."""

from services.billing.tables.bank_files import bank_decision, bank_file, bank_movement, bank_movement_payment
from services.billing.tables.base import metadata
from services.billing.tables.bill_proposals import bill_proposal
from services.billing.tables.bill_runs import bill_release, bill_run, bill_run_chunk, bill_run_held
from services.billing.tables.cards import card_order, card_order_count, refused_notification
from services.billing.tables.charges import charge
from services.billing.tables.direct_debits import (
    direct_debit,
    mandate,
    mandate_account,
    remittance,
    remittance_exclusion,
)
from services.billing.tables.disputes import certificate_supply, dispute
from services.billing.tables.fiscal import cae_request, cesp_code, cesp_use, fiscal_chain, fiscal_record
from services.billing.tables.invoices import (
    invoice,
    invoice_consumption,
    invoice_facts,
    invoice_line,
    invoice_reading,
    invoice_tax,
    rule_set,
    series,
)
from services.billing.tables.ledger import (
    ledger_entry,
    ledger_posting,
    member_credit,
    open_item,
    payment,
    payment_reversal,
    settlement,
)
from services.billing.tables.market_prices import market_file, market_price
from services.billing.tables.papers import certificate, document, signing_certificate
from services.billing.tables.plans import payment_plan, payment_plan_instalment, payment_plan_invoice
from services.billing.tables.read_models import member, supply, supply_access
from services.billing.tables.rectifications import correction, instalment, rectification
from services.billing.tables.refunds import refund, till, till_count
from services.billing.tables.reminders import (
    essential_supply,
    reminder,
    reminder_debt,
    reminder_hold,
    reminder_round,
)
from services.billing.tables.rewards import reward, reward_use

__all__ = [
    "bank_decision",
    "bank_file",
    "bank_movement",
    "bank_movement_payment",
    "bill_proposal",
    "bill_release",
    "bill_run",
    "bill_run_chunk",
    "bill_run_held",
    "cae_request",
    "card_order",
    "card_order_count",
    "certificate",
    "certificate_supply",
    "cesp_code",
    "cesp_use",
    "charge",
    "correction",
    "direct_debit",
    "dispute",
    "document",
    "essential_supply",
    "fiscal_chain",
    "fiscal_record",
    "instalment",
    "invoice",
    "invoice_consumption",
    "invoice_facts",
    "invoice_line",
    "invoice_reading",
    "invoice_tax",
    "ledger_entry",
    "ledger_posting",
    "mandate",
    "mandate_account",
    "market_file",
    "market_price",
    "member",
    "member_credit",
    "metadata",
    "open_item",
    "payment",
    "payment_plan",
    "payment_plan_instalment",
    "payment_plan_invoice",
    "payment_reversal",
    "rectification",
    "refund",
    "refused_notification",
    "reminder",
    "reminder_debt",
    "reminder_hold",
    "reminder_round",
    "remittance",
    "remittance_exclusion",
    "reward",
    "reward_use",
    "rule_set",
    "series",
    "settlement",
    "signing_certificate",
    "supply",
    "supply_access",
    "till",
    "till_count",
]
