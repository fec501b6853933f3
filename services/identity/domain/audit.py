"""The hash chain of the audit log: each entry seals the one before it, so that a change or a gap shows."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

#: What the first entry names as its predecessor.
GENESIS = "0" * 64


@dataclass(frozen=True)
class AuditEntry:
    """Who did what to what, when and from where. ``detail`` holds no secret and no personal data beyond ids."""

    sequence: int
    at: datetime
    actor: str
    action: str
    subject: str
    origin: str
    detail: dict[str, str]
    previous: str

    def seal(self) -> str:
        """SHA-256 over the entry's canonical JSON, its predecessor's seal included; 64 hexadecimal characters."""
        content = [
            self.sequence,
            self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            self.actor,
            self.action,
            self.subject,
            self.origin,
            self.detail,
            self.previous,
        ]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ChainBreak:
    """Where the chain stops being whole, in a sentence."""

    sequence: int
    why: str


def find_break(entries: Iterable[tuple[AuditEntry, str]], head: tuple[int, str]) -> ChainBreak | None:
    """The first place where the chain is broken, or None when it is whole.

    ``entries`` are (entry, stored seal) in sequence order from 1; ``head`` is the kept (sequence, seal) of the last entry,
    which shows entries cut off at the end.
    """
    previous, expected = GENESIS, 1
    for entry, stored in entries:
        if entry.sequence != expected:
            return ChainBreak(expected, f"entry {expected} is missing: entry {entry.sequence} follows {expected - 1}")
        if entry.previous != previous:
            return ChainBreak(expected, f"entry {expected} does not name the seal of entry {expected - 1}")
        if entry.seal() != stored:
            return ChainBreak(expected, f"entry {expected} was changed after it was written")
        previous, expected = stored, expected + 1
    if head != (expected - 1, previous):
        return ChainBreak(expected, f"the log ends at entry {expected - 1} but {head[0]} entries were written")
    return None
