"""PNG (ISO/IEC 15948): a signature and chunks, each with its check sum."""

from __future__ import annotations

import zlib

from services.metering.domain.photos.damage import MOST_PARTS, damaged, number

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = frozenset({b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"bKGD", b"pHYs"})
"""Chunks that are not critical and still change how the picture looks. Texts, times and Exif do not."""


def recognised(content: bytes) -> bool:
    """Whether the bytes begin as a PNG does."""
    return content.startswith(_SIGNATURE)


def bare(content: bytes) -> bytes:
    """The chunks that make the picture. Raises Invalid for a wrong check sum, an early end or a missing picture."""
    kept, at = [_SIGNATURE], len(_SIGNATURE)
    seen: set[bytes] = set()
    for _ in range(MOST_PARTS):
        size = number(content, at, 4, "a chunk")
        kind = content[at + 4 : at + 8]
        if number(content, at + 8 + size, 4, "a chunk") != zlib.crc32(content[at + 4 : at + 8 + size]):
            raise damaged("a check sum does not fit")
        if not seen and kind != b"IHDR":
            raise damaged("its heading is missing")
        # The fifth bit of the first letter says whether a chunk is critical.
        if not kind[0] & 0x20 or kind in _KEPT:
            kept.append(content[at : at + 12 + size])
        seen.add(kind)
        at += 12 + size
        if kind == b"IEND":
            break
    else:
        raise damaged("it has too many parts")
    if b"IDAT" not in seen:
        raise damaged("it has no picture")
    return b"".join(kept)
