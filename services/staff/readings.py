"""Sending meter files to metering, one file a call, as they are on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.errors import Internal, Invalid, Unavailable
from services.staff.folders import files_in, no_files
from services.staff.office import Office

CHUNK = 256 * 1024
DEADLINE_S = 900.0
ATTEMPTS = 3
PATIENCE_S = 30.0
"""How long a metering service that went away is waited for."""


def files_of(paths: list[Path]) -> list[Path]:
    """The files named, and those under the folders named, in order of name. Raises Invalid for an empty folder."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = files_in(path)
        if not inside:
            raise Invalid(no_files(path))
        found += inside
    return found


def import_file(office: Office, path: Path, progress: Callable[[int], None] = lambda _bytes: None) -> pb.ImportSummary:
    """Streams one file. `progress` hears how many of its bytes metering has read so far.

    When metering goes away half-way, it is waited for and the file sent again: what it had taken counts as duplicates.
    A service that was not there from the start is not waited for.
    """
    for _ in range(ATTEMPTS - 1):
        heard: list[int] = []

        def hear(read: int, heard: list[int] = heard) -> None:
            heard.append(read)
            progress(read)

        try:
            return _import_once(office, path, hear)
        except Unavailable:
            if not heard:
                raise
            for service in ("identity", "metering"):
                office.wait_until_reachable(service, PATIENCE_S)
    return _import_once(office, path, progress)


def _import_once(office: Office, path: Path, progress: Callable[[int], None]) -> pb.ImportSummary:
    with office.calling("metering"):
        for answer in office.metering.ImportReadings(_parts(path), timeout=DEADLINE_S):
            if answer.HasField("summary"):
                return answer.summary
            progress(answer.progress.bytes_read)
    raise Internal(f"Metering ended the import of {path.name} without a summary: import the file again.")


def _parts(path: Path) -> Iterator[pb.ImportReadingsRequest]:
    yield pb.ImportReadingsRequest(file_name=path.name)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield pb.ImportReadingsRequest(chunk=chunk)
    yield pb.ImportReadingsRequest(complete=True)
