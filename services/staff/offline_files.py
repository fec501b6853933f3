"""Curve files named on the command line: folders are walked, what cannot be read becomes a sentence on stderr."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from services.metering.domain.formats import CurveFile, SupplyCurve, read_curve_file
from services.staff.folders import files_in, no_files
from services.staff.show import say


def read_files(
    paths: list[Path], time_zone: str, each: Callable[[SupplyCurve], None] | None = None
) -> Iterator[CurveFile]:
    """Every file of which something could be read, named as on the command line, each once.

    `time_zone` is the IANA zone of the files' local times. A file read only in part is given too, and said.
    With `each`, the curves of a file are given to it before the file, which comes without them: none is kept.
    """
    seen: set[Path] = set()
    for path in _files_of(paths):
        if path in seen:
            continue
        seen.add(path)
        # A name that is no text, as old file systems have them, must not spoil the document.
        name = os.fsencode(path).decode("utf-8", "backslashreplace")
        try:
            file = read_curve_file(path, name, zone_name=time_zone, each=each)
        except OSError as wrong:
            say(f"{name} cannot be read: {wrong.strerror or wrong}.")
            continue
        if file.problem:
            say(f"{name}: {file.problem}")
        listed = len(file.quarantined)
        if file.quarantined_count > listed:
            say(f"{name}: {file.quarantined_count:,} rows are quarantined; the first {listed:,} of them are listed.")
        if file.format:
            yield file


def _files_of(paths: list[Path]) -> Iterator[Path]:
    """The files named, and those under the folders named, in order of name."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = files_in(path)
        if not inside:
            say(no_files(path))
        yield from inside
