"""WebP (RFC 9649): a RIFF file of chunks; numbers are little-endian."""

from __future__ import annotations

from services.metering.domain.photos.damage import MOST_PARTS, damaged

_PICTURES = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
_KEPT = _PICTURES | {b"VP8X", b"ICCP", b"ALPH", b"ANIM"}
_EXIF_AND_XMP = 0x08 | 0x04
"""Flags of VP8X that announce the chunks EXIF and XMP, which are left out."""


def recognised(content: bytes) -> bool:
    """Whether the bytes begin as a WebP does."""
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def bare(content: bytes) -> bytes:
    """The chunks that make the picture. Raises Invalid for an early end or a missing picture."""
    end = 8 + int.from_bytes(content[4:8], "little")
    if end > len(content) or end < 12:
        raise damaged("its end is missing")
    kept, has_picture, at, parts = [], False, 12, 0
    while at < end:
        parts += 1
        if parts > MOST_PARTS:
            raise damaged("it has too many parts")
        kind, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        after = at + 8 + size + size % 2
        if at + 8 > end or after > end:
            raise damaged("it ends inside a chunk")
        if kind in _KEPT:
            chunk = bytearray(content[at:after])
            if kind == b"VP8X" and size:
                chunk[8] &= ~_EXIF_AND_XMP & 0xFF
            kept.append(bytes(chunk))
            has_picture |= kind in _PICTURES
        at = after
    if not has_picture:
        raise damaged("it has no picture")
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
