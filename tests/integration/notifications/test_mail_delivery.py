"""A mail is sent once, whatever the mail server or the service do meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime

from coop.notifications.v1 import notifications_service_pb2 as pb
from sqlalchemy import update

from services.notifications import tables
from services.notifications.domain.delivery import State
from tests.support.notifications import (
    ANA,
    SUPPLY,
    Running,
    activation,
    eventually,
    invoice,
    parts,
)
from tests.support.smtp import MailServer, mail_server


def test_activation_reaches_the_mailbox_with_a_fresh_link(running: Running, mailbox: MailServer) -> None:
    running.tell("coop.identity.account.v1", ANA, activation())
    eventually(lambda: mailbox.mails)
    (mail,) = mailbox.mails
    text, html = parts(mail)
    link = f"{running.settings.public_url}/activate?token=token-{ANA}-1"
    assert link in text and link in html
    assert mail["To"] == "ana@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "Hello Ana" in text
    # No secret is kept: neither in the database nor in what the event log carries.
    assert "token-" not in str(running.rows()[0].data)


def test_one_event_gives_one_mail_however_often_it_is_told(running: Running, mailbox: MailServer) -> None:
    event_id = running.tell("coop.identity.account.v1", ANA, activation())
    eventually(lambda: mailbox.mails)
    running.tell("coop.identity.account.v1", ANA, activation(), event_id)
    running.tell("coop.identity.account.v1", "other", activation("other@example.org"))
    eventually(lambda: mailbox.to("other@example.org"))
    assert len(mailbox.to("ana@example.org")) == 1


def test_a_mail_waits_for_a_mail_server_that_is_down(running: Running) -> None:
    running.tell("coop.identity.account.v1", ANA, activation())
    eventually(lambda: [row for row in running.rows() if row.last_error])
    with mail_server(running.smtp_port) as server:
        eventually(lambda: server.mails)
        eventually(lambda: running.rows()[0].state == State.DELIVERED)
    # Waiting for the server is no failed attempt of the mail.
    assert running.rows()[0].attempts == 1


def test_a_mail_that_somebody_waits_for_overtakes_a_bill_run(running: Running) -> None:
    running.introduce()
    today = datetime.now(UTC).date()
    for number in range(30):
        running.tell("coop.billing.invoice.v1", SUPPLY, invoice(today, f"E2026-{number:06d}"))
    running.tell("coop.identity.account.v1", ANA, activation())
    eventually(lambda: len(running.rows()) == 31)
    with mail_server(running.smtp_port) as server:
        eventually(lambda: len(server.mails) == 31)
    # The mail in hand when it came is finished first.
    assert any("/activate?token=" in parts(mail)[0] for mail in server.mails[:2])


def test_an_address_refused_for_good_fails_and_holds_nobody_up(running: Running, mailbox: MailServer) -> None:
    mailbox.answers["nobody"] = "550 No such user here"
    running.tell("coop.identity.account.v1", ANA, activation("nobody@example.org"))
    running.tell("coop.identity.account.v1", ANA, activation("ana@example.org"))
    eventually(lambda: mailbox.mails)
    eventually(lambda: {row.state for row in running.rows()} == {State.FAILED, State.DELIVERED})
    listed = running.as_staff().ListMessages(pb.ListMessagesRequest(state="failed")).messages
    assert [(found.to_masked, found.last_error) for found in listed] == [
        ("n***@example.org", "The mail server answered 550 No such user here")
    ]


def test_a_mail_whose_reason_is_over_is_not_sent(running: Running, mailbox: MailServer) -> None:
    running.others.over = True
    running.tell("coop.identity.account.v1", ANA, activation())
    eventually(lambda: [row for row in running.rows() if row.state == State.FAILED])
    assert "active already" in running.rows()[0].last_error
    assert mailbox.mails == []


def test_a_crash_after_the_server_took_it_repeats_the_same_message_id(running: Running, mailbox: MailServer) -> None:
    running.tell("coop.identity.account.v1", ANA, activation())
    eventually(lambda: running.rows() and running.rows()[0].state == State.DELIVERED)
    # What the database says after a kill between the server's 250 and our own note of it, the lease being over.
    with running.process.kit.database.write() as tx:
        lost = {"state": State.QUEUED, "attempts": 0, "delivered_at": None, "next_attempt_at": datetime.now(UTC)}
        tx.execute(update(tables.message).values(**lost))
    running.restart()
    eventually(lambda: len(mailbox.mails) == 2)
    assert mailbox.mails[0]["Message-ID"] == mailbox.mails[1]["Message-ID"]
