"""Reminders as members are told: with what is owed when the mail is written, and to whose debt it is alone."""

from __future__ import annotations

import pytest
from coop.billing.events.v1 import events_pb2 as billing_events
from coop.common.v1.types_pb2 import Money
from coop.notifications.v1 import notifications_service_pb2 as pb
from coop.supplies.events.v1 import events_pb2 as supplies_events

from tests.support.notifications import ANA, MEMBER, SUPPLY, Running, eventually, parts
from tests.support.smtp import MailServer


def issued(**changes: object) -> billing_events.ReminderIssued:
    values = {
        "reminder_id": "reminder-1",
        "supply_id": SUPPLY,
        "member_id": MEMBER,
        "account_number": "5555/1",
        "step": "first",
        "number": 1,
        "debts": [
            billing_events.DueInvoice(
                number="E2026-000001",
                due_date="2026-10-22",
                outstanding=Money(amount="99.99", currency_code="EUR"),
            )
        ],
        "total": Money(amount="99.99", currency_code="EUR"),
        "credit": Money(amount="0.00", currency_code="EUR"),
        "pay_until": "2026-12-01",
        "cut_off_months": 4,
        "protected_until": "2027-01-01",
    }
    return billing_events.ReminderIssued(**{**values, **changes})


def tell(running: Running, **changes: object) -> None:
    running.tell("coop.billing.invoice.v1", SUPPLY, issued(**changes))


def test_the_mail_says_what_is_owed_when_it_is_written(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    tell(running)
    eventually(lambda: mailbox.mails)
    (mail,) = mailbox.mails
    assert mail["To"] == "ana@example.org" and mail["Subject"] == "Reminder: €55.44 of supply 5555/1"
    text = parts(mail)[0]
    assert "- E2026-000001, due 22 October 2026: €55.44" in text and "99.99" not in text
    assert f"{running.settings.public_url}/s/{SUPPLY}/invoices" in text and "ES91 2100" in text
    assert "900 000 575" in text and "cut off before 1 January 2027" in text and "If you do not agree" in text
    (notice,) = running.as_member(ANA).ListMyNotices(pb.ListMyNoticesRequest()).notices
    assert notice.title == "Payment reminder: €99.99"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_office_is_told_whom_no_mail_reached(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    nobody = supplies_events.MemberChanged(member_id="member-2", name="Luis", email="", language="es", version=1)
    running.tell("coop.supplies.member.v1", "member-2", nobody)
    mailbox.answers["ana@"] = "550 No such user here"
    for event_id, changes in (
        ("reached-nobody", {"member_id": "member-2", "former_holder": True}),
        ("given-up", {}),
        ("mailed", {"former_holder": True}),
    ):
        running.tell("coop.billing.invoice.v1", SUPPLY, issued(**changes), event_id)
    asked = ["mailed", "never-heard-of", "given-up", "reached-nobody"]

    def told() -> list[str]:
        answer = running.as_staff().GetMailsOfEvents(pb.GetMailsOfEventsRequest(event_ids=asked))
        assert [each.event_id for each in answer.mails] == asked
        return [each.state for each in answer.mails]

    eventually(lambda: told() == ["sent", "unknown", "failed", "none"])


def test_what_was_paid_meanwhile_is_not_asked_for(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    running.others.owed = []
    tell(running)
    eventually(lambda: [row.state for row in running.rows()] == ["failed"])
    assert running.rows()[0].last_error.startswith("REMINDER_SETTLED")
    assert mailbox.mails == []


def test_a_former_holders_debt_is_no_business_of_the_readers(running: Running, mailbox: MailServer) -> None:
    running.introduce()
    before = supplies_events.MemberChanged(
        member_id="before", name="Luis", email="luis@example.org", language="es", version=1
    )
    running.tell("coop.supplies.member.v1", "before", before)
    tell(running, member_id="before", former_holder=True, cut_off_months=0, protected_until="", number=3, proof=True)
    eventually(lambda: mailbox.mails)
    (mail,) = mailbox.mails
    assert mail["To"] == "luis@example.org" and mail["Subject"].startswith("Requerimiento de pago: 55,44")
    text = parts(mail)[0]
    assert "/s/" not in text and "suspenda" not in text and "deja constancia" in text
    assert list(running.as_member(ANA).ListMyNotices(pb.ListMyNoticesRequest()).notices) == []


def test_the_office_is_told_of_a_proposed_bill_run(running: Running, mailbox: MailServer) -> None:
    proposed = billing_events.BillRunProposed(
        proposal_id="proposal-1",
        period="2026-10",
        contracts=300,
        would_invoice=298,
        total=Money(amount="16521.12", currency_code="EUR"),
        held=[billing_events.HeldContracts(reason="MISSING_READINGS", contracts=2)],
    )
    running.tell("coop.billing.invoice.v1", "2026-10", proposed)
    eventually(lambda: mailbox.mails)
    (mail,) = mailbox.mails
    assert mail["To"] == "oficina@vallesol.example" and "298 facturas, 16.521,12" in mail["Subject"]
    assert (
        "Retenidos, MISSING_READINGS: 2" in parts(mail)[0] and "bill run --period 2026-10 --dry-run" in parts(mail)[0]
    )
