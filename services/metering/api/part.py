"""What the parts of the servicer have in common."""

from __future__ import annotations

from services.chassis.db import Database
from services.chassis.profile import Profile


class Part:
    """One theme of the servicer; MeteringApi (grpc_api.py) is all of them and fills these in."""

    _database: Database
    _profile: Profile
    _time_zone: str
    """IANA name of the cooperative's one time zone."""
