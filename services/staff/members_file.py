"""Reading the office's members file (docs/members-file.md): text to rows, nothing judged that the service judges."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from coop.supplies.v1 import supplies_service_pb2 as pb

from services.chassis.errors import Invalid

ROWS_A_MESSAGE = 200


def messages(path: Path, request_id: str) -> Iterator[pb.ImportMembersRequest]:
    """The file as the messages of one import. Raises Invalid when it is no members file at all."""
    pending: list[pb.MemberRow] = []
    sent = False
    for row in rows(path):
        pending.append(row)
        if len(pending) == ROWS_A_MESSAGE:
            yield pb.ImportMembersRequest(request_id=request_id, file_name=path.name, rows=pending)
            pending, sent = [], True
    if pending or not sent:
        yield pb.ImportMembersRequest(request_id=request_id, file_name=path.name, rows=pending)


def rows(path: Path) -> Iterator[pb.MemberRow]:
    """Each line with its number in the file and its values by column name, as written."""
    text = _text(path)
    lines = text.splitlines()
    header = lines[0] if lines else ""
    if "member_number" not in header:
        raise Invalid(
            f"{path} does not begin with a header that names the column member_number: write the file as"
            " docs/members-file.md says."
        )
    reader = csv.DictReader(lines, delimiter=max(";,\t", key=header.count), restkey="", restval="")
    for values in reader:
        fields = {
            (name or "").strip(): value.strip()
            for name, value in values.items()
            if isinstance(value, str) and value.strip()
        }
        if not fields:
            continue
        extra = values.get("")
        if extra:
            # The service says what is wrong with the line; a value without a column is shown to it under this name.
            fields["unnamed column"] = " ".join(str(value) for value in extra)
        yield pb.MemberRow(line=reader.line_num, fields=fields)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as wrong:
        raise Invalid(f"{path} cannot be read: {wrong.strerror}.") from wrong
    if not content.strip():
        raise Invalid(f"{path} is empty: a members file has a header and a line per supply.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = content.count(b"\n", 0, wrong.start) + 1
        raise Invalid(f"{path} is not UTF-8 (line {line}): save it as UTF-8 and try again.") from wrong
