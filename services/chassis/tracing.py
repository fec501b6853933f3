"""Traces over OTLP, when the settings name a collector: one trace from a page through calls, events and jobs.

A span is begun with the trace context that came with the work and gives the one that goes on with it; `context` carries
it in between. Without a collector a span is nothing but that: the ids still lead log lines of one request together, and
no library of traces is loaded. With one, ended spans wait in a bounded queue that a thread empties over OTLP/HTTP; when
it is full they are dropped and counted, and nobody waits. Standard `OTEL_*` variables (headers, sampler, certificate,
attributes of the resource) are understood by the library itself.

Attributes name routes, methods, topics and states; never a person's data.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from services.chassis import context
from services.chassis.telemetry import counter

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Kind = Literal["server", "client", "producer", "consumer", "internal"]
ResultT = TypeVar("ResultT")

MOST_WAITING = 4096
"""Ended spans that wait for the collector at most."""
LAST_SEND_S = 2.0
"""How long a stopping process waits for the collector to take the last spans."""

SPANS = counter(
    "coop_trace_spans_total", "Ended spans: sent, failed (the collector did not take them), dropped", ["outcome"]
)


class Span:
    """What every piece of work has: the trace context to hand on. Of itself it records nothing."""

    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent

    def rename(self, name: str) -> None:
        """Say better what the work is, once it is known."""

    def note(self, **attributes: str | int) -> None:
        """Attributes; a double underscore in a name stands for a dot."""

    def end(self, *, failure: str = "") -> None:
        """The work is over; `failure` says in a word why it failed. Ending twice counts once."""


class _Recorded(Span):
    def __init__(self, span: Any) -> None:
        found = span.get_span_context()
        super().__init__(f"00-{found.trace_id:032x}-{found.span_id:016x}-{int(found.trace_flags):02x}")
        self._span = span
        self._ended = False

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, **attributes: str | int) -> None:
        self._span.set_attributes({name.replace("__", "."): value for name, value in attributes.items()})

    def end(self, *, failure: str = "") -> None:
        if self._ended:
            return
        self._ended = True
        if failure:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_attribute("error.type", failure)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


_provider: TracerProvider | None = None


def configure(service: str, collector: str, version: str = "") -> None:
    """Sends spans to the collector's base address, such as http://collector:4318; an empty one sends nothing.

    Call it in the process that works, after any fork.
    """
    global _provider
    if not collector:
        return
    from services.chassis.otlp import provider

    _provider = provider(service, collector, version, MOST_WAITING, lambda outcome, n: SPANS.labels(outcome).inc(n))


def configured() -> bool:
    return _provider is not None


def shutdown() -> None:
    """Sends what waits, for a moment at most: a collector that is down holds nobody up."""
    global _provider
    if _provider is None:
        return
    last = threading.Thread(target=_provider.shutdown, name="traces-stop", daemon=True)
    _provider = None
    last.start()
    last.join(LAST_SEND_S)


def begin(name: str, kind: Kind, parent: str) -> Span:
    """A span under the trace context `parent`, or of a new trace when that is none."""
    if _provider is None:
        return Span(context.child_traceparent(parent))
    from opentelemetry import trace

    found = context.parse_traceparent(parent)
    around = None
    if found:
        trace_id, span_id, flags = found
        remote = trace.SpanContext(trace_id, span_id, True, trace.TraceFlags(flags))
        around = trace.set_span_in_context(trace.NonRecordingSpan(remote))
    tracer = _provider.get_tracer("acometida")
    return _Recorded(tracer.start_span(name, around, kind=trace.SpanKind[kind.upper()]))


@contextmanager
def ended(span: Span) -> Iterator[Span]:
    """Ends the span with the block, as failed when it raises."""
    try:
        yield span
    except BaseException as error:
        span.end(failure=type(error).__name__)
        raise
    span.end()


def job(name: str, step: Callable[[], ResultT]) -> ResultT:
    """Runs one piece of work that nobody's call or event is behind, as a trace of its own.

    A step that gives False found nothing to do and leaves no span.
    """
    return contextvars.copy_context().run(_step, begin(f"job {name}", "internal", ""), "", step)


def carry_on(name: str, step: Callable[[], ResultT], *, parent: str, request: str, **attributes: str) -> ResultT:
    """Runs what an event left to be done later, under the trace context `parent` that was kept of its handling and with
    the request id of that; of one that kept none, as a trace of its own."""
    span = begin(name, "internal", parent)
    span.note(**attributes)
    return contextvars.copy_context().run(_step, span, request, step)


def _step(span: Span, request: str, step: Callable[[], ResultT]) -> ResultT:
    context.enter(context.caller(), request, span.traceparent)
    try:
        result = step()
    except BaseException as error:
        span.end(failure=type(error).__name__)
        raise
    if result is not False:
        span.end()
    return result
