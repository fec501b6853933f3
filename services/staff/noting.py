"""A routine that a command has done is noted by those who may: somebody who only looks leaves no note."""

from __future__ import annotations

from services.chassis.errors import Forbidden
from services.staff import routines
from services.staff.office import Office


def noted(office: Office, routine: str) -> None:
    """Notes that a routine was done, unless the role of whoever did it does not let them."""
    try:
        routines.record(office, routine)
    except Forbidden:
        return
