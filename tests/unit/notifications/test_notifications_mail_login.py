"""The way into a mail server that asks for TLS and a password, with a certificate of an authority of one's own."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from services.chassis.environment import SettingsError, load
from services.chassis.issuing import issue, new_authority
from services.local.ports import free_port
from services.notifications.settings import Settings
from services.notifications.smtp import ServerDown, SmtpTransport
from tests.support.smtp import MailServer

USER = "oficina@example.org"


@dataclass
class GuardedServer(MailServer):
    """Takes mail from whoever came by STARTTLS and knows the password of the moment."""

    password: str = "first"
    settings: dict[str, str] = field(default_factory=dict)

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, said: Any) -> AuthResult:
        return AuthResult(success=said.password == self.password.encode(), handled=False)


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the server's key and certificate, the authority that vouches for it, and one that does not."""
    folder = tmp_path_factory.mktemp("mail")
    now = datetime.now(UTC)
    ours = new_authority("mail", now)
    made = issue(ours, "mail", ["localhost"], now)
    (folder / "server.pem").write_bytes(made.key + made.certificate)
    (folder / "ca.crt").write_bytes(ours.certificate)
    (folder / "other.crt").write_bytes(new_authority("others", now).certificate)
    return folder


@pytest.fixture
def server(authorities: Path, tmp_path: Path) -> Iterator[GuardedServer]:
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(authorities / "server.pem")
    here = GuardedServer(address=f"localhost:{free_port()}")
    (tmp_path / "password").write_text("first\n")
    here.settings = {
        "COOP_DATA_DIR": str(tmp_path),
        "COOP_SMTP_ADDRESS": here.address,
        "COOP_SMTP_TLS": "starttls",
        "COOP_SMTP_CA": str(authorities / "ca.crt"),
        "COOP_SMTP_USER": USER,
        "COOP_SMTP_PASSWORD_FILE": str(tmp_path / "password"),
    }
    controller = Controller(
        here,
        hostname="127.0.0.1",
        port=int(here.address.rpartition(":")[2]),
        tls_context=secure,
        require_starttls=True,
        authenticator=here.authenticate,
        auth_required=True,
    )
    controller.start()
    try:
        yield here
    finally:
        controller.stop()


def _sent(server: GuardedServer, **changed: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = USER, "ana@example.org", "Hola"
    mail.set_content("Texto\n")
    transport = SmtpTransport(load(Settings, server.settings | changed))
    try:
        transport.send(mail)
    finally:
        transport.close()


def test_a_password_that_was_replaced_in_its_file_is_used_without_a_restart(
    server: GuardedServer, tmp_path: Path
) -> None:
    transport = SmtpTransport(load(Settings, server.settings))
    mail = EmailMessage()
    mail["From"], mail["To"] = USER, "ana@example.org"
    transport.send(mail)
    transport.close()
    server.password = "second"
    with pytest.raises(ServerDown, match=f"refuses the user '{USER}', whose password may be wrong"):
        transport.send(mail)
    (tmp_path / "password").write_text("second\n")
    transport.send(mail)
    transport.close()
    assert len(server.mails) == 2


def test_a_password_file_that_is_gone_is_named_and_costs_no_mail(server: GuardedServer, tmp_path: Path) -> None:
    transport = SmtpTransport(load(Settings, server.settings))
    (tmp_path / "password").unlink()
    with pytest.raises(ServerDown, match=r"cannot be used: .*password"):
        transport.send(EmailMessage())


def test_a_certificate_of_an_authority_that_was_not_named_is_refused(server: GuardedServer, authorities: Path) -> None:
    for authority in ("", str(authorities / "other.crt")):
        with pytest.raises(ServerDown, match="certificate verify failed"):
            _sent(server, COOP_SMTP_CA=authority)
    with pytest.raises(ServerDown, match=r"127\.0\.0\.1"):
        _sent(server, COOP_SMTP_ADDRESS=server.address.replace("localhost", "127.0.0.1"))
    assert not server.mails


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"COOP_SMTP_CA": "/nowhere/ca.crt"}, "COOP_SMTP_CA is '/nowhere/ca.crt', which cannot be read."),
        (
            {"COOP_SMTP_TLS": "none", "COOP_SMTP_ADDRESS": "127.0.0.1:25"},
            "COOP_SMTP_TLS is none: no certificate would be looked at.",
        ),
    ],
)
def test_an_authority_that_cannot_be_used_is_named_at_the_start(
    server: GuardedServer, changed: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(Settings, server.settings | changed)
    assert [one for one in refused.value.problems if one.endswith(sentence)], refused.value.problems
