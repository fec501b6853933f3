"""JPEG (ITU-T T.81): markers and segments. Exif (JEITA CP-3451) holds the place where a picture was taken."""

from __future__ import annotations

import re

from services.metering.domain.photos.damage import MOST_PARTS, damaged, number

_SOI, _EOI, _SOS = b"\xff\xd8", 0xD9, 0xDA
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF})
_KEPT_APPLICATION = {0xE0: (b"JFIF\0",), 0xE2: (b"ICC_PROFILE\0",), 0xEE: (b"Adobe",)}
"""Application segments that belong to the picture: density, colours, colour transform. Exif, XMP, IPTC, comments, further
pictures and whatever a maker adds do not."""
_EXIF = b"Exif\0\0"
_ORIENTATION = 0x0112
# Coded data ends at the next marker that is neither a stuffed zero nor a restart.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_FILLING = re.compile(rb"\xff+")


def recognised(content: bytes) -> bool:
    """Whether the bytes begin as a JPEG does."""
    return content.startswith(_SOI + b"\xff")


def bare(content: bytes) -> bytes:
    """The picture's own segments up to its end, and one Exif segment that says how it is turned, when it is.

    Raises Invalid when it ends early or has no picture.
    """
    kept = [_SOI]
    turned, has_frame, has_scan, at = 1, False, False, 2
    for _ in range(MOST_PARTS):
        marker, at = _next_marker(content, at)
        if marker == _EOI:
            break
        size = number(content, at, 2, "a segment")
        segment = content[at + 2 : at + size]
        if size < 2 or at + size > len(content):
            raise damaged("it ends inside a segment")
        whole = b"\xff" + bytes([marker]) + content[at : at + size]
        at += size
        if marker == 0xE1 and segment.startswith(_EXIF):
            turned = _orientation(segment[len(_EXIF) :])
        elif marker in _FRAMES:
            has_frame = True
            kept.append(whole)
        elif marker in _TABLES or segment.startswith(_KEPT_APPLICATION.get(marker, ())):
            kept.append(whole)
        elif marker == _SOS:
            has_scan = True
            end = _MARKER.search(content, at)
            if end is None:
                raise damaged("its end is missing")
            kept += [whole, content[at : end.start()]]
            at = end.start()
    else:
        raise damaged("it has too many parts")
    if not has_frame or not has_scan:
        raise damaged("it has no picture")
    if turned != 1:
        kept.insert(2 if kept[1].startswith(b"\xff\xe0") else 1, _only_orientation(turned))
    return b"".join([*kept, b"\xff\xd9"])


def _next_marker(content: bytes, at: int) -> tuple[int, int]:
    """The marker that begins at ``at`` and the position after it; filling bytes are passed over."""
    if number(content, at, 1, "a segment") != 0xFF:
        raise damaged("a segment does not begin where it should")
    filling = _FILLING.match(content, at)
    at = filling.end() if filling else at
    marker = number(content, at, 1, "a marker")
    if marker in (0x00, 0x01, 0xD8) or 0xD0 <= marker <= 0xD7:
        raise damaged("a segment does not begin where it should")
    return marker, at + 1


def _orientation(tiff: bytes) -> int:
    """How the picture is turned, 1 to 8; 1 (not at all) where the Exif does not say."""
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(tiff[:4])
    if order is None:
        return 1

    def read(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], "little" if order == "little" else "big")

    directory = read(4, 4)
    for entry in range(min(read(directory, 2), 512)):
        at = directory + 2 + 12 * entry
        if at + 12 > len(tiff):
            return 1
        if read(at, 2) == _ORIENTATION:
            turned = read(at + 8, 2)
            return turned if 1 <= turned <= 8 else 1
    return 1


def _only_orientation(turned: int) -> bytes:
    entry = b"\x01\x12" + b"\x00\x03" + (1).to_bytes(4, "big") + turned.to_bytes(2, "big") + b"\0\0"
    payload = _EXIF + b"MM\0*" + (8).to_bytes(4, "big") + (1).to_bytes(2, "big") + entry + bytes(4)
    return b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload
