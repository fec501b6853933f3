"""An exception as text for a log line: its type, its place and its causes, and no data of the statement that failed.

The text of a database error quotes values ("Key (name)=(...) already exists"), so only its first line is kept, and none
of the parameters; what remains passes `private.without_personal_data` like every other text.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError, StatementError

MOST_FRAMES = 40


def told(error: BaseException) -> str:
    """The chain of causes, the first cause first, each with the frames it passed."""
    parts = []
    for link, joint in reversed(list(_chain(error))):
        frames = traceback.extract_tb(link.__traceback__)[-MOST_FRAMES:]
        places = [f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}' for frame in frames]
        parts.append(
            "\n".join([*places, f"{type(link).__module__}.{type(link).__qualname__}: {message(link)}"]) + joint
        )
    return "\n".join(parts)


def message(error: BaseException) -> str:
    """What an exception says, without the values of the statement it failed in."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return f"{type(error.orig).__name__}: {_first_line(error.orig)}"
    if isinstance(error, StatementError):
        return _first_line(error)
    if type(error).__module__.startswith(("psycopg", "sqlite3")):
        return _first_line(error)
    return str(error)


def _first_line(error: BaseException) -> str:
    return str(error.args[0] if error.args else "").partition("\n")[0]


def _chain(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """The exception and what it came from, each with the words that join it to the one it led to."""
    seen: set[int] = set()
    joint = ""
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link, joint
        if link.__cause__ is not None:
            link, joint = link.__cause__, "\nwhich was the cause of:"
        elif link.__context__ is not None and not link.__suppress_context__:
            link, joint = link.__context__, "\nduring which also happened:"
        else:
            link = None
