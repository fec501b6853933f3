"""Errors that every service speaks: a code, a reason for programs and a sentence for people.

Pure: the gRPC edge turns them into ``google.rpc.Status`` and back (``services.chassis.grpc.status``).
The sentence names the offending value and what to do about it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """One field of a request that cannot be accepted."""

    field: str
    description: str


class CoopError(Exception):
    """An expected failure. ``code`` is the gRPC status name, ``reason`` an UPPER_SNAKE word that programs match on."""

    code = "UNKNOWN"
    default_reason = "UNKNOWN"

    def __init__(
        self,
        message: str,
        reason: str = "",
        *,
        violations: list[Violation] | None = None,
        **metadata: str,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.violations = list(violations or [])
        self.metadata = {name: str(value) for name, value in metadata.items()}


class Invalid(CoopError):
    """The request itself is wrong; sending it again changes nothing."""

    code = "INVALID_ARGUMENT"
    default_reason = "INVALID"

    def __init__(
        self,
        message: str,
        reason: str = "",
        *,
        field: str = "",
        violations: list[Violation] | None = None,
        **metadata: str,
    ) -> None:
        found = list(violations or [])
        if field:
            found.append(Violation(field, message))
        super().__init__(message, reason, violations=found, **metadata)


class NotFound(CoopError):
    """No such thing, or not the caller's."""

    code = "NOT_FOUND"
    default_reason = "NOT_FOUND"


class AlreadyExists(CoopError):
    code = "ALREADY_EXISTS"
    default_reason = "ALREADY_EXISTS"


class Refused(CoopError):
    """The request is well formed, but the state of things does not allow it."""

    code = "FAILED_PRECONDITION"
    default_reason = "REFUSED"


class Forbidden(CoopError):
    code = "PERMISSION_DENIED"
    default_reason = "FORBIDDEN"


class Unauthenticated(CoopError):
    code = "UNAUTHENTICATED"
    default_reason = "UNAUTHENTICATED"


class Throttled(CoopError):
    """Too many attempts; metadata ``retry_after_s`` says when to come back."""

    code = "RESOURCE_EXHAUSTED"
    default_reason = "THROTTLED"

    def __init__(self, message: str, reason: str = "", *, retry_after_s: int = 60, **metadata: str) -> None:
        super().__init__(message, reason)
        self.metadata = {**metadata, "retry_after_s": str(retry_after_s)}
        self.retry_after_s = retry_after_s


class StorageFull(CoopError):
    """The disk of a service is full: nothing was kept, and the same call works once there is room."""

    code = "RESOURCE_EXHAUSTED"
    default_reason = "DISK_FULL"


class Conflict(CoopError):
    code = "ABORTED"
    default_reason = "CONFLICT"


class Unavailable(CoopError):
    """Another part is down; the same call may work in a moment."""

    code = "UNAVAILABLE"
    default_reason = "UNAVAILABLE"


class TimedOut(CoopError):
    code = "DEADLINE_EXCEEDED"
    default_reason = "TIMED_OUT"


class Internal(CoopError):
    """A fault of ours on the other side; the request id finds it in the logs."""

    code = "INTERNAL"
    default_reason = "INTERNAL"


BY_CODE: dict[str, type[CoopError]] = {
    kind.code: kind
    for kind in (
        Invalid,
        NotFound,
        AlreadyExists,
        Refused,
        Forbidden,
        Unauthenticated,
        Throttled,
        Conflict,
        Unavailable,
        TimedOut,
        Internal,
    )
}
