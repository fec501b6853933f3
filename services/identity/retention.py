"""What identity keeps, how long and why."""

from __future__ import annotations

from services.chassis.retention import Kept, by_itself, for_good
from services.identity.domain.attempts import KNOWN_ORIGIN_FOR
from services.identity.housekeeping import KEEP_REQUESTS, KEEP_SESSIONS


def kept() -> list[Kept]:
    return [
        for_good(
            "audit",
            "the audit log",
            "A chain has no beginning but its first entry; it names nobody but by ids (RGPD art. 5.2 and 32).",
        ),
        for_good("accounts", "accounts", "Until the member closes theirs; never activated ones go with their request."),
        by_itself(
            "mail_requests",
            "registrations and requests for mails with a link",
            "The links have ended by then.",
            KEEP_REQUESTS.days,
        ),
        by_itself("sessions", "sessions", "They end after twelve hours at most.", KEEP_SESSIONS.days),
        by_itself(
            "sign_in_attempts",
            "where an address has signed in from, and counters of attempts",
            "Attacks from elsewhere must not lock the owner out; a counter that is full again says nothing.",
            KNOWN_ORIGIN_FOR.days,
        ),
    ]
