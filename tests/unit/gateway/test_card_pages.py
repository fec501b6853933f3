"""Paying by card in the portal: what is chosen, the way to the bank, what is said afterwards, and the bank's own message."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest
from coop.billing.v1 import billing_pb2, billing_service_pb2
from coop.billing.v1 import card_service_pb2 as pb

from services.chassis.errors import Refused, Unavailable
from services.gateway.compose.card_payments import ALL, NEXT, OVERDUE, choices
from services.gateway.compose.invoices import DebtView, OpenItemView
from services.gateway.compose.money import Money
from services.gateway.headers import CONTENT_SECURITY_POLICY
from tests.unit.gateway.conftest import Portal, settings_for, token_of
from tests.unit.gateway.fakes.cards import BANK, ORDER
from tests.unit.gateway.fakes.world import OTHER_SUPPLY
from tests.unit.gateway.test_pages import text

PAGE = "/s/sup-1/pay"
RESULT = f"{PAGE}/{ORDER}"
NOTIFICATION = "/payments/card/notification"
SENT = {"Ds_SignatureVersion": "HMAC_SHA512_V2", "Ds_MerchantParameters": "eyJhIjoxfQ", "Ds_Signature": "c2lnbmVk"}


def sent(portal: Portal, kind: type) -> list[Any]:
    return [each for each in portal.world.requests if isinstance(each, kind)]


def item(invoice: str, due: date, amount: str) -> OpenItemView:
    return OpenItemView(invoice, invoice.upper(), due, Money(D(amount), "EUR"))


def debt(*items: OpenItemView) -> DebtView:
    late = sum((each.outstanding.amount for each in items if each.due < date(2026, 11, 21)), D(0))
    zero = Money(D(0), "EUR")
    return DebtView(Money(late, "EUR"), zero, zero, items)


def test_what_can_be_chosen() -> None:
    today = date(2026, 11, 21)
    august, september = item("a", date(2026, 9, 22), "40.00"), item("s", date(2026, 10, 22), "49.24")
    october = item("o", date(2026, 11, 23), "55.44")
    assert choices(debt(), today) == []
    assert [each.key for each in choices(debt(october), today)] == ["o"]
    found = choices(debt(august, september, october), today)
    assert [(each.key, each.amount.amount, each.invoices) for each in found] == [
        (OVERDUE, D("89.24"), 2),
        (ALL, D("144.68"), 3),
        ("a", D("40.00"), 1),
        ("s", D("49.24"), 1),
        ("o", D("55.44"), 1),
    ]
    # All of it is past its date: that is everything. One of two is: it is that invoice.
    assert [each.key for each in choices(debt(august, september), today)] == [OVERDUE, "a", "s"]
    assert [each.key for each in choices(debt(september, october), today)] == [ALL, "s", "o"]
    # An invoice in two parts is one invoice, due on its first; what is late of it may be paid alone.
    parts = choices(debt(item("p", date(2026, 11, 1), "10.00"), item("p", date(2026, 12, 1), "10.00")), today)
    assert [(each.key, each.amount.amount, each.due) for each in parts] == [
        (OVERDUE, D("10.00"), None),
        ("p", D("20.00"), date(2026, 11, 1)),
    ]
    # The next instalment of two invoices, with all that falls due by its day.
    plan = [item("a", date(2026, 12, 10), "30.00"), item("a", date(2027, 1, 11), "10.00")]
    plan += [item("b", date(2027, 1, 11), "20.00"), item("b", date(2027, 2, 10), "30.00")]
    assert [(each.key, each.amount.amount, each.due) for each in choices(debt(*plan), today)] == [
        (NEXT, D("30.00"), date(2026, 12, 10)),
        (ALL, D("90.00"), None),
        ("a", D("40.00"), date(2026, 12, 10)),
        ("b", D("50.00"), date(2027, 1, 11)),
    ]
    late = date(2026, 12, 20)
    assert choices(debt(*plan), late)[0].amount.amount == D("60.00") and choices(debt(*plan), late)[0].key == NEXT


def test_from_the_invoice_to_the_bank(portal: Portal) -> None:
    """The browser says which invoice; the amount is never among what it sends."""
    home = portal.member.get("/s/sup-1/").text
    assert f'href="{PAGE}?what=inv-123"' in home
    page = portal.member.get(f"{PAGE}?what=inv-123").text
    assert "55,44 €" in text(page) and "Factura E-2026-000123" in text(page)
    names = set(re.findall(r'<(?:input|button)[^>]* name="(\w+)"', page.split("<main")[1].split("</main")[0]))
    assert names == {"csrf_token", "request_id", "what"}
    hidden = page.split('name="request_id" value="')[1].split('"')[0]
    data = {"csrf_token": token_of(page), "request_id": hidden, "what": "inv-123", "amount": "0.01"}
    for _ in range(2):
        answer = portal.member.post(PAGE, data=data)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{RESULT}/bank")
    first, again = sent(portal, pb.StartCardPaymentRequest)
    assert first == again
    assert (first.scope, first.invoice_id, first.request_id) == (pb.CARD_PAYMENT_SCOPE_INVOICE, "inv-123", hidden)
    way = portal.member.get(f"{RESULT}/bank")
    assert f'<form method="post" action="{BANK}/sis/realizarPago">' in way.text
    assert all(f'name="{name}"' in way.text for name in SENT)
    assert "Pagar 55,44 € con tarjeta" in text(way.text) and "no cobra a nadie" in text(way.text)


def test_only_the_page_that_leads_to_the_bank_may_post_there(portal: Portal) -> None:
    policy = portal.member.get(f"{RESULT}/bank").headers["Content-Security-Policy"]
    assert policy == CONTENT_SECURITY_POLICY.replace("form-action 'self'", f"form-action 'self' {BANK}")
    for path in (PAGE, RESULT, "/s/sup-1/"):
        assert portal.member.get(path).headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


def test_several_invoices_are_a_choice(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [
        billing_pb2.OpenItem(invoice_id=key, invoice_number=key.upper(), due_date=due, outstanding=amount)
        for key, due, amount in (
            ("a", "2026-09-22", billing_pb2.Invoice().total.__class__(amount="40.00", currency_code="EUR")),
            ("s", "2026-10-22", billing_pb2.Invoice().total.__class__(amount="49.24", currency_code="EUR")),
        )
    ]
    from tests.unit.gateway.fakes.records import Billing

    monkeypatch.setattr(Billing, "_due", lambda self: both)
    portal.world.overdue = True
    page = portal.member.get(f"{PAGE}?what=s").text
    assert page.count('type="radio"') == 3 and 'value="s" checked' in page
    assert "Lo que ya ha vencido" in text(page)
    answer = portal.member.post(PAGE, data={"csrf_token": token_of(page), "what": ""})
    assert answer.status_code == 422 and "Elige qué quieres pagar" in text(answer.text)
    portal.member.post(PAGE, data={"csrf_token": token_of(page), "what": "overdue"})
    (begun,) = sent(portal, pb.StartCardPaymentRequest)
    assert (begun.scope, begun.invoice_id) == (pb.CARD_PAYMENT_SCOPE_OVERDUE, "")
    assert begun.request_id


@pytest.mark.parametrize(
    ("state", "reason", "retry", "words", "link"),
    [
        ("created", "", False, "Esperamos al banco", "Volver a mirar"),
        ("authorised", "authorised", False, "Hemos recibido tu pago", "Extracto de cuenta"),
        ("denied", "card_expired", True, "La tarjeta ha caducado. No se ha cobrado nada.", "Intentarlo otra vez"),
        ("denied", "card_lost_or_stolen", False, "no lo ha permitido. No se ha cobrado", "Pagar con otra tarjeta"),
        ("expired", "", False, "El banco no nos ha dicho nada", "Intentarlo otra vez"),
    ],
)
def test_the_result_is_what_our_record_says(
    portal: Portal, state: str, reason: str, retry: bool, words: str, link: str
) -> None:
    """Whatever comes along with the browser from the bank changes nothing of it."""
    if state != "created":
        portal.fakes.cards.settle(state, reason, retry)
    for path in (RESULT, f"{RESULT}?Ds_MerchantParameters=eyJEc19SZXNwb25zZSI6IjAwMDAifQ&Ds_Signature=x"):
        said = text(portal.member.get(path).text)
        assert words in said and link in said
    assert "Ds_" not in portal.member.get(RESULT).text


def test_an_answered_attempt_leads_to_no_bank(portal: Portal) -> None:
    portal.fakes.cards.settle("authorised", "authorised")
    answer = portal.member.get(f"{RESULT}/bank")
    assert (answer.status_code, answer.headers["Location"]) == (303, RESULT)


def test_other_peoples_payments_are_not_found(portal: Portal) -> None:
    token = token_of(portal.member.get(PAGE).text)
    other = PAGE.replace("sup-1", OTHER_SUPPLY)
    assert portal.member.get(other).status_code == 404
    assert portal.member.post(other, data={"csrf_token": token, "what": "inv-123"}).status_code == 404
    for path in (f"{other}/{ORDER}", f"{other}/{ORDER}/bank", f"{PAGE}/000900000000"):
        assert portal.member.get(path).status_code == 404


def test_what_billing_refuses_is_said(portal: Portal) -> None:
    page = portal.member.get(PAGE).text
    data = {"csrf_token": token_of(page), "what": "inv-123"}
    portal.world.failing["StartCardPayment"] = Refused("It is paid.", "NOTHING_TO_PAY")
    answer = portal.member.post(PAGE, data=data)
    assert answer.status_code == 409 and "ya está pagado" in text(answer.text)
    portal.world.failing["GetDebtState"] = Unavailable("Down.")
    assert portal.member.get(PAGE).status_code == 200


def test_the_banks_message_is_handed_on_and_taken_only_when_it_was_processed(portal: Portal) -> None:
    """Without session and form token; 200 is what stops the bank from telling again."""
    taken = portal.visitor.post(NOTIFICATION, data=SENT)
    assert (taken.status_code, taken.text) == (200, "OK\n")
    (told,) = sent(portal, pb.NotifyCardPaymentRequest)
    assert (told.signature_version, told.parameters, told.signature) == tuple(SENT.values())
    refused = portal.visitor.post(NOTIFICATION, data={**SENT, "Ds_Signature": "Zm9yZ2Vk"})
    assert (refused.status_code, refused.text) == (403, "SIGNATURE\n")
    portal.world.failing["NotifyCardPayment"] = Unavailable("Down.")
    assert portal.visitor.post(NOTIFICATION, data=SENT).status_code == 503
    assert portal.visitor.get(NOTIFICATION).status_code == 405
    assert portal.visitor.post(NOTIFICATION, data={**SENT, "Ds_Padding": "x" * 9000}).status_code == 413
    assert len(sent(portal, pb.NotifyCardPaymentRequest)) == 3


def test_where_no_cards_are_taken_there_is_no_button(portal: Portal, tmp_path: Any) -> None:
    from services.gateway.app import create_app

    app = create_app(settings_for(tmp_path, portal.fakes.addresses, "demo-ar"), clock=portal.world.clock)
    member = app.test_client()
    member.set_cookie("coop-session", "good-token")
    portal.world.overdue = True
    for path in ("/s/sup-1/", "/s/sup-1/invoices", "/s/sup-1/invoices/inv-123"):
        assert "/pay" not in member.get(path).text
    assert member.get(PAGE).status_code == 404
    app.extensions["coop.upstream"].close()


def test_the_refused_certificate_offers_to_pay(portal: Portal) -> None:
    portal.world.overdue = True
    page = portal.member.get("/s/sup-1/certificates").text
    refused = portal.member.post("/s/sup-1/certificates", data={"csrf_token": token_of(page)})
    assert f'href="{PAGE}?what=overdue"' in refused.text and "Pagar 49,24 € con tarjeta" in text(refused.text)
    assert billing_service_pb2.RequestCertificateRequest in {type(each) for each in portal.world.requests}
