"""What notifications is told besides what every service is told: where mail goes and who it is from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from services.chassis.config import ServiceSettings, parse_address, parse_seconds
from services.chassis.environment import setting
from services.chassis.settings_checks import is_loopback

TLS_MODES = ("none", "starttls", "tls")


def _tls(text: str) -> str:
    if text not in TLS_MODES:
        raise ValueError(f"known are {', '.join(TLS_MODES)}")
    return text


def _mail_password(settings: Settings) -> Iterator[str]:
    if bool(settings.smtp_user) != bool(settings.smtp_password):
        missing = "COOP_SMTP_PASSWORD" if settings.smtp_user else "COOP_SMTP_USER"
        yield f"{missing} is not set: a mail server takes a user and a password, or neither."
    host = settings.smtp_address.rpartition(":")[0]
    if settings.smtp_password and settings.smtp_tls == "none" and not is_loopback(host):
        yield f"COOP_SMTP_TLS is none: the password would travel to {host} readable; say starttls or tls."


def _mail_authority(settings: Settings) -> Iterator[str]:
    if settings.smtp_ca and settings.smtp_tls == "none":
        yield f"COOP_SMTP_CA is {settings.smtp_ca!r} and COOP_SMTP_TLS is none: no certificate would be looked at."
    elif settings.smtp_ca and not os.access(settings.smtp_ca, os.R_OK):
        yield f"COOP_SMTP_CA is {settings.smtp_ca!r}, which cannot be read."


@dataclass(frozen=True)
class Settings(ServiceSettings):
    CHECKS: ClassVar = (*ServiceSettings.CHECKS, _mail_password, _mail_authority)

    smtp_address: str = setting("COOP_SMTP_ADDRESS", default="127.0.0.1:8024", parse=parse_address, help="mail server")
    smtp_tls: str = setting("COOP_SMTP_TLS", default="none", parse=_tls, help="none, starttls or tls")
    smtp_user: str = setting("COOP_SMTP_USER", default="", help="empty: the mail server asks for no password")
    smtp_password: str = setting("COOP_SMTP_PASSWORD", default="", help="password of COOP_SMTP_USER", secret=True)
    smtp_ca: str = setting(
        "COOP_SMTP_CA", default="", help="authority of the mail server's certificate; empty: known ones"
    )
    #: Longer than composing and sending one mail can take; a sender that died gives its mail back after it.
    mail_lease_s: float = setting("COOP_MAIL_LEASE_SECONDS", default="60", parse=parse_seconds, help="claim on a mail")
    #: Empty: the profile's address.
    mail_from: str = setting("COOP_MAIL_FROM", default="", help="address that members see as the sender")

    def smtp_password_now(self) -> str:
        """The password as its file says now, where one said it at the start. Raises OSError or ValueError."""
        return self.secret_now("smtp_password")
