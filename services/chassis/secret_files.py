"""Files with keys and secrets that a process makes for itself where it may: on one machine, at the first start.

Elsewhere they are made once for the whole installation and mounted read-only; then nothing is written here.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.chassis.environment import SettingsError


def secret_words(text: str) -> tuple[str, ...]:
    """The secrets in the text of a file, a line each: the first one is used, those after it are taken from others too.

    Raises ValueError with the reason when there is none, or one with spaces or control characters in it.
    """
    words = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not words:
        raise ValueError("it is empty: give it 32 random bytes as text")
    if not all(word.isascii() and word.isprintable() and " " not in word for word in words):
        raise ValueError("it has a line that is no word in plain letters, digits and signs")
    return words


def write_once(path: Path, content: bytes) -> None:
    """A file with mode 0600, durable, complete or not at all; of two writers the first one's content stays.

    Raises SettingsError with a sentence when the folder cannot be written.
    """
    with _draft(path, content) as draft:
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another was first: its content is what both go on with
        finally:
            draft.unlink()


def replace(path: Path, content: bytes) -> None:
    """The same in place of what is there; a reader finds the old content or the new one."""
    with _draft(path, content) as draft:
        draft.replace(path)


@contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    """The content in a file beside the one that it is for."""
    with _written_to(path):
        _make_private(path.parent)
        draft = path.parent / f".{path.name}.{secrets.token_hex(4)}"
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        yield draft


def _make_private(folder: Path) -> None:
    """The folder, and those above it that are not there, for their owner alone. (`mkdir(parents=True)` opens the latter.)"""
    if not folder.is_dir():
        _make_private(folder.parent)
        folder.mkdir(exist_ok=True, mode=0o700)


@contextmanager
def _written_to(path: Path) -> Iterator[None]:
    """A block that makes the file; raises SettingsError when its folder does not let it."""
    try:
        yield
    except OSError as wrong:
        raise SettingsError(
            [
                f"{path} is not there as it must be and cannot be written ({wrong.strerror}): make an installation's "
                "secrets with 'coopctl admin secrets' and put those of this service into its folder of keys."
            ]
        ) from wrong
