"""The transport against a real SMTP server that answers as told."""

from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from services.chassis.environment import load
from services.local.ports import free_port
from services.notifications.domain.delivery import Hopeless, Trouble
from services.notifications.settings import Settings
from services.notifications.smtp import ServerDown, SmtpTransport
from tests.support.smtp import MailServer, mail_server


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server(free_port()) as running:
        yield running


@pytest.fixture
def transport(server: MailServer) -> Iterator[SmtpTransport]:
    made = SmtpTransport(load(Settings, {"COOP_SMTP_ADDRESS": server.address}))
    yield made
    made.close()


def mail(to: str = "ana@example.org") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "office@example.org", to, "Hola, año"
    made.set_content("Texto\n")
    return made


def test_a_mail_is_taken_and_the_connection_serves_the_next(server: MailServer, transport: SmtpTransport) -> None:
    transport.send(mail())
    transport.send(mail("luis@example.org"))
    assert [str(taken["To"]) for taken in server.mails] == ["ana@example.org", "luis@example.org"]
    assert server.mails[0]["Subject"] == "Hola, año"


def test_a_recipient_refused_for_good_is_hopeless(server: MailServer, transport: SmtpTransport) -> None:
    server.answers["nobody"] = "550 No such user"
    with pytest.raises(Hopeless, match="550 No such user"):
        transport.send(mail("nobody@example.org"))
    transport.send(mail())
    assert len(server.mails) == 1


def test_a_recipient_refused_for_now_is_trouble(server: MailServer, transport: SmtpTransport) -> None:
    server.answers["full"] = "452 Mailbox full"
    with pytest.raises(Trouble, match="452 Mailbox full"):
        transport.send(mail("full@example.org"))


@pytest.mark.parametrize(("answer", "kind"), [("554 Looks like spam", Hopeless), ("451 Try later", Trouble)])
def test_the_content_may_be_refused(
    server: MailServer, transport: SmtpTransport, answer: str, kind: type[Exception]
) -> None:
    server.data_answer = answer
    with pytest.raises(kind, match=answer[:3]):
        transport.send(mail())


def test_nobody_listening_is_the_servers_fault_and_not_the_mails() -> None:
    transport = SmtpTransport(load(Settings, {"COOP_SMTP_ADDRESS": f"127.0.0.1:{free_port()}"}))
    with pytest.raises(ServerDown, match="cannot be used"):
        transport.send(mail())


def test_a_connection_that_went_away_while_idle_is_opened_again() -> None:
    port = free_port()
    transport = SmtpTransport(load(Settings, {"COOP_SMTP_ADDRESS": f"127.0.0.1:{port}"}))
    with mail_server(port) as first:
        transport.send(mail())
        assert len(first.mails) == 1
    with mail_server(port) as second:
        transport.send(mail())
        assert len(second.mails) == 1
    transport.close()
