"""Card payments: an attempt is settled by the bank's signed notification alone, and booked once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from coop.billing.events.v1.events_pb2 import PaymentReceived
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from services.billing.application.card_terminal import Terminal
from services.billing.application.cards import UNSIGNED, CardPayments, Found
from services.billing.application.receiving import Outgoing, Receiving
from services.billing.domain.ledger import RETURNED
from services.billing.domain.payments.redsys import SHA256, encode_parameters, read_parameters, sign
from services.billing.tables import ledger_posting, payment
from services.chassis import migrations
from services.chassis.clock import FixedClock
from services.chassis.context import Principal
from services.chassis.db import Database, RequestKey
from services.chassis.errors import Conflict, Forbidden, Invalid, NotFound, Refused, Throttled
from tests.support.billing import NOW, Office, access, in_threads
from tests.support.cards import KEY, TERMINAL, bank_says

ROOT = Path(__file__).resolve().parents[3]
SUPPLY = "s00000"
ANA = Principal("member", "account-ana")
BANK = "198.51.100.7"


class Shopfront:
    """Card payments of one supply with September (overdue) and October (55.44, not yet due)."""

    def __init__(self, office: Office, terminal: Terminal | None = TERMINAL) -> None:
        self.office = office
        self.cards = CardPayments(office.database, office.rules, terminal, "https://coop.example")

    def start(self, scope: Any = "all", invoice: str = "", payer: Principal = ANA) -> Found:
        return self.cards.start(self.office.key(), payer, SUPPLY, scope, invoice)

    def form(self, found: Found) -> dict[str, str]:
        form = self.cards.form(found, "es")
        assert form is not None and form.url == TERMINAL.url
        return dict(form.fields)

    def says(self, found: Found, response: str = "0000", **changes: str) -> dict[str, str]:
        return bank_says(self.form(found), KEY, response, **changes)

    def notify(self, sent: dict[str, str], address: str = BANK) -> Found:
        return self.cards.notify(sent, address)

    def state(self, found: Found) -> str:
        return self.cards.get(ANA, SUPPLY, found.order.order_number).state

    def payments(self) -> list[tuple[str, D, str]]:
        query = select(payment.c.reference, payment.c.amount, payment.c.method).order_by(payment.c.recorded_at)
        with self.office.database.read() as connection:
            books = connection.execute(select(func.sum(ledger_posting.c.amount))).scalar_one()
            assert books == 0
            return [tuple(row) for row in connection.execute(query)]

    def debt(self):
        return self.office.accounts.debt(ANA, SUPPLY).debt


def billed(office: Office) -> Shopfront:
    office.add_supplies(1)
    office.tell(access("account-ana", SUPPLY))
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    return Shopfront(office)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with two months billed, for each test to copy: making one takes longer than any of them."""
    folder: Path = tmp_path_factory.mktemp("cards")
    with _open(folder / "billing.db") as database:
        migrations.upgrade(database, "billing")
        billed(Office(database, folder))
    return folder / "billing.db"


