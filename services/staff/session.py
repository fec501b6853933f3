"""The session of whoever uses coopctl: kept in a file that only they can read, turned into short-lived tokens per call."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from services.chassis.clock import Clock, SystemClock
from services.chassis.errors import Refused, Unauthenticated

NOT_SIGNED_IN = "Nobody is signed in: run 'coopctl login' first."
RENEW_BEFORE = timedelta(seconds=15)


@dataclass(frozen=True)
class Session:
    """What sign-in gave. The token is a secret: whoever has it acts as this person."""

    email: str
    name: str
    token: str
    expires_at: str


class SessionFile:
    """The one session on this machine, `session.json` in the configuration folder, mode 0600."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "session.json"

    def load(self) -> Session:
        """The session, or Unauthenticated with what to do."""
        try:
            return Session(**json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise Unauthenticated(NOT_SIGNED_IN) from None
        except (ValueError, TypeError):
            raise Unauthenticated(f"{self.path} cannot be read as a session: run 'coopctl login' again.") from None

    def save(self, session: Session) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A temporary file is made with mode 0600; renaming it never leaves a half-written session behind.
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".session-")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(session), file)
            os.replace(name, self.path)
        except OSError as wrong:
            raise Refused(f"The session cannot be kept in {self.path.parent}: {wrong.strerror}.") from wrong

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


class AccessTokens:
    """The `authorization` header of each call: a 60-second token, issued anew shortly before it ends."""

    def __init__(self, issue: Callable[[], tuple[str, datetime]], clock: Clock | None = None) -> None:
        self._issue = issue
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._current: tuple[str, datetime] | None = None

    def headers(self) -> dict[str, str]:
        with self._lock:
            if self._current is None or self._clock.now() > self._current[1] - RENEW_BEFORE:
                self._current = self._issue()
            return {"authorization": f"Bearer {self._current[0]}"}
