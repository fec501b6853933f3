"""The printing press: invoices of a bill run are rendered and signed in processes of their own.

Rendering is pure computation, 20 ms an invoice or so. In the service's own process it would make every call wait for
Python's lock; here it takes what the cores have left, at low priority, and the processes end when there is nothing to print.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from services.billing.documents import render_invoice
from services.billing.documents.model import InvoiceDocument
from services.billing.signing import Seal
from services.chassis.errors import Unavailable

IDLE_S = 20.0
PATIENCE_S = 60.0
#: More readers of one topic than it has partitions would find nothing to read.
MOST_PROCESSES = 4


def processes() -> int:
    """Printing processes that this machine has cores for."""
    return min(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, MOST_PROCESSES
    )


class Press:
    """Rendering processes, started with the first documents and ended ``IDLE_S`` after the last one."""

    def __init__(self, size: int = 1) -> None:
        self._size = size
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()
        self._used_at = 0.0
        self._printing = 0

    def invoice(self, document: InvoiceDocument, language: str, seal: Seal | None = None) -> bytes:
        """The document's PDF. Raises Unavailable when the process died under it: the same call works again."""
        with self._lock:
            if self._pool is None:
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(self._size, mp_context=context, initializer=_settle_in)
            pool = self._pool
            self._printing += 1
        try:
            return pool.submit(render_invoice, document, language, seal).result(PATIENCE_S)
        except BrokenProcessPool as broken:
            self._end(pool)
            raise Unavailable("The printing process ended while it printed: it is started again.") from broken
        finally:
            with self._lock:
                self._printing -= 1
                self._used_at = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Background work of the service: ends the process when it has been idle, and when the service stops."""
        while not stop.wait(IDLE_S / 2):
            with self._lock:
                idle = not self._printing and time.monotonic() - self._used_at > IDLE_S
                # Taken away under the lock: whoever prints next starts a new process instead of meeting a closed one.
                pool, self._pool = (self._pool, None) if idle else (None, self._pool)
            if pool:
                pool.shutdown(wait=False)
        if self._pool:
            self._end(self._pool)

    def _end(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        pool.shutdown(wait=False, cancel_futures=True)


def _settle_in() -> None:
    """In the new process: give way to everybody, and end with the parent even when that is killed."""
    os.nice(10)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
