"""What stands in the way of a debt-free certificate, what it names, of whose supplies, and whether the ledger agrees later."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal as D
from io import BytesIO
from typing import Any

import pytest
from coop.billing.events.v1.events_pb2 import (
    CertificateIssued,
    CertificateRefused,
    DisputeClosed,
    DisputeOpened,
)
from pypdf import PdfReader
from sqlalchemy import delete, event, insert, select, update

from services.billing.application.certificates import Granted, RefusedCertificate
from services.billing.application.receiving import Incoming, Outgoing, Receiving
from services.billing.domain.certificates import grouped
from services.billing.domain.ledger import RETURNED
from services.billing.repository.ledger import Payment
from services.billing.tables import certificate, instalment, open_item, payment
from services.chassis.context import Principal
from services.chassis.errors import Invalid, NotFound, Refused
from tests.support.billing import STAFF, Office, access, member_message, supply_message

SUPPLY, SECOND = "s00000", "s00001"
ANA = Principal("member", "account-ana")


@pytest.fixture
def ana(office: Office) -> Office:
    """Ana on 21 November: September's invoice paid by direct debit, October's (55.44) due on 23 November."""
    office.add_supplies(1)
    office.tell(access(ANA.id, SUPPLY))
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    september = office.accounts.debt(STAFF, SUPPLY).debt.overdue
    with office.database.write() as tx:
        money = Incoming(SUPPLY, september, "direct_debit", date(2026, 10, 23), "remittance 1", "staff:office")
        Receiving(office.rules).receive(tx, money)
    return office


def ask(office: Office, caller: Principal = ANA, supply: str = SUPPLY, **how: Any) -> Granted | RefusedCertificate:
    return office.certificates.request(office.key(), caller, supply, **how)


def granted(office: Office, **how: Any) -> Any:
    outcome = ask(office, **how)
    assert isinstance(outcome, Granted), outcome
    return outcome.certificate


def refused(office: Office, **how: Any) -> RefusedCertificate:
    outcome = ask(office, **how)
    assert isinstance(outcome, RefusedCertificate), outcome
    return outcome


def words(office: Office, made: Any) -> str:
    pdf = PdfReader(BytesIO(office.documents.certificate(made).content))
    return " ".join(" ".join(page.extract_text().split()) for page in pdf.pages).replace("\N{NO-BREAK SPACE}", " ")


def test_ana_on_the_21st_and_on_the_24th(ana: Office) -> None:
    made = granted(ana)
    assert made.position["variant"] == "not_yet_due"
    text = words(ana, made)
    assert "a 21 de noviembre de 2026, 17:00 horas" in text and "E-2026-000002 23 de noviembre de 2026 55,44" in text
    assert made.position_hash in text and "Válido hasta el 21 de diciembre de 2026" in text
    ana.clock.advance(timedelta(days=3))
    said = refused(ana)
    assert [(item.number, item.outstanding) for item in said.due] == [("E-2026-000002", D("55.44"))]
    (told,) = ana.events(CertificateRefused)
    assert (told.account_id, told.total_due.amount) == (ANA.id, "55.44")
    assert [(one.number, one.due_date) for one in told.due] == [("E-2026-000002", "2026-11-23")]


def test_a_direct_debit_that_comes_back_is_unpaid_from_then_on_and_the_paper_of_before_still_agrees(
    ana: Office,
) -> None:
    made = granted(ana)
    with ana.database.write() as tx:
        paid = Payment(**tx.connection.execute(select(payment)).mappings().one())
        back = date(2026, 11, 20)
        order = Outgoing(paid.id, RETURNED, paid.amount, back, "AM04", "insufficient funds", "staff:office")
        Receiving(ana.rules).give_back(tx, order)
    assert [item.number for item in refused(ana).due] == ["E-2026-000001"]
    checked = ana.positions.check(made.number)
    assert checked.agrees and checked.position.due == ()
    assert [(each.kind, each.day, each.amount) for each in checked.later] == [("payment_returned", back, paid.amount)]


def test_an_invoice_in_dispute_is_named_and_left_out_until_the_dispute_ends(ana: Office) -> None:
    ana.clock.advance(timedelta(days=3))
    key = ana.key()
    opened = ana.disputes.open(key, "staff:office", "E-2026-000002", " The meter was changed ")
    assert ana.disputes.open(key, "staff:office", "E-2026-000002", " The meter was changed ") == opened
    assert (opened.dispute.reason, opened.outstanding) == ("The meter was changed", D("55.44"))
    with pytest.raises(Refused, match="has been in dispute since 2026-11-24"):
        ana.disputes.open(ana.key(), "staff:office", "E-2026-000002", "again")
    made = granted(ana)
    assert made.position["variant"] == "disputed" and made.position["not_yet_due"] == []
    text = words(ana, made)
    assert "Sin deuda vencida, con importes en reclamación" in text
    assert "esta declaración no los incluye" in text and "E-2026-000002 23 de noviembre de 2026 55,44" in text
    closed = ana.disputes.close(ana.key(), "staff:office", "E-2026-000002", "The reading was right")
    assert (closed.dispute.outcome, closed.dispute.closed_by) == ("The reading was right", "staff:office")
    assert [item.number for item in refused(ana).due] == ["E-2026-000002"]
    assert ana.disputes.list(with_closed=False, before="", limit=5) == []
    assert [each.dispute.id for each in ana.disputes.list(with_closed=True, before="", limit=5)] == [opened.dispute.id]
    assert [each.reason for each in ana.events(DisputeOpened)] == ["The meter was changed"]
    (told,) = ana.events(DisputeClosed)
    assert (told.outcome, told.outstanding.amount, told.due_date) == ("The reading was right", "55.44", "2026-11-23")
    ana.clock.advance(timedelta(days=1))
    assert ana.positions.check(made.number).agrees, "what was in dispute then"
    for invoice, error in (("E-2026-000002", "not in dispute"), ("E-1", "There is no invoice 'E-1'")):
        with pytest.raises((Refused, NotFound), match=error):
            ana.disputes.close(ana.key(), "staff:office", invoice, "why")
    with pytest.raises(Refused, match="Nothing of invoice E-2026-000001 is unpaid"):
        ana.disputes.open(ana.key(), "staff:office", "E-2026-000001", "why")
    with pytest.raises(Invalid, match="1 to 500 characters"):
        ana.disputes.open(ana.key(), "staff:office", "E-2026-000002", " ")


def test_a_plan_is_up_to_date_while_no_part_of_it_is_overdue(ana: Office) -> None:
    with ana.database.write() as tx:
        invoice_id = ana.accounts.debt_in(tx.connection, SUPPLY).debt.items[0].invoice_id
        parts = [(date(2026, 11, 23), D("27.72")), (date(2026, 12, 23), D("27.72"))]
        rows = [
            {"invoice_id": invoice_id, "position": n, "due_date": due, "amount": amount}
            for n, (due, amount) in enumerate(parts)
        ]
        tx.connection.execute(insert(instalment), rows)
    ana.clock.advance(timedelta(days=3))
    assert refused(ana).total_due == D("27.72")
    ana.pay("E-2026-000002", "27.72")
    made = granted(ana)
    assert made.position["variant"] == "agreed_plan"
    text = words(ana, made)
    assert "con plan de pagos acordado" in text and "23 de diciembre de 2026 27,72" in text
    assert ana.positions.check(made.code).agrees


def test_of_all_contracts_for_who_sees_them_all(ana: Office) -> None:
    second = supply_message(SECOND, account="2/1", cups="ES0575000000000001AR")
    second.supply.member_id = f"{SUPPLY}-member"
    ana.tell(second)
    with pytest.raises(Refused, match="sees every supply of the holder"):
        ask(ana, all_supplies=True)
    ana.tell(access(ANA.id, SECOND))
    made = granted(ana, all_supplies=True)
    assert made.supply_masked == "****************77HA, ****************01AR"
    text = words(ana, made)
    assert "en ninguno de sus contratos, que se indican todos" in text
    assert "ES0575000000000877HA" in text and "ES0575000000000001AR" in text
    assert [event.all_supplies for event in ana.events(CertificateIssued)] == [True]
    listed = ana.certificates.list(ANA, SECOND, before="", limit=5)
    assert [each.certificate.id for each in listed] == [made.id]
    family = Principal("member", "account-son")
    ana.tell(access(family.id, SECOND))
    assert ana.certificates.list(family, SECOND, before="", limit=5) == []
    with pytest.raises(NotFound):
        ana.certificates.visible(family, made.id)
    # A debt of the second supply stands in the way of the one of all, and of no other.
    ana.pay("E-2026-000002", "55.44")
    ana.bill("2026-08", "2026-11-02")
    numbers = [ana.accounts.debt(STAFF, each).debt.items[-1].number for each in (SUPPLY, SECOND)]
    ana.clock.advance(timedelta(days=3))
    assert [item.number for item in refused(ana, caller=STAFF, all_supplies=True).due] == sorted(numbers)
    ana.pay(numbers[0], str(ana.accounts.debt(STAFF, SUPPLY).debt.overdue))
    assert isinstance(ask(ana), Granted)
    assert [item.number for item in refused(ana, all_supplies=True).due] == numbers[1:]
    assert ana.positions.check(made.id).agrees


def test_who_left_a_supply_with_a_debt_still_answers_for_it(ana: Office) -> None:
    ana.add_supplies(2)
    ana.tell(member_message("new"))
    sold = supply_message(SUPPLY, version=5)
    sold.supply.member_id = "new-member"
    moved = supply_message(SECOND, version=5, account="2/1", cups="ES0575000000000001AR")
    moved.supply.member_id = f"{SUPPLY}-member"
    ana.tell(sold, moved, access(ANA.id, SECOND))
    ana.clock.advance(timedelta(days=3))
    assert [item.number for item in refused(ana, supply=SECOND, all_supplies=True).due] == ["E-2026-000002"]
    assert isinstance(ask(ana, supply=SECOND), Granted), "the new supply itself has no debt"
    ana.pay("E-2026-000002", "55.44")
    made = granted(ana, supply=SECOND, all_supplies=True)
    assert [each["supply_id"] for each in made.position["accounts"]] == [SECOND]


def test_who_takes_a_supply_over_does_not_answer_for_the_debt_of_before(ana: Office) -> None:
    """RD 88/2026, art. 39.2: the obligations of who left do not pass; nor does the successor learn of them."""
    ana.tell(member_message("new"))
    sold = supply_message(SUPPLY, version=5)
    sold.supply.member_id = "new-member"
    ana.tell(sold)
    ana.clock.advance(timedelta(days=3))
    assert ana.accounts.debt(STAFF, SUPPLY).debt.overdue == D("55.44"), "still open, and Ana's"
    made = granted(ana, caller=STAFF)
    assert (made.member_id, made.position["variant"]) == ("new-member", "plain")
    assert "E-2026-000002" not in words(ana, made)
    assert ana.positions.check(made.number).agrees
    with ana.database.write() as tx:
        tx.connection.execute(delete(open_item).where(open_item.c.number == "E-2026-000002"))
    with pytest.raises(Refused, match="ledger and the open invoices"):
        ask(ana, caller=STAFF)


def test_a_certificate_is_checked_against_the_ledger(ana: Office) -> None:
    made = granted(ana)
    typed = grouped(made.code).lower().replace("0", "o").replace("1", "i")
    assert ana.positions.check(typed).certificate.id == made.id, "the office types it as anybody does"
    first = ana.positions.check(made.number)
    assert (first.agrees, first.ledger_hash, first.entries, first.later) == (True, made.position_hash, 3, ())
    ana.pay("E-2026-000002", "55.44")
    again = ana.positions.check(made.code)
    assert again.agrees and [each.kind for each in again.later] == ["payment"]
    forged = {**made.position, "accounts": [{**made.position["accounts"][0], "entries": first_two(made)}]}
    with ana.database.write() as tx:
        tx.connection.execute(update(certificate).where(certificate.c.id == made.id).values(position=forged))
    checked = ana.positions.check(made.number)
    assert not checked.agrees and checked.ledger_hash != made.position_hash
    with pytest.raises(NotFound, match="certificate 'C-1'"):
        ana.positions.check("C-1")


def first_two(made: Any) -> list[str]:
    return list(made.position["accounts"][0]["entries"][:2])


def test_nothing_is_certified_when_the_books_differ(ana: Office) -> None:
    with ana.database.write() as tx:
        tx.connection.execute(delete(open_item).where(open_item.c.number == "E-2026-000002"))
    with pytest.raises(Refused, match="ledger and the open invoices"):
        ask(ana)


def test_a_wrong_code_is_looked_up_with_as_much_work_as_a_right_one(ana: Office) -> None:
    code = granted(ana).code
    asked: list[list[str]] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked[-1].append(statement)

    anybody = Principal("anonymous", client_address="192.0.2.7")
    event.listen(ana.database.engine, "before_cursor_execute", note)
    for typed in ("0000-0000-0000-0001", code, code[:-1] + ("0" if code[-1] != "0" else "2")):
        asked.append([])
        with suppress(NotFound):
            ana.certificates.verify(anybody, typed)
    assert len(asked[1]) > 1 and asked[1] == asked[2]
