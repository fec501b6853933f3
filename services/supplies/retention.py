"""What supplies keeps, how long and why."""

from __future__ import annotations

from services.chassis.retention import Kept, by_itself, for_good
from services.supplies.housekeeping import KEEP_ASSOCIATIONS


def kept() -> list[Kept]:
    return [
        for_good(
            "contracts",
            "members, supplies, contracts, meters, invitations",
            "Books and what they rest on are kept six years from their last entry (Código de Comercio, art. 30); nothing of "
            "it goes without the office.",
        ),
        by_itself(
            "associations",
            "requests to see a supply that were settled",
            "What was typed is taken away when they are settled; the rest tells of abuse for a month.",
            KEEP_ASSOCIATIONS.days,
        ),
    ]
