"""The sending side of traces, loaded only when a collector is named."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

Count = Callable[[str, int], None]
"""`count(outcome, spans)`: sent, failed or dropped."""

BATCH_SPANS = 512
BATCH_EVERY_MS = 1000.0


def provider(service: str, collector: str, version: str, most_waiting: int, count: Count) -> TracerProvider:
    """What makes spans and sends them to `<collector>/v1/traces`."""
    # Each failed attempt would be a line: what is lost is counted, and an alert of its own tells it.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    about = {"service.name": service, "service.namespace": "acometida", "service.version": version}
    made = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{collector.rstrip('/')}/v1/traces", timeout=5)
    made.add_span_processor(_Bounded(exporter, most_waiting, count))
    return made


class _Bounded(BatchSpanProcessor):
    """A batch processor that refuses a span when too many wait, and says so; the library's own would drop an older one."""

    def __init__(self, exporter: SpanExporter, most_waiting: int, count: Count) -> None:
        self._most_waiting = most_waiting
        self._count = count
        self._waiting = 0
        self._lock = threading.Lock()
        counted = _Counted(exporter, self._taken)
        # Room for a batch more than we let in, so that the library's queue itself is never full.
        super().__init__(
            counted,
            max_queue_size=most_waiting + BATCH_SPANS,
            schedule_delay_millis=BATCH_EVERY_MS,
            max_export_batch_size=min(BATCH_SPANS, most_waiting),
        )

    def on_end(self, span: ReadableSpan) -> None:
        if not (span.context and span.context.trace_flags.sampled):
            return
        with self._lock:
            full = self._waiting >= self._most_waiting
            self._waiting += not full
        if full:
            self._count("dropped", 1)
        else:
            super().on_end(span)

    def _taken(self, spans: int, outcome: str) -> None:
        with self._lock:
            self._waiting -= spans
        self._count(outcome, spans)


class _Counted(SpanExporter):
    """Tells what became of each batch."""

    def __init__(self, exporter: SpanExporter, taken: Callable[[int, str], None]) -> None:
        self._exporter = exporter
        self._taken = taken

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        outcome = "failed"
        try:
            result = self._exporter.export(spans)
            outcome = "sent" if result is SpanExportResult.SUCCESS else "failed"
        finally:
            self._taken(len(spans), outcome)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
