"""A mail server for tests: keeps what it takes, and answers what the test tells it to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class MailServer:
    """`mails` are those that were accepted; `answers` maps part of a recipient's address to the reply it gets."""

    answers: dict[str, str] = field(default_factory=dict)
    mails: list[EmailMessage] = field(default_factory=list)
    #: Reply to every DATA command, instead of taking the mail.
    data_answer: str = ""
    address: str = ""

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        for part, answer in self.answers.items():
            if part in address:
                return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.data_answer:
            return self.data_answer
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 Kept"

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if address in str(mail["To"])]


@contextmanager
def mail_server(port: int) -> Iterator[MailServer]:
    """A server on a loopback port of the caller's choosing (0 is not possible: aiosmtpd calls itself to see it is up)."""
    server = MailServer(address=f"127.0.0.1:{port}")
    controller = Controller(server, hostname="127.0.0.1", port=port, server_hostname="localhost")
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
