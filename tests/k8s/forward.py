"""A door into the lab: a port of this machine whose connections go on inside the lab's network.

python3 forward.py PROCESS HOST:PORT [LOCAL_PORT]    # what deploy/lab/forward does, until it is interrupted
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import socket
import sys
import threading
from pathlib import Path
from types import TracebackType

CLONE_NEWNET = 0x40000000
CONNECT_TIMEOUT_S = 5.0
CHUNK = 64 * 1024


def enter_network(process: int) -> None:
    """Moves the calling thread, and it alone, into the network of a process. Raises OSError."""
    handle = os.open(Path("/proc") / str(process) / "ns" / "net", os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"cannot enter the network of process {process}: {os.strerror(number)}")
    finally:
        os.close(handle)


class _Inside:
    """A thread that lives in the lab's network and opens connections there; a socket stays in the network of its birth."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._wanted: queue.Queue[tuple[tuple[str, int], queue.Queue[socket.socket | OSError]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="inside the lab", daemon=True)
        self._thread.start()

    def connect(self, target: tuple[str, int]) -> socket.socket:
        """A connection to an address of the lab. Raises OSError."""
        answer: queue.Queue[socket.socket | OSError] = queue.Queue()
        self._wanted.put((target, answer))
        got = answer.get()
        if isinstance(got, OSError):
            raise got
        return got

    def close(self) -> None:
        self._wanted.put(None)
        self._thread.join()

    def _work(self) -> None:
        refused: OSError | None = None
        try:
            enter_network(self._process)
        except OSError as why:
            refused = why
        while (wanted := self._wanted.get()) is not None:
            target, answer = wanted
            try:
                answer.put(refused or socket.create_connection(target, CONNECT_TIMEOUT_S))
            except OSError as why:
                answer.put(why)


class Forward:
    """Listens on a port of the loopback address, a free one unless told which, from `with` to its end."""

    def __init__(self, target: tuple[str, int], process: int, port: int = 0) -> None:
        self._target = target
        self._inside = _Inside(process)
        self._listener = socket.create_server(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._accept, name="forward", daemon=True)

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def __enter__(self) -> Forward:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self._inside.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:  # the listener was closed: the end
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        """Both ways until both sides have ended. Who cannot be let in sees the connection reset, as without a door."""
        with near:
            try:
                far = self._inside.connect(self._target)
            except OSError:
                return
            with far:
                far.settimeout(None)
                back = threading.Thread(target=_pour, args=(far, near), daemon=True)
                back.start()
                _pour(near, far)
                back.join()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    try:
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:  # one side went away: so does the other
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def main(process: str, target: str, port: str = "0") -> None:
    host, _, number = target.rpartition(":")
    ended = threading.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda *_: ended.set())
    with Forward((host, int(number)), int(process), int(port)) as forward:
        print(f"http://{forward.address} leads to {target} in the lab; Ctrl-C ends it.", flush=True)
        ended.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
