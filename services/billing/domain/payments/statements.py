"""A bank's file, whichever it is: told apart by its content, never by its name."""

from __future__ import annotations

from typing import BinaryIO

from services.billing.domain.payments.camt053 import read_camt053
from services.billing.domain.payments.csb43 import read_csb43
from services.billing.domain.payments.movements import StatementFile
from services.chassis.errors import Invalid

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def read_bank_file(source: BinaryIO) -> StatementFile:
    """The statements of a seekable file. Raises Invalid, with a sentence, for a file that cannot be booked whole."""
    head = source.read(256)
    source.seek(0)
    if head.startswith(b"11") and head[2:20].isdigit():
        return read_csb43(source)
    if head.lstrip(b" \t\r\n").startswith(b"<") or head.startswith(_MARKS):
        return read_camt053(source)
    begin = head[:40].decode("ascii", "backslashreplace")
    raise Invalid(
        f"The file begins with {begin!r} and is no bank statement; give one in camt.053 (XML) or norma 43."
        if head
        else "The file is empty; give a bank statement in camt.053 (XML) or norma 43.",
        "BANK_FILE_REFUSED",
        field="content",
    )
