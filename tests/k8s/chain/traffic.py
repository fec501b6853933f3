"""Members who keep looking at their pages while something happens to the cluster."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

MISSING_PART = "We cannot show this right now"
"""What a page says, in English, in place of a part that did not come in time."""


@dataclass(frozen=True)
class Seen:
    """One request: when it began and how long it took, in seconds; `problem` is "" when the page came whole."""

    at: float
    seconds: float
    path: str
    problem: str
    partial: bool


@dataclass
class Traffic:
    """What the members saw."""

    seen: list[Seen] = field(default_factory=list)

    @property
    def failures(self) -> list[Seen]:
        return [one for one in self.seen if one.problem]

    @property
    def partial(self) -> list[Seen]:
        return [one for one in self.seen if one.partial]

    def slowest(self) -> float:
        return max(one.seconds for one in self.seen)

    def percentile(self, part: float) -> float:
        """Seconds within which this part of the requests was answered."""
        ordered = sorted(one.seconds for one in self.seen)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]

    def summary(self) -> str:
        problems = Counter(one.problem for one in self.failures)
        return (
            f"{len(self.seen)} requests, {len(self.failures)} failed {dict(problems) or ''}, {len(self.partial)} partial, "
            f"p50 {self.percentile(0.5):.2f} s, p99 {self.percentile(0.99):.2f} s, slowest {self.slowest():.2f} s"
        )


@contextmanager
def traffic(base_url: str, session: str, paths: Sequence[str], members: int = 3) -> Iterator[Traffic]:
    """Members with open browsers until the block ends; half of them open a new connection for each page."""
    stop = threading.Event()
    result = Traffic()
    browsers = [
        threading.Thread(target=_look, args=(base_url, session, paths[place:] + paths[:place], place % 2, stop, result))
        for place in range(members)
    ]
    for browser in browsers:
        browser.start()
    try:
        yield result
    finally:
        stop.set()
        for browser in browsers:
            browser.join()


class _Browser:
    """Pages over one connection, kept open where the server keeps it."""

    def __init__(self, base_url: str, headers: dict[str, str]) -> None:
        self._address = urllib.parse.urlsplit(base_url).netloc
        self._headers = headers
        self._connection: http.client.HTTPConnection | None = None

    def get(self, path: str) -> tuple[int, str]:
        """Status and text. A server may close a kept connection between two requests, and a browser then asks again on a
        new one (RFC 9112, section 9.3.1); what fails on a new connection has failed."""
        while True:
            kept = self._connection is not None
            connection = self._connection or http.client.HTTPConnection(self._address, timeout=20)
            try:
                connection.request("GET", path, headers=self._headers)
                answer = connection.getresponse()
                text = answer.read().decode("utf-8", "replace")
            except (ConnectionError, http.client.HTTPException):
                connection.close()
                self._connection = None
                if not kept:
                    raise
            else:
                self._connection = connection if connection.sock is not None else None
                return answer.status, text

    def close(self) -> None:
        if self._connection:
            self._connection.close()


def _look(
    base_url: str, session: str, paths: Sequence[str], keep_open: int, stop: threading.Event, result: Traffic
) -> None:
    headers = {"Cookie": f"coop-session={session}", "Accept-Language": "en"}
    browser = _Browser(base_url, headers if keep_open else {**headers, "Connection": "close"})
    for path in cycle(paths):
        if stop.wait(0.1):
            break
        began = time.monotonic()
        try:
            status, text = browser.get(path)
            problem = "" if status == 200 else f"status {status}"
        except (OSError, http.client.HTTPException) as broken:
            problem, text = type(broken).__name__, ""
        result.seen.append(Seen(began, time.monotonic() - began, path, problem, MISSING_PART in text))
    browser.close()
