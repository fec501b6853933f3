"""Who gets the mail of something that happened to a supply."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

HOLDER = "holder"
LINK, ATTACHED = "link", "attached"


@dataclass(frozen=True)
class Account:
    """An account that may read a supply; `delivery` is how it wants its invoices."""

    account_id: str
    email: str
    name: str
    language: str
    relation: str
    delivery: str = LINK


@dataclass(frozen=True)
class Contact:
    """The holder as the office has them on file."""

    email: str
    name: str
    language: str


@dataclass(frozen=True)
class Recipient:
    email: str
    name: str
    language: str
    delivery: str


def of_invoice(accounts: Iterable[Account], on_file: Contact | None) -> list[Recipient]:
    """The holder's own accounts, whose addresses are proven; without any, the contact on file.

    Family accounts get the notice in the portal only. Somebody without an account could not open a link, so the contact
    on file gets the invoice itself. An address gets one mail, however it is written.
    """
    chosen: dict[str, Recipient] = {}
    for account in accounts:
        if account.relation == HOLDER:
            recipient = Recipient(account.email, account.name, account.language, account.delivery)
            chosen.setdefault(account.email.casefold(), recipient)
    if not chosen and on_file and on_file.email:
        return [Recipient(on_file.email, on_file.name, on_file.language, ATTACHED)]
    return list(chosen.values())


def masked(email: str) -> str:
    """`a***@example.org`: enough for the office to tell two mails apart."""
    local, at, domain = email.rpartition("@")
    return f"{local[:1]}***{at}{domain}" if at else "***"
