"""A disk of two megabytes that is filled and emptied again: `python -m tests.integration.chassis.full_disk FOLDER` in a mount
namespace of its own. Prints what was seen, as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from google.protobuf.wrappers_pb2 import BytesValue
from sqlalchemy import text

from services.chassis import disk
from services.chassis.blobs import BlobStore
from services.chassis.eventlog import EventLogUnavailable, Record, open_event_log
from services.chassis.outbox import OutboxRelay, pending
from tests.integration.chassis import ledger

LARGE = bytes(300_000)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Hardly a page is left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as full:
            assert disk.is_full(full)
    yield
    filler.unlink()


def fails(action: Callable[[], object]) -> bool:
    """Whether it fails for want of room."""
    try:
        action()
    except Exception as error:
        return disk.is_full(error)
    return False


def blobs(folder: Path) -> dict[str, object]:
    store = BlobStore(folder / "documents")
    kept = store.put(b"kept")
    with filled(folder):
        refused = fails(lambda: store.put(LARGE))
        left = sorted(path.name for path in folder.glob("documents/*/*"))
        readable = store.get(kept) == b"kept"
    return {"refused": refused, "left": left == [kept], "readable": readable, "later": len(store.get(store.put(LARGE)))}


def databases(folder: Path) -> dict[str, object]:
    database = ledger.prepare(f"sqlite:///{folder}/service.db")
    event_log = open_event_log(f"sqlite:///{folder}/eventlog.db")
    event_log.ensure_topics([ledger.TOPIC], partitions=1)
    relay = OutboxRelay(database, event_log)

    def emit(key: str) -> None:
        with database.write() as transaction:
            transaction.emit(ledger.TOPIC, key, BytesValue(value=LARGE))

    emit("first")
    with filled(folder):
        refused = fails(lambda: emit("second"))
        kept = pending(database)
        try:
            event_log.append([Record(ledger.TOPIC, "k", LARGE)])
            log_refused = False
        except EventLogUnavailable as full:
            log_refused = "full" in str(full)
    emit("third")
    published = 0
    while pending(database):
        published += relay.publish()
    with database.read() as connection:
        sound = connection.execute(text("PRAGMA integrity_check")).scalar_one()
    appended = sum(event_log.lag("nobody", [ledger.TOPIC]).values())
    event_log.close()
    database.close()
    return {
        "refused": refused,
        "kept": kept,
        "log_refused": log_refused,
        "published": published,
        "appended": appended,
        "sound": sound,
    }


def main(folder: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True)
    found = {"blobs": blobs(folder)}
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    found["databases"] = databases(folder)
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
