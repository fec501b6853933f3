"""A bank's file, whichever it is: told apart by its content, never by its name."""

from __future__ import annotations

from typing import BinaryIO

from services.billing.domain.payments.camt053 import read_camt053
from services.billing.domain.payments.csb43 import read_csb43
from services.billing.domain.payments.movements import StatementFile
from services.chassis.errors import Invalid

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
#: What an editor or a mail may have put before the first record.
_BEFORE = b" \t\r\n"


def read_bank_file(source: BinaryIO) -> StatementFile:
    """The statements of a seekable file. Raises Invalid, with a sentence, for a file that cannot be booked whole."""
    head = source.read(256)
    source.seek(0)
    begin = head.removeprefix(_UTF8_MARK).lstrip(_BEFORE)
    if begin.startswith(b"11") and begin[2:20].isdigit():
        return read_csb43(source)
    if begin.startswith(b"<") or (head.startswith(_UTF16_MARKS) and b"<" in head[2:4]):
        return read_camt053(source)
    if head.startswith(_UTF16_MARKS):
        raise Invalid(
            "The file is a text in UTF-16, as no bank writes norma 43; save it as Latin-1 or UTF-8, or take it as the bank "
            "gave it.",
            "BANK_FILE_REFUSED",
            field="content",
        )
    shown = head[:40].decode("ascii", "backslashreplace")
    raise Invalid(
        f"The file begins with {shown!r} and is no bank statement; give one in camt.053 (XML) or norma 43."
        if head
        else "The file is empty; give a bank statement in camt.053 (XML) or norma 43.",
        "BANK_FILE_REFUSED",
        field="content",
    )
