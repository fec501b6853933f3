"""The place of a signature in a PDF (ISO 32000-1, 12.8): written while the document is, filled when all the rest stands.

The signature covers every byte of the file but its own hexadecimal digits. Nothing is appended to a finished file, which
costs tens of milliseconds where this costs less than one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from services.billing.signing import cms
from services.billing.signing.keys import SigningKey

_RANGE = b"/ByteRange [0 0000000000 0000000000 0000000000]"
_CONTENTS = b"/Contents <"
_FOUND = re.compile(rb"/ByteRange \[0 (\d{10}) (\d{10}) (\d{10})\] /Contents <")


@dataclass(frozen=True)
class Seal:
    """What a document is signed with: the key, the moment it states, and the page where anybody can check it.

    The moment is the document's own, of its issue: printed twice, a document has the same bytes.
    """

    signing: SigningKey
    at: datetime
    page: str

    @property
    def name(self) -> str:
        return self.signing.name

    def room(self) -> bytes:
        """The signature dictionary with room for the signature, to be written once into the document."""
        digits = 2 * cms.longest(self.signing.certificates)
        moment = self.at.astimezone(UTC).strftime("D:%Y%m%d%H%M%SZ").encode()
        return (
            b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /M (" + moment + b") /Name "
            b"<"
            + ("\ufeff" + self.name).encode("utf-16-be").hex().encode()
            + b"> "
            + _RANGE
            + b" "
            + _CONTENTS
            + b"0" * digits
            + b"> >>"
        )

    def close(self, document: bytes) -> bytes:
        """The document with its signature in the room made for it. Raises ValueError when there is not exactly one."""
        if document.count(_RANGE) != 1:
            raise ValueError("The document has no single place for its signature.")
        marked = document.index(_RANGE)
        start = marked + len(_RANGE) + 1 + len(_CONTENTS) - 1  # of "<"
        end = start + 2 + 2 * cms.longest(self.signing.certificates)  # after ">"
        stated = b"/ByteRange [0 %010d %010d %010d]" % (start, end, len(document) - end)
        head = document[:marked] + stated + document[marked + len(_RANGE) : start]
        tail = document[end:]
        signature = cms.sign(hashlib.sha256(head + tail).digest(), self.signing).hex().encode()
        return head + b"<" + signature.ljust(end - start - 2, b"0") + b">" + tail


@dataclass(frozen=True)
class Signed:
    """A signature found in a PDF: the CMS message and the digest of everything around it."""

    message: bytes
    digest: bytes


def signature_of(document: bytes) -> Signed | None:
    """The one signature of a PDF that covers all of it and is written as `Seal` writes them; otherwise None."""
    found = list(_FOUND.finditer(document))
    if len(found) != 1:
        return None
    start, end, rest = (int(number) for number in found[0].groups())
    if start != found[0].end() - 1 or end + rest != len(document) or document[end - 1 : end] != b">":
        return None
    digits = document[start + 1 : end - 1]
    if not re.fullmatch(rb"(?:[0-9a-f]{2})*", digits):
        return None
    padded = bytes.fromhex(digits.decode())
    length = _length(padded)
    if length is None or padded[length:].strip(b"\0"):
        return None
    return Signed(padded[:length], hashlib.sha256(document[:start] + document[end:]).digest())


def _length(padded: bytes) -> int | None:
    """How long the DER value at the start is, head included; None when it does not fit."""
    if len(padded) < 4 or padded[0] != 0x30 or not 0x81 <= padded[1] <= 0x83:
        return None
    head = 2 + padded[1] - 0x80
    length = head + int.from_bytes(padded[2:head], "big")
    return length if length <= len(padded) else None
