"""When a mail is tried again and when it is given up."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum

RETRY_AFTER = (
    timedelta(seconds=2),
    timedelta(seconds=15),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)
"""Pause after each failed attempt; after the last one the mail is given up, 45 hours after the first (RFC 5321 4.5.4.1
asks for "at least 4-5 days" of a relay; ours is the sender, and a link in the mail would be dead by then)."""

MAIL_INVOICES_OF_DAYS = 60
"""An invoice issued longer ago than this gives a notice in the portal and no mail: nobody wants the mails of past years
when an office loads its history."""


WAITED_FOR = ("activation", "password_reset", "association_code", "payment_received")
"""Mails that somebody sits and waits for: a code that ends soon, the word that a card was charged. They overtake the thousands
of a bill run."""


class State(StrEnum):
    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"


class Trouble(Exception):
    """The mail could not be sent this time; another attempt may succeed."""


class Hopeless(Exception):
    """No attempt will succeed: the address is refused, or what the mail speaks of is over."""


def next_attempt(now: datetime, attempts: int) -> datetime | None:
    """When to try again after `attempts` failed ones; None when it is given up."""
    return now + RETRY_AFTER[attempts - 1] if attempts <= len(RETRY_AFTER) else None


def invoice_is_mailed(issued: date, today: date) -> bool:
    """Whether an invoice of this issue date still gets a mail."""
    return (today - issued).days <= MAIL_INVOICES_OF_DAYS
