"""What the linter makes of SQL that a revision writes out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

_NAME = r"(?:ONLY\s+)?(?:IF\s+(?:NOT\s+)?EXISTS\s+)?\"?([\w{}]+)\"?"
_ROWS = re.compile(rf"^(UPDATE|DELETE\s+FROM|INSERT\s+INTO)\s+{_NAME}", re.IGNORECASE)
_TABLE = re.compile(rf"^(ALTER\s+TABLE|DROP\s+TABLE|TRUNCATE(?:\s+TABLE)?|LOCK(?:\s+TABLE)?)\s+{_NAME}", re.IGNORECASE)
_INDEX = re.compile(rf"^CREATE\s+(?:UNIQUE\s+)?INDEX\s+(CONCURRENTLY\s+)?.*?\bON\s+{_NAME}", re.IGNORECASE | re.DOTALL)
_TRIGGER = re.compile(
    rf"^CREATE\s+(?:OR\s+REPLACE\s+)?(?:CONSTRAINT\s+)?TRIGGER\b.*?\bON\s+{_NAME}", re.IGNORECASE | re.DOTALL
)
_HARMLESS = re.compile(
    r"^(SELECT\b(?!.*\bFOR\s+UPDATE)|CREATE\s+(OR\s+REPLACE\s+)?FUNCTION|DROP\s+(TRIGGER|FUNCTION)|PRAGMA|COMMENT|SET\b|"
    r"ALTER\s+TABLE\s+\S+\s+VALIDATE\s+CONSTRAINT|CREATE\s+TABLE|GRANT|REVOKE)",
    re.IGNORECASE | re.DOTALL,
)


def statement_findings(statement: str, new: AbstractSet[str]) -> Iterator[tuple[str, bool]]:
    """Sentences on a statement, each with whether only older code is concerned. `new`: tables the revision has made."""
    said = statement.strip()
    if not said:
        yield "a statement that is put together elsewhere cannot be read: write it out, or give a reason.", False
    elif _HARMLESS.match(said):
        return
    elif found := _ROWS.match(said):
        if found[2] not in new or re.search(r"\bSELECT\b.*\bFROM\b", said, re.IGNORECASE | re.DOTALL):
            verb = found[1].split()[0].upper()
            yield f"{verb} of {found[2]} in one statement locks its rows until the end: use steps.in_batches.", False
    elif found := _TRIGGER.match(said):
        if found[1] not in new:
            yield (
                f"older code may do to {found[1]} what this trigger refuses: say in supports which code does not.",
                True,
            )
    elif found := _INDEX.match(said):
        if found[2] not in new:
            yield f"building an index on {found[2]} keeps its writers out: use steps.create_index.", False
    elif found := _TABLE.match(said):
        if found[2] not in new:
            yield (
                f"{found[1].upper()} {found[2]} is written out: use op, so that it can be judged, or give a reason.",
                False,
            )
    else:
        yield f"nothing is known of {said.split()[0].upper()!r}: write it in another way, or give a reason.", False
