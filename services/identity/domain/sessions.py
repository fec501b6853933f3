"""How long a session lasts.

A member's session ends after 30 minutes without use and 12 hours after sign-in, whichever comes first. A staff session may
rest for 8 hours, because a working day at ``coopctl`` has long pauses, and still ends 12 hours after sign-in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

#: ``last_seen_at`` is written at most this often, so that reading a page costs no write.
TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class SessionTerms:
    idle: timedelta
    absolute: timedelta

    def ends_at(self, created_at: datetime) -> datetime:
        return created_at + self.absolute

    def is_over(self, created_at: datetime, last_seen_at: datetime, now: datetime) -> bool:
        # last_seen_at lags by up to TOUCH_EVERY: the idle time counts from the latest use that may have gone unwritten.
        return now >= self.ends_at(created_at) or now >= last_seen_at + self.idle + TOUCH_EVERY

    def needs_touch(self, last_seen_at: datetime, now: datetime) -> bool:
        return now >= last_seen_at + TOUCH_EVERY


MEMBER_TERMS = SessionTerms(idle=timedelta(minutes=30), absolute=timedelta(hours=12))
STAFF_TERMS = SessionTerms(idle=timedelta(hours=8), absolute=timedelta(hours=12))
TERMS = {"member": MEMBER_TERMS, "staff": STAFF_TERMS}
