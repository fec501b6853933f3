"""The file of the event log in a cluster's backup: compressed lines of JSON.

The first line says what was copied: topics with their partitions, where each partition ended, and how far each group was.
Each further line is a record, those of a partition in their order. The last line counts them: a file without it was cut short.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.chassis.errors import Refused
from services.chassis.eventlog.base import TopicPartition

if TYPE_CHECKING:  # other commands of a backup do without the Kafka client
    from services.chassis.eventlog.kafka_export import Progress, StoredRecord

FORMAT = 1
_QUICKLY = 1


@dataclass(frozen=True)
class Contents:
    """What a file holds. `instant`: ISO 8601, UTC; `layout`: number of partitions of each topic."""

    instant: str
    version: str
    layout: dict[str, int]
    ends: dict[TopicPartition, int]
    groups: Progress


def write(file: Path, contents: Contents, records: Iterable[StoredRecord]) -> int:
    """Writes the file; how many records. What is there under this name is replaced."""
    count = 0
    head = {
        "format": FORMAT,
        "instant": contents.instant,
        "version": contents.version,
        "topics": contents.layout,
        "ends": _by_topic(contents.ends),
        "groups": {group: _by_topic(read) for group, read in contents.groups.items()},
    }
    with gzip.open(file, "wt", compresslevel=_QUICKLY, encoding="utf-8") as out:
        out.write(json.dumps(head) + "\n")
        for record in records:
            out.write(json.dumps(_line(record), ensure_ascii=False) + "\n")
            count += 1
        out.write(json.dumps({"records": count}) + "\n")
    return count


def contents(file: Path) -> Contents:
    """The first line. Raises Refused for a file that is none of ours or of a newer version."""
    for line in _lines(file):
        said = _parsed(file, line)
        if said.get("format") != FORMAT:
            raise Refused(
                f"{file} has format {said.get('format')!r}; this version reads format {FORMAT}: use its own version."
            )
        try:
            return Contents(
                said["instant"],
                said["version"],
                {str(topic): int(count) for topic, count in said["topics"].items()},
                _by_place(said["ends"]),
                {str(group): _by_place(read) for group, read in said["groups"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as wrong:
            raise Refused(f"{file} begins with something else ({wrong}): it is no event log of a backup.") from wrong
    raise Refused(f"{file} is empty: it is no event log of a backup.")


def records(file: Path) -> Iterator[StoredRecord]:
    """Every record, and that they are all there and in order. Raises Refused, saying what is wrong, as soon as it is seen."""
    known = contents(file)
    following: dict[TopicPartition, int] = {}
    count = 0
    lines = _lines(file)
    next(lines)
    for line in lines:
        said = _parsed(file, line)
        if "records" in said:
            if said["records"] != count or next(lines, None) is not None:
                raise Refused(f"{file} has {count} records and says {said['records']}: it was altered.")
            return
        record = _record(file, said)
        place = record.source
        if not following.get(place, 0) <= record.offset < known.ends.get(place, 0):
            raise Refused(f"{file} has a record {record.offset} of {place} out of its place: it was altered.")
        following[place] = record.offset + 1
        count += 1
        yield record
    raise Refused(f"{file} was cut short after {count} records: take another backup.")


def _line(record: StoredRecord) -> dict[str, Any]:
    return {
        "t": record.topic,
        "p": record.partition,
        "o": record.offset,
        "ms": record.timestamp_ms,
        "k": _encoded(record.key),
        "v": _encoded(record.value),
        "h": [[name, _encoded(content)] for name, content in record.headers],
    }


def _record(file: Path, said: Mapping[str, Any]) -> StoredRecord:
    from services.chassis.eventlog.kafka_export import StoredRecord

    try:
        headers = tuple((str(name), _decoded(content) or b"") for name, content in said["h"])
        place = (str(said["t"]), int(said["p"]), int(said["o"]), int(said["ms"]))
        return StoredRecord(*place, _decoded(said["k"]), _decoded(said["v"]), headers)
    except (KeyError, TypeError, ValueError) as wrong:
        raise Refused(f"{file} has a line that is no record ({wrong}): it was altered.") from wrong


def _lines(file: Path) -> Iterator[str]:
    try:
        with gzip.open(file, "rt", encoding="utf-8") as opened:
            yield from opened
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as broken:
        raise Refused(f"{file} cannot be read to its end ({broken}): take another backup.") from broken


def _parsed(file: Path, line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError as wrong:
        raise Refused(f"{file} has a line that cannot be read ({wrong}): it was altered.") from wrong
    if not isinstance(said, dict):
        raise Refused(f"{file} has a line that says nothing: it was altered.")
    return said


def _by_topic(offsets: Mapping[TopicPartition, int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for place, offset in sorted(offsets.items()):
        found.setdefault(place.topic, {})[str(place.partition)] = offset
    return found


def _by_place(said: Mapping[str, Mapping[str, int]]) -> dict[TopicPartition, int]:
    return {
        TopicPartition(str(topic), int(number)): int(offset)
        for topic, offsets in said.items()
        for number, offset in offsets.items()
    }


def _encoded(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)
