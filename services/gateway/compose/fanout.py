"""One page, one fan-out: every call leaves at once, all share one deadline, and each part stands or falls alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc

from services.chassis.errors import CoopError, Internal, NotFound, TimedOut, Unavailable
from services.chassis.grpc.status import from_rpc
from services.chassis.telemetry import logger

ValueT = TypeVar("ValueT")

NOT_KNOWN_HERE = "SUPPLY_NOT_FOUND"
"""The reason with which metering and billing answer for a supply that they do not know as the reader's."""
ARRIVAL_LOOK_S = 0.1

PAGE_BUDGET_S = 2.5
"""Seconds a page waits for its parts; what has not come by then is shown as missing."""


@dataclass(frozen=True)
class Part(Generic[ValueT]):
    """What a part of a page got: its value, or the error that took its place."""

    value: ValueT | None = None
    error: CoopError | None = None

    @property
    def ok(self) -> bool:
        return self.error is None

    def get(self) -> ValueT:
        """The value of a part the page cannot do without. Raises its error."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]


class Asked(Generic[ValueT]):
    """A call on its way."""

    def __init__(
        self, call: Callable[[float], Any], until: float, read: Callable[[Any], ValueT], arrives: Callable[[], bool]
    ) -> None:
        self._call = call
        self._until = until
        self._read = read
        self._arrives = arrives
        self._part: Part[ValueT] | None = None
        self._future = call(self._left())

    def _left(self) -> float:
        return max(0.05, self._until - time.monotonic())

    def part(self) -> Part[ValueT]:
        """The answer or the error, waiting for it no longer than the page's deadline."""
        if self._part is None:
            self._part = self._wait()
            pause = threading.Event()
            while self._on_its_way(self._part) and not pause.wait(ARRIVAL_LOOK_S):
                self._future = self._call(self._left())
                self._part = self._wait()
        return self._part

    def _on_its_way(self, part: Part[ValueT]) -> bool:
        """Whether a service does not know yet, and may within this page's time, what the reader was just given."""
        unknown = isinstance(part.error, NotFound) and part.error.reason == NOT_KNOWN_HERE
        return unknown and time.monotonic() + ARRIVAL_LOOK_S < self._until and self._arrives()

    def get(self) -> ValueT:
        """The answer. Raises CoopError."""
        return self.part().get()

    def _wait(self) -> Part[ValueT]:
        try:
            answer = self._future.result(timeout=max(0.0, self._until - time.monotonic()) + 0.25)
        except grpc.FutureTimeoutError:
            self._future.cancel()
            return Part(error=TimedOut("The answer did not come in time: try again in a moment."))
        except grpc.FutureCancelledError:
            return Part(error=Unavailable("The call was cancelled: try again in a moment."))
        except grpc.RpcError as failed:
            return Part(error=from_rpc(failed))
        try:
            return Part(value=self._read(answer))
        except (ValueError, KeyError) as wrong:
            # Another service answered something this page cannot show: the part fails, the log says why.
            logger().error("answer_not_understood", kind=type(answer).__name__, exc_info=wrong)
            return Part(error=Internal("The answer could not be shown."))


class Fanout:
    """The calls of one page. `metadata` says on whose behalf they are made."""

    def __init__(self, metadata: tuple[tuple[str, str], ...], budget_s: float = PAGE_BUDGET_S) -> None:
        self._metadata = metadata
        self._until = time.monotonic() + budget_s
        #: Whether the page's supply is the reader's although a service does not know it: access travels by an event, and
        #: a page opened right after an association may be faster than the event.
        self.arrives: Callable[[], bool] = lambda: False

    def ask(self, method: Any, request: Any, read: Callable[[Any], ValueT]) -> Asked[ValueT]:
        """Start a unary call of a stub now; `read` turns its answer into what the page shows."""

        def call(timeout_s: float) -> Any:
            return method.future(request, timeout=timeout_s, metadata=self._metadata)

        return Asked(call, self._until, read, lambda: self.arrives())
