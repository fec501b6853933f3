"""Loopback ports for servers that must be told theirs before they start."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

#: Below those that the kernel gives to outgoing connections and to who asks for any port (from 32768 on Linux): one of these
#: is not taken by chance between being chosen and being listened on, nor while its server is being started again.
SINGLE = range(11_000, 14_000)

_held: list[IO[str]] = []


class NoPortFree(Exception):
    """Every port of the range is in use; the message says which."""


def free_port() -> int:
    """A port that nobody listens on, and that no process of this user is given again as long as this one lives."""
    return free_ports(SINGLE)


def free_ports(bases: Sequence[int], count: int = 1) -> int:
    """One of ``bases`` from which ``count`` ports are free to listen on; kept for this process as by ``free_port``.

    Raises NoPortFree.
    """
    for base in random.sample(bases, len(bases)):
        if _hold(base):
            if all(_is_free(port) for port in range(base, base + count)):
                return base
            _held.pop().close()
    raise NoPortFree(f"No port is free between {min(bases)} and {max(bases) + count - 1}: stop what listens there.")


def _hold(port: int) -> bool:
    """Whether the port is ours from now on: a lock on a file of its name, which ends with the process."""
    folder = Path(tempfile.gettempdir()) / f"acometida-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    file = (folder / str(port)).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _held.append(file)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Ends of closed connections may linger on a port that is free to listen on.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