@contextmanager
def _open(file: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{file}", service="billing", clock=FixedClock(NOW))
    yield database
    database.close()


@pytest.fixture
def shop(made_once: Path, tmp_path: Path) -> Iterator[Shopfront]:
    copy = Path(shutil.copy(made_once, tmp_path))
    with _open(copy) as database:
        yield Shopfront(Office(database, tmp_path))


def test_paid_by_the_notification_alone(shop: Shopfront) -> None:
    owed = shop.debt().overdue + D("55.44")
    found = shop.start()
    assert (found.state, found.order.amount, found.order.payer) == ("created", owed, "member:account-ana")
    asked = read_parameters(shop.form(found)["Ds_MerchantParameters"])
    assert asked["DS_MERCHANT_AMOUNT"] == str(int(owed * 100))
    assert asked["DS_MERCHANT_MERCHANTURL"] == "https://coop.example/payments/card/notification"
    assert asked["DS_MERCHANT_URLOK"] == f"https://coop.example/s/{SUPPLY}/pay/{found.order.order_number}"
    assert shop.payments() == []
    said = shop.notify(shop.says(found))
    assert (said.state, said.order.response, said.order.authorisation) == ("authorised", "0000", "123456")
    assert shop.payments() == [(found.order.order_number, owed, "card")]
    assert shop.debt().items == ()
    (told,) = shop.office.events(PaymentReceived)
    assert (told.method, told.amount.amount) == ("card", str(owed))
    # Once it is settled there is no form that leads to the bank again.
    assert shop.cards.form(shop.cards.get(ANA, SUPPLY, found.order.order_number), "es") is None


def test_what_is_asked_for_comes_from_the_account(shop: Shopfront) -> None:
    overdue = shop.debt().overdue
    one = shop.start("invoice", "E-2026-000002")
    assert (one.order.amount, one.invoice_number, one.account_number) == (D("55.44"), "E-2026-000002", "1/1")
    late = shop.start("overdue")
    assert (late.order.amount, late.invoice_number) == (overdue, "E-2026-000001")
    assert shop.start("all").invoice_number == ""
    numbers = {each.order.order_number for each in shop.cards.orders("", SUPPLY, 0, 10)}
    assert len(numbers) == 3
    shop.notify(shop.says(late))
    with pytest.raises(Refused, match="Nothing is past its date"):
        shop.start("overdue")
    with pytest.raises(Refused, match="The invoice is paid"):
        shop.start("invoice", "E-2026-000001")
    shop.notify(shop.says(one))
    with pytest.raises(Refused, match="Every invoice is paid"):
        shop.start("all")


def test_only_ones_own_supply_and_its_invoices(shop: Shopfront) -> None:
    stranger = Principal("member", "account-luis")
    found = shop.start()
    for number in (found.order.order_number, "000900000000"):
        with pytest.raises(NotFound, match="no supply 's00000' among yours"):
            shop.cards.get(stranger, SUPPLY, number)
    with pytest.raises(NotFound, match="no supply 's00000' among yours"):
        shop.start(payer=stranger)
    shop.office.tell(access("account-luis", "s00001"))
    with pytest.raises(NotFound, match="There is no invoice 'E-2026-000009' of this supply"):
        shop.start("invoice", "E-2026-000009")
    with pytest.raises(NotFound, match="no such card payment of this supply"):
        shop.cards.get(ANA, SUPPLY, "000900000000")


def test_a_repeated_start_is_one_attempt_and_a_new_one_another(shop: Shopfront) -> None:
    key = shop.office.key()
    first = shop.cards.start(key, ANA, SUPPLY, "all", "")
    assert shop.cards.start(key, ANA, SUPPLY, "all", "").order == first.order
    assert shop.start().order.order_number != first.order.order_number
    with pytest.raises(Conflict):
        shop.cards.start(RequestKey(key.scope, key.request_id, "another"), ANA, SUPPLY, "all", "")


def test_fifty_at_once(office: Office) -> None:
    """On both databases: an attempt sent fifty times is one order, others have their own, and fifty notifications of one
    are one payment.
    """
    shop = billed(office)
    made: list[Found] = []
    key = office.key()
    in_threads(50, lambda _: made.append(shop.cards.start(key, ANA, SUPPLY, "all", "")))
    assert len({each.order.order_number for each in made}) == 1
    in_threads(10, lambda _: made.append(shop.start()))
    assert len({each.order.order_number for each in made}) == 11
    sent = shop.says(made[0])
    answers: list[str] = []
    in_threads(50, lambda _: answers.append(shop.notify(dict(sent)).state))
    assert answers == ["authorised"] * 50
    assert len(shop.payments()) == 1
    assert len(shop.office.events(PaymentReceived)) == 1
    assert shop.notify(shop.says(made[-1], "0190")).state == "denied"
    assert [each.state for each in shop.cards.orders("denied", SUPPLY, 0, 10)] == ["denied"]


def test_a_late_authorisation_of_what_was_paid_meanwhile_is_credit(shop: Shopfront) -> None:
    found = shop.start("invoice", "E-2026-000002")
    sent = shop.says(found)
    for item in shop.debt().items:
        shop.office.pay(item.number, str(item.outstanding))
    shop.office.clock.advance(timedelta(days=2))
    assert shop.state(found) == "expired"
    assert shop.cards.form(shop.cards.get(ANA, SUPPLY, found.order.order_number), "es") is None
    assert shop.notify(sent).state == "authorised"
    assert (shop.debt().items, shop.debt().credit) == ((), D("55.44"))


def test_a_denied_attempt_may_be_authorised_and_never_the_other_way(shop: Shopfront) -> None:
    found = shop.start()
    denied, paid = shop.says(found, "0190"), shop.says(found)
    said = shop.notify(denied)
    assert (said.state, said.answer and said.answer.reason) == ("denied", "refused_by_bank")
    assert shop.payments() == []
    assert shop.notify(paid).state == "authorised"
    assert shop.notify(denied).state == "authorised"
    assert len(shop.payments()) == 1


def test_no_other_answer_books_anything(shop: Shopfront) -> None:
    for response in ("0101", "0129", "0180", "0184", "0190", "0202", "0400", "0900", "0913", "9915"):
        assert shop.notify(shop.says(shop.start(), response)).state == "denied", response
    assert shop.payments() == []


def test_a_signed_notification_of_something_else_is_refused_with_a_trace(shop: Shopfront) -> None:
    found = shop.start()
    others = {
        "Ds_Amount": "1",
        "Ds_Currency": "840",
        "Ds_Terminal": "2",
        "Ds_MerchantCode": "999008882",
        "Ds_TransactionType": "3",
    }
    for field, value in others.items():
        with pytest.raises(Invalid, match=f"{field} '{value}'"):
            shop.notify(shop.says(found, **{field: value}))
    assert (shop.payments(), shop.state(found)) == ([], "created")
    kept = shop.cards.refused(found.order.order_number, 0, 10)
    assert [each.reason for each in kept] == ["NOTIFICATION_DIFFERS"] * 5
    assert all(each.signed and "DS_CARD_NUMBER" not in each.claims for each in kept)
    assert kept[-1].claims["DS_AMOUNT"] == "1" and "Ds_Amount '1'" in kept[-1].why
    # What was really asked for is still taken.
    assert shop.notify(shop.says(found)).state == "authorised"


def test_an_order_that_is_none_of_ours_and_a_second_authorisation(shop: Shopfront) -> None:
    found = shop.start()
    with pytest.raises(NotFound, match="no card payment with the order '999900000000'"):
        shop.notify(shop.says(found, Ds_Order="999900000000"))
    sent = shop.says(found)
    again = shop.says(found, Ds_AuthorisationCode="654321")
    shop.notify(sent)
    with pytest.raises(Invalid, match="Ds_AuthorisationCode '654321' and we know '123456'"):
        shop.notify(again)
    assert len(shop.payments()) == 1
    assert [each.reason for each in shop.cards.refused("", 0, 10)] == ["NOTIFICATION_DIFFERS", "NO_ORDER"]


def test_a_wrong_signature_is_refused_with_a_trace_and_a_flood_is_not_written_down(shop: Shopfront) -> None:
    found = shop.start()
    sent = shop.says(found)
    forged = {**sent, "Ds_Signature": shop.says(found, Ds_Amount="1")["Ds_Signature"]}
    for _ in range(UNSIGNED.burst):
        with pytest.raises(Forbidden, match="The signature of the notification"):
            shop.notify(forged, "203.0.113.9")
    with pytest.raises(Throttled, match="too many notifications with a wrong signature"):
        shop.notify(forged, "203.0.113.9")
    kept = shop.cards.refused(found.order.order_number, 0, 100)
    assert len(kept) == UNSIGNED.burst and not any(each.signed for each in kept)
    for broken in ({}, {**sent, "Ds_MerchantParameters": "%%%"}, {**sent, "Ds_SignatureVersion": "HMAC_MD5"}):
        with pytest.raises(Invalid):
            shop.notify(broken)
    # The flood keeps nobody out who has the key.
    assert shop.notify(sent, "203.0.113.9").state == "authorised"


def test_another_signature_version_than_asked_for_is_refused(shop: Shopfront) -> None:
    found = shop.start()
    text = shop.says(found)["Ds_MerchantParameters"]
    parameters = encode_parameters(SHA256, str(read_parameters(text)).replace("'", '"'))
    older = {
        "Ds_SignatureVersion": SHA256,
        "Ds_MerchantParameters": parameters,
        "Ds_Signature": sign(SHA256, KEY, found.order.order_number, parameters),
    }
    with pytest.raises(Invalid, match="Ds_SignatureVersion"):
        shop.notify(older)
    assert shop.payments() == []


def test_nothing_is_half_booked_when_the_process_is_killed_before_the_commit(shop: Shopfront) -> None:
    """The payment is in the books and the order settled, or neither: the bank sends its notification again."""
    found = shop.start()
    sent = shop.says(found)
    url = str(shop.office.database.url)
    command = [sys.executable, "-m", "tests.integration.billing.card_program", url, json.dumps(sent)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'gen'}"}
    killed = subprocess.run(command, cwd=ROOT, env=environment, timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (shop.payments(), shop.state(found), shop.office.events(PaymentReceived)) == ([], "created", [])
    assert shop.notify(sent).state == "authorised"
    assert len(shop.payments()) == 1


def test_without_a_terminal_no_cards_are_taken(shop: Shopfront) -> None:
    without = Shopfront(shop.office, None)
    with pytest.raises(Refused, match="takes no cards"):
        without.start()
    with pytest.raises(Refused, match="takes no cards"):
        without.notify({})


def test_the_office_lists_by_state(shop: Shopfront) -> None:
    old = shop.start()
    shop.office.clock.advance(timedelta(hours=2))
    paid, denied, waiting = shop.start(), shop.start("overdue"), shop.start("overdue")
    shop.notify(shop.says(denied, "0190"))
    shop.notify(shop.says(paid))
    found = {
        state: [each.order.order_number for each in shop.cards.orders(state, "", 0, 10)]
        for state in ("created", "authorised", "denied", "expired")
    }
    wanted = {"created": waiting, "authorised": paid, "denied": denied, "expired": old}
    assert found == {state: [each.order.order_number] for state, each in wanted.items()}
    whole = [each.order.order_number for each in shop.cards.orders("", "", 0, 10)]
    after = shop.cards.orders("", "", shop.cards.of_office(whole[1]).order.sequence, 10)
    assert [each.order.order_number for each in after] == whole[2:]
    with pytest.raises(Invalid, match="'paid' is not known"):
        shop.cards.orders("paid", "", 0, 10)
    with pytest.raises(NotFound, match="no card payment 'x'"):
        shop.cards.of_office("x")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(responses=st.lists(st.sampled_from(["0000", "0099", "0190", "9915", "0184"]), min_size=1, max_size=6))
def test_whatever_comes_in_whatever_order_and_however_often_is_one_effect(
    shop: Shopfront, responses: list[str]
) -> None:
    shop.office.clock.advance(timedelta(hours=3))
    before = len(shop.payments())
    found = shop.start()
    form = shop.form(found)
    for response in responses:
        shop.notify(bank_says(form, KEY, response, Ds_AuthorisationCode="123456"))
    paid = any(response <= "0099" for response in responses)
    assert shop.state(found) == ("authorised" if paid else "denied")
    assert len(shop.payments()) == before + paid
    if paid:
        give_back(shop, found)


def give_back(shop: Shopfront, found: Found) -> None:
    """What it paid is open again."""
    order = shop.cards.of_office(found.order.order_number).order
    assert order.payment_id is not None
    day = shop.office.rules.today(shop.office.clock.now())
    with shop.office.database.write() as tx:
        back = Outgoing(order.payment_id, RETURNED, order.amount, day, "", "for the next example", "staff:office")
        Receiving(shop.office.rules).give_back(tx, back)
