"""Password hashing: argon2id with OWASP's memory-first parameters, a bounded number at a time."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import Type

from services.chassis.errors import Throttled

MEMORY_KIB = 46 * 1024
_WAIT_S = 4.0


class Hasher:
    """Hashes and checks passwords. Memory use is ``slots`` times 46 MiB; whoever finds no slot in four seconds is asked to wait.

    ``slots`` 0 means one per core this process may use.
    """

    def __init__(self, slots: int = 0) -> None:
        self._argon2 = PasswordHasher(time_cost=1, memory_cost=MEMORY_KIB, parallelism=1, type=Type.ID)
        self._slots = threading.BoundedSemaphore(slots or len(os.sched_getaffinity(0)))
        # Unknown accounts are checked against this, so that they cost what known ones cost.
        self._nobody = self._argon2.hash(os.urandom(16).hex())

    def hash(self, password: str) -> str:
        with self._slot():
            return self._argon2.hash(password)

    def verify(self, kept: str | None, password: str) -> bool:
        """True when ``password`` is the one ``kept`` was made from. With no kept hash: the same work, and False."""
        with self._slot():
            try:
                self._argon2.verify(kept or self._nobody, password)
            except VerifyMismatchError:
                return False
        return kept is not None

    def is_outdated(self, kept: str) -> bool:
        """True when ``kept`` was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(kept)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=_WAIT_S):
            raise Throttled(
                "Many people are signing in at this moment: try again in a few seconds.", "BUSY", retry_after_s=5
            )
        try:
            yield
        finally:
            self._slots.release()
