"""Which HTTP status an expected failure of a service becomes."""

from __future__ import annotations

from services.chassis.errors import CoopError, StorageFull

_STATUS = {
    "INVALID_ARGUMENT": 422,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "FAILED_PRECONDITION": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 503,
}


def status_of(error: CoopError) -> int:
    """The status of an error; a fault that nobody expected is 500."""
    if isinstance(error, StorageFull):
        return 507
    return _STATUS.get(error.code, 500)
