"""What the use cases share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from services.chassis.clock import Clock, local_date
from services.chassis.db import Database
from services.supplies.domain.invitations import InvitationRules
from services.supplies.domain.jurisdictions import Jurisdiction


@dataclass(frozen=True)
class Core:
    """``policy`` is the cooperative's association policy, "direct" or "confirm"; ``invitations`` None: it gives none."""

    database: Database
    clock: Clock
    country: Jurisdiction
    tz: ZoneInfo
    languages: tuple[str, ...]
    default_language: str
    policy: str
    #: Called after a request was left for the worker.
    wake_worker: Callable[[], None]
    invitations: InvitationRules | None = None

    def today(self) -> date:
        """The cooperative's local day."""
        return local_date(self.clock.now(), self.tz)
