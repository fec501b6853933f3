"""A way to a server that tests open and shut: what lies behind it is there, not there yet, gone, or silent."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.local.ports import free_port


class Doorway:
    """A loopback port that leads to another one while it is open; shut, nothing listens and no connection is left."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._listener: socket.socket | None = None
        self._ends: list[socket.socket] = []
        self._lock = threading.Lock()
        self.port = free_port()

    def open(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(50)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            ends, self._ends = self._ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return  # it was shut
            server = socket.create_connection(("127.0.0.1", self._behind))
            with self._lock:
                self._ends += [caller, server]
            for source, target in ((caller, server), (server, caller)):
                threading.Thread(target=_carry, args=(source, target), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other end closed, or the doorway did
        while content := source.recv(65536):
            target.sendall(content)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def doorway(behind: int) -> Iterator[Doorway]:
    """Shut at first."""
    made = Doorway(behind)
    try:
        yield made
    finally:
        made.shut()


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word, as a server behind a broken network does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield int(listener.getsockname()[1])
