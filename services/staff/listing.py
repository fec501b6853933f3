"""Lists that come in pages, read to their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from google.protobuf.message import Message

RequestT = TypeVar("RequestT", bound=Message)

PAGE = 200
"""Rows of a page, which is also the most that the services give."""


def listed(call: Callable[[RequestT], Any], request: RequestT, rows: str, *, most: int | None = None) -> Iterator[Any]:
    """Every row that answers `request`, or the first `most`: `call` gives a page, whose rows are in its field `rows`.

    The size of the pages and their tokens are set here. Raises what `call` raises.
    """
    given, token = 0, ""
    while most is None or given < most:
        asked = type(request)()
        asked.CopyFrom(request)
        asked.page_size = PAGE if most is None else min(PAGE, most - given)  # type: ignore[attr-defined]
        asked.page_token = token  # type: ignore[attr-defined]
        answer = call(asked)
        page = getattr(answer, rows)
        yield from page
        given += len(page)
        token = answer.next_page_token
        if not token:
            return
