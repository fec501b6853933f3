"""Card payments: an order for each attempt, and the one thing that says it was paid, the bank's signed notification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.billing.application.access import visible_supply
from services.billing.application.card_terminal import Terminal
from services.billing.application.receiving import Incoming, Receiving
from services.billing.domain.ledger import debt_on
from services.billing.domain.payments.card_orders import (
    AUTHORISED,
    CREATED,
    LIFETIME,
    STATES,
    Scope,
    next_state,
    shown_state,
    to_pay,
)
from services.billing.domain.payments.redsys import (
    Answer,
    Notification,
    Shop,
    answer_of,
    check_against,
    order_number,
    payment_form,
    read_notification,
    read_parameters,
)
from services.billing.repository import cards, invoices, ledger
from services.billing.repository.cards import CardOrder, RefusedNotification
from services.billing.rules import Rules
from services.chassis.attempts import Count, Limit, address_prefix
from services.chassis.context import Principal
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import CoopError, Forbidden, Invalid, NotFound, Refused
from services.chassis.limits import spend
from services.chassis.money import minor_units

METHOD = "card"
RECORDED_BY = "bank:redsys"
#: How often somebody may begin; every attempt is a row for ever.
STARTS = Limit("card_starts", 30, timedelta(minutes=2))
#: Notifications whose signature is wrong. Those of the bank are not counted, so that no flood keeps them out.
UNSIGNED = Limit("card_unsigned", 20, timedelta(minutes=1))
UNSIGNED_OF_ALL = Limit("card_unsigned_of_all", 300, timedelta(seconds=20))
#: Redsys, parameter Ds_Merchant_ConsumerLanguage.
LANGUAGES = {"es": "001", "en": "002", "ca": "003"}
#: What is kept of a refused notification: nothing of the card.
_CLAIMS = (
    "DS_ORDER", "DS_AMOUNT", "DS_CURRENCY", "DS_MERCHANTCODE", "DS_TERMINAL", "DS_TRANSACTIONTYPE", "DS_RESPONSE",
    "DS_AUTHORISATIONCODE", "DS_DATE", "DS_HOUR",
)  # fmt: skip
_LONGEST_CLAIM = 40


@dataclass(frozen=True)
class Found:
    """An order as it stands at an instant: the state people see, what the bank answered (None: nothing yet), numbers."""

    order: CardOrder
    state: str
    answer: Answer | None
    account_number: str
    invoice_number: str


@dataclass(frozen=True)
class Form:
    """What the browser posts to the bank."""

    url: str
    fields: Mapping[str, str]


class CardPayments:
    """`terminal` is None where the cooperative takes no cards; `public_url` is how the bank and the member reach us."""

    def __init__(self, database: Database, rules: Rules, terminal: Terminal | None, public_url: str) -> None:
        self._database = database
        self._rules = rules
        self._terminal = terminal
        self._public_url = public_url.rstrip("/")
        self._receiving = Receiving(rules)

    # -------------------------------------------------------------------------------------------------------- starting
    def start(self, key: RequestKey, payer: Principal, supply_id: str, scope: Scope, invoice: str) -> Found:
        """A new order for what is unpaid of an invoice, past its date, or issued at all. Refused when that is nothing."""
        terminal = self._open_terminal()
        with self._database.write() as tx:
            visible_supply(tx.connection, payer, supply_id)
            number = tx.once(key, lambda: self._order(tx, terminal, payer, supply_id, scope, invoice))
            made = cards.find(tx.connection, number)
            assert made is not None
            return self._found(tx, [made])[0]

    def _order(
        self, tx: Transaction, terminal: Terminal, payer: Principal, supply_id: str, scope: Scope, invoice: str
    ) -> str:
        connection, now = tx.connection, tx.clock.now()
        wait = "There were too many attempts to pay by card: try again in {wait}."
        spend(tx, [Count(STARTS, f"{payer.actor} {supply_id}")], wait)
        named = invoices.find(connection, invoice) if scope == "invoice" else None
        if scope == "invoice" and (named is None or named.supply_id != supply_id):
            raise NotFound(f"There is no invoice {invoice!r} of this supply; look at its list.", "NO_INVOICE")
        today = self._rules.today(now)
        credit = ledger.credit_of(connection, supply_id)
        debt = debt_on(today, ledger.open_items(connection, supply_id, today), credit)
        due = to_pay(debt, scope, named.id if named else "", today)
        sequence = cards.next_sequence(connection)
        made = CardOrder(
            order_number=order_number(sequence),
            sequence=sequence,
            supply_id=supply_id,
            invoice_id=due.invoice_id,
            amount=due.amount,
            currency=terminal.shop.currency,
            merchant_code=terminal.shop.merchant_code,
            terminal=terminal.shop.terminal,
            signature_version=terminal.version,
            state=CREATED,
            payer=payer.actor,
            created_at=now,
        )
        cards.keep(connection, made)
        return made.order_number

    def form(self, found: Found, language: str) -> Form | None:
        """What leads to the bank's page; None once the bank has spoken or the order is given up."""
        order, terminal = found.order, self._terminal
        if found.state != CREATED or terminal is None:
            return None
        shop = Shop(order.merchant_code, order.terminal, terminal.shop.key, order.currency)
        back = f"{self._public_url}/s/{order.supply_id}/pay/{order.order_number}"
        fields = payment_form(
            shop,
            order.order_number,
            self._cents(order),
            f"{self._public_url}/payments/card/notification",
            back,
            back,
            version=terminal.version,
            language=LANGUAGES.get(language, ""),
            description=f"{self._rules.profile.name} {found.invoice_number or found.account_number}",
        )
        return Form(terminal.url, fields)

    # ------------------------------------------------------------------------------------------------------- notifying
    def notify(self, sent: Mapping[str, str], client_address: str) -> Found:
        """What the bank's server says of an order: booked once, however often and in whatever order it comes.

        Raises Invalid or Forbidden for what is not signed with the terminal's key, NotFound for an order that is none, Invalid
        for another amount, currency, merchant, terminal or kind than ours. Each leaves a trace, and nothing is booked.
        """
        terminal = self._open_terminal()
        try:
            said = read_notification(sent, terminal.shop.key)
        except (Invalid, Forbidden) as wrong:
            self._trace_unsigned(sent, wrong, client_address)
            raise
        with self._database.write() as tx:
            order = cards.find(tx.connection, said.order, lock=True)
            problem = self._problem(order, said, sent.get("Ds_SignatureVersion", ""), terminal)
            if order is not None and problem is None:
                return self._found(tx, [self._settle(tx, order, said)])[0]
            assert problem is not None
            self._trace(tx, said.order, problem, signed=True, claims=said.fields)
        raise problem

    def _problem(
        self, order: CardOrder | None, said: Notification, version: str, terminal: Terminal
    ) -> CoopError | None:
        """Why a notification with a good signature is not believed; None when it is."""
        if order is None:
            return NotFound(f"There is no card payment with the order {said.order!r}; nothing was booked.", "NO_ORDER")
        ours = Shop(order.merchant_code, order.terminal, terminal.shop.key, order.currency)
        try:
            check_against(said, ours, order.order_number, self._cents(order))
        except Invalid as wrong:
            return wrong
        if version != order.signature_version:
            return _differs(said, "Ds_SignatureVersion", version, order.signature_version)
        again = order.state == AUTHORISED and said.answer.paid
        if again and said.authorisation != order.authorisation:
            return _differs(said, "Ds_AuthorisationCode", said.authorisation, order.authorisation)
        return None

    def _settle(self, tx: Transaction, order: CardOrder, said: Notification) -> CardOrder:
        """The order after the notification, booked when that is what pays it. The order's row is locked."""
        state = next_state(order.state, said.answer)
        if state == order.state:
            return order  # said before, or a denial that an authorisation has overtaken
        now = tx.clock.now()
        settled = replace(
            order, state=state, settled_at=now, response=said.response, authorisation=said.authorisation[:20]
        )
        if state == AUTHORISED:
            invoice = invoices.find(tx.connection, order.invoice_id) if order.invoice_id else None
            today = self._rules.today(now)
            money = Incoming(
                order.supply_id, order.amount, METHOD, today, order.order_number, RECORDED_BY, invoice=invoice
            )
            settled = replace(settled, payment_id=self._receiving.receive(tx, money).id)
        cards.settle(tx.connection, settled)
        return settled

    def _trace_unsigned(self, sent: Mapping[str, str], wrong: CoopError, client_address: str) -> None:
        """Writes down what nobody signed. Raises Throttled, and writes nothing, for an address that sends many."""
        try:
            claims: Mapping[str, str] = read_parameters(sent.get("Ds_MerchantParameters", ""))
        except Invalid:
            claims = {}
        with self._database.write() as tx:
            counts = [Count(UNSIGNED, address_prefix(client_address)), Count(UNSIGNED_OF_ALL, "")]
            spend(tx, counts, "There were too many notifications with a wrong signature: try again in {wait}.")
            self._trace(tx, claims.get("DS_ORDER", ""), wrong, signed=False, claims=claims)

    def _trace(self, tx: Transaction, order: str, wrong: CoopError, *, signed: bool, claims: Mapping[str, str]) -> None:
        kept = {name: claims[name][:_LONGEST_CLAIM] for name in _CLAIMS if name in claims}
        refused = RefusedNotification(
            0, tx.clock.now(), order[:12], wrong.reason[:40], wrong.message, signed=signed, claims=kept
        )
        cards.keep_refused(tx.connection, refused)

    # --------------------------------------------------------------------------------------------------------- looking
    def get(self, caller: Principal, supply_id: str, number: str) -> Found:
        with self._database.read() as connection:
            visible_supply(connection, caller, supply_id)
            order = cards.find(connection, number)
            if order is None or order.supply_id != supply_id:
                raise NotFound("There is no such card payment of this supply; look at its statement.", "NO_ORDER")
            return self._found_in(connection, [order], self._database.clock.now())[0]

    def of_office(self, number: str) -> Found:
        """Any order by its number, for the office."""
        with self._database.read() as connection:
            order = cards.find(connection, number.strip())
            if order is None:
                raise NotFound(f"There is no card payment {number!r}; look at 'payments card list'.", "NO_ORDER")
            return self._found_in(connection, [order], self._database.clock.now())[0]

    def orders(self, state: str, supply: str, before: int, limit: int) -> Sequence[Found]:
        if state and state not in STATES:
            raise Invalid(f"The state {state!r} is not known; use one of {', '.join(STATES)}.", field="state")
        now = self._database.clock.now()
        with self._database.read() as connection:
            orders = cards.orders(connection, state, supply, now - LIFETIME, before, limit)
            return self._found_in(connection, orders, now)

    def refused(self, order: str, before: int, limit: int) -> Sequence[RefusedNotification]:
        with self._database.read() as connection:
            return cards.refused(connection, order, before, limit)

    def _found(self, tx: Transaction, orders: Sequence[CardOrder]) -> list[Found]:
        return self._found_in(tx.connection, orders, tx.clock.now())

    def _found_in(self, connection: Connection, orders: Sequence[CardOrder], now: datetime) -> list[Found]:
        accounts = cards.account_numbers(connection, {order.supply_id for order in orders})
        numbers = ledger.numbers_of(connection, {order.invoice_id for order in orders if order.invoice_id})
        return [
            Found(
                order,
                shown_state(order.state, order.created_at, now),
                answer_of(order.response) if order.response else None,
                accounts.get(order.supply_id, ""),
                numbers.get(order.invoice_id or "", ""),
            )
            for order in orders
        ]

    def _open_terminal(self) -> Terminal:
        if self._terminal is None:
            raise Refused("This cooperative takes no cards; pay as the invoice says.", "NO_CARD_PAYMENTS")
        return self._terminal

    def _cents(self, order: CardOrder) -> int:
        return int(order.amount.scaleb(minor_units(self._rules.currency)))


def _differs(said: Notification, field: str, theirs: str, ours: str) -> Invalid:
    return Invalid(
        f"The notification for order {said.order} says {field} {theirs[:40]!r} and we know {ours!r}; nothing was booked: "
        "look at the payment at the bank.",
        "NOTIFICATION_DIFFERS",
        field=field,
    )
