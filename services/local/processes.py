"""Child processes of the local runner: started, watched, started anew when they die, drained in order."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
#: A child that dies sooner than this after its start is not started again at once.
_STEADY_S = 5.0
_MAX_BACKOFF_S = 10.0


def _die_with_parent() -> None:
    """Linux: the child gets SIGTERM when the runner vanishes, even by SIGKILL. Elsewhere the child outlives it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One process of ours: how it is started and how it does."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    failures: int = 0
    start_again_at: float = 0.0
    _said: bool = field(default=False, repr=False)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the runner alone, which then stops the others in order
                preexec_fn=_die_with_parent,
            )
        self.log.with_suffix(".pid").write_text(f"{self.process.pid}\n")
        self.started_at = time.monotonic()
        self.start_again_at = 0.0

    @property
    def exit_code(self) -> int | None:
        return None if self.process is None else self.process.poll()

    def last_words(self) -> str:
        """The last lines of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.strip().splitlines()[-8:])


class Children:
    """All of them, in the order they were added."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.all: list[Child] = []

    def add(self, child: Child) -> Child:
        self.all.append(child)
        child.start()
        return child

    def watch(self) -> None:
        """Starts again what has died, at once the first time and later with growing patience."""
        now = time.monotonic()
        for child in self.all:
            if child.exit_code is None:
                continue
            if not child.start_again_at:
                steady = now - child.started_at > _STEADY_S
                child.failures = 0 if steady else child.failures + 1
                wait = 0.0 if steady else min(_MAX_BACKOFF_S, 0.5 * 2**child.failures)
                child.start_again_at = now + wait
                self._say(f"{child.name} ended (exit code {child.exit_code}); starting it again. Its log: {child.log}")
            if now >= child.start_again_at:
                child.start()

    def stop(self, patience_s: float = 15.0) -> None:
        """The last one started first: SIGTERM, time to drain, then SIGKILL for whoever did not listen."""
        for child in reversed(self.all):
            if child.process and child.exit_code is None:
                child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + patience_s
        for child in reversed(self.all):
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{child.name} did not stop in {patience_s:.0f} s: ending it.")
                os.kill(child.process.pid, signal.SIGKILL)
                child.process.wait()
