"""What follows a request through calls, log lines and events: its id, its trace and who acts."""

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass, field

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True)
class Principal:
    """Who calls. ``id`` is the account id of a person or the name of a service; empty for an anonymous caller."""

    kind: str  # "anonymous", "member", "staff" or "service"
    id: str = ""
    session_id: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    #: Address of the person's device as the gateway saw it, otherwise of the peer; used by limits, never logged.
    client_address: str = ""

    @property
    def actor(self) -> str:
        """``kind:id``, as events and audit rows name the caller."""
        return f"{self.kind}:{self.id}" if self.id else self.kind


ANONYMOUS = Principal("anonymous")

_principal: ContextVar[Principal] = ContextVar("principal", default=ANONYMOUS)
_request_id: ContextVar[str] = ContextVar("request_id", default="")
_traceparent: ContextVar[str] = ContextVar("traceparent", default="")


def caller() -> Principal:
    """The caller of the method that is running; anonymous outside a call."""
    return _principal.get()


def request_id() -> str:
    return _request_id.get()


def trace_id() -> str:
    """The trace of the work in hand, 32 hexadecimal digits; empty where no work is in hand."""
    return _traceparent.get()[3:35]


def traceparent() -> str:
    """The W3C trace context of the work in hand; a new trace where nothing came with it."""
    current = _traceparent.get()
    if not current:
        current = new_traceparent()
        _traceparent.set(current)
    return current


def new_traceparent() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def parse_traceparent(text: str) -> tuple[int, int, int] | None:
    """Trace id, span id and flags of a header; None when it is no valid one (W3C Trace Context §3.2)."""
    found = _TRACEPARENT.fullmatch(text)
    if not found:
        return None
    trace, span, flags = (int(part, 16) for part in found.groups())
    return (trace, span, flags) if trace and span else None


def child_traceparent(parent: str) -> str:
    """The same trace with a span of our own; a new trace when ``parent`` is not a valid header (W3C Trace Context §3.2)."""
    found = parse_traceparent(parent)
    return f"00-{found[0]:032x}-{secrets.token_hex(8)}-{found[2]:02x}" if found else new_traceparent()


def enter(principal: Principal, request: str, trace: str) -> None:
    """Sets the context of the current thread's work. Each gRPC call and each event runs in a context of its own."""
    _principal.set(principal)
    _request_id.set(request)
    _traceparent.set(trace)
