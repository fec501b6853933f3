"""Pays, refunds and returns on one account for ever, until it is killed: URL FOLDER."""

from __future__ import annotations

import itertools
import sys
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

from services.billing.application.accounts import PaymentOrder
from services.billing.application.receiving import Outgoing, Receiving
from services.billing.application.refunds import Refunds
from services.billing.domain.ledger import RETURNED
from services.chassis.clock import FixedClock
from services.chassis.db import Database, RequestKey, Transaction
from tests.support.billing import NOW, Office


def _give_back(tx: Transaction, receiving: Receiving, back: Outgoing) -> str:
    return receiving.give_back(tx, back).id


def main() -> None:
    url, folder = sys.argv[1:]
    office = Office(Database(url, service="billing", clock=FixedClock(NOW)), Path(folder))
    receiving = Receiving(office.rules)
    desk = Refunds(office.database, office.rules)
    for number in itertools.count():
        order = PaymentOrder("", "60.00", "EUR", "card", "", "", "s00000")
        paid = office.accounts.record_payment(RequestKey("pay", str(number), "x"), "staff:ana", order).payment
        desk.request(RequestKey("refund", str(number), "x"), "staff:ana", paid.id, Decimal(10), "EUR", "paid twice")
        with office.database.write() as tx:
            back = Outgoing(paid.id, RETURNED, Decimal(50), date(2026, 11, 21), "AM04", "", "staff:ana")
            tx.once(RequestKey("return", str(number), "x"), partial(_give_back, tx, receiving, back))
        print(number, flush=True)


main()
