"""The two ways in which a photo is refused, and reading numbers out of bytes that may end early."""

from __future__ import annotations

from services.chassis.errors import Invalid

MOST_PARTS = 10_000
"""Segments, chunks or boxes of one photo: real ones have some hundreds, and reading millions would take the processor."""


def not_a_photo() -> Invalid:
    """The bytes are of none of the formats."""
    return Invalid("The file is not a photo: send a JPEG, PNG, WebP or HEIC picture.", "NOT_A_PHOTO", field="photo")


def damaged(what: str) -> Invalid:
    """The bytes begin like a picture and then do not go on like one."""
    return Invalid(f"The photo is not whole ({what}): send it again, or take another.", "PHOTO_DAMAGED", field="photo")


def number(content: bytes, at: int, size: int, what: str) -> int:
    """An unsigned big-endian number of ``size`` bytes. Raises Invalid where the bytes end before it."""
    if at < 0 or at + size > len(content):
        raise damaged(f"it ends inside {what}")
    return int.from_bytes(content[at : at + size], "big")
