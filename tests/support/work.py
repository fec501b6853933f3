"""What a call makes its server do: counted, where comparing times would compare what else the machine does, too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event

from tests.support.service_under_test import ServiceUnderTest

HANDLERS = "grpc"
"""How the names of the threads begin in which calls are answered; a service's own work has threads of other names."""


@contextmanager
def work_of_calls(service: ServiceUnderTest) -> Iterator[list[str]]:
    """The statements that calls send to the database while the block lasts, and their password hashes, in order."""
    done: list[str] = []

    def note(step: str) -> None:
        if threading.current_thread().name.startswith(HANDLERS):
            done.append(step)

    def execute(_connection: Any, _cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool) -> None:
        note(statement)

    def told(name: str) -> Any:
        original = getattr(PasswordHasher, name)

        def noting(*arguments: Any) -> Any:
            note(f"argon2 {name}")
            return original(*arguments)

        return noting

    engine = service.process.kit.database.engine
    event.listen(engine, "before_cursor_execute", execute)
    try:
        with pytest.MonkeyPatch.context() as patched:
            for name in ("hash", "verify"):
                patched.setattr(PasswordHasher, name, told(name))
            yield done
    finally:
        event.remove(engine, "before_cursor_execute", execute)
