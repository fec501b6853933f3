"""The fee for a direct debit that came back, where the profile has one: an invoice of its own, issued by a work item.

Not with the return: who books returns has accounts locked, and who issues invoices takes their series first.
"""

from __future__ import annotations

from decimal import Decimal

from coop.billing.events.v1.events_pb2 import ReturnFeeDue

from services.billing.application.charges import Charges
from services.billing.documents.edition import edition
from services.billing.documents.vocabulary import RETURNED_DEBIT as IS_FOR
from services.billing.domain.charging import RETURNED_DEBIT, Charge
from services.billing.repository import read_model
from services.billing.repository.invoices import CHARGE, Issued
from services.billing.rules import Rules
from services.chassis.db import Transaction
from services.chassis.periods import parse_date
from services.chassis.telemetry import logger

ACTOR = "system:return-fee"


def is_fee(invoice: Issued) -> bool:
    """A fee that comes back brings no other one."""
    return invoice.kind == CHARGE and invoice.printed["charge"]["concept"] == RETURNED_DEBIT


def charge_return(tx: Transaction, rules: Rules, charges: Charges, due: ReturnFeeDue) -> None:
    """Issue the fee of a returned debit, once. Whoever does not hold the supply any more is charged nothing: its invoice
    would go to who holds it now.
    """
    supplies = read_model.supplies(tx.connection, [due.supply_id])
    if not supplies or supplies[0].member_id != due.member_id:
        logger().info("return_fee_left_out", collection_id=due.collection_id, why="the payer holds the supply no more")
        return
    members = read_model.members(tx.connection, [due.member_id])
    language = rules.language(members[due.member_id].language if due.member_id in members else "")
    day = parse_date(due.returned_on)
    e = edition(language, rules.country.code, rules.currency)
    text = e.t(IS_FOR).format(number=due.invoice_number, date=e.f.day(day))
    charges.for_returned_debit(
        tx, due.supply_id, due.collection_id, Charge(RETURNED_DEBIT, Decimal(due.net.amount), text, day), ACTOR
    )
