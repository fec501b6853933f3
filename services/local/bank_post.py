"""How the sandbox bank tells a shop: from server to server, again and again until somebody takes it."""

from __future__ import annotations

import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

PATIENCE_S = 5.0
#: Pauses before each further try: the browser waits for the first ones, the others go on behind its back.
WAITED_FOR = (0.2, 0.5)
LATER = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class Post:
    """`stop` ends tries that are still to come."""

    def __init__(self) -> None:
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def send(self, url: str, fields: Mapping[str, str]) -> bool:
        """Sends them; whether they were taken by now. If not, a thread goes on trying."""
        if self._delivered(url, fields, WAITED_FOR):
            return True
        threading.Thread(target=self._delivered, args=(url, fields, LATER), name="bank-post", daemon=True).start()
        return False

    def _delivered(self, url: str, fields: Mapping[str, str], pauses: tuple[float, ...]) -> bool:
        body = urllib.parse.urlencode(dict(fields)).encode()
        for pause in (0.0, *pauses):
            if self._stopping.wait(pause):
                return False
            if _taken(url, body):
                return True
        return False


def _taken(url: str, body: bytes) -> bool:
    try:
        with urllib.request.urlopen(url, body, timeout=PATIENCE_S) as answered:
            return bool(answered.status == 200)
    except (urllib.error.URLError, OSError):
        return False
