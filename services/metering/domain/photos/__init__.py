"""A member's photo, known by its content and not by its name, without what else the camera wrote into it.

A camera notes where and when a picture was taken and who owns it. A reading needs none of that: of each format only the
parts that make the picture are kept, and how it is to be turned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.metering.domain.photos import heic, jpeg, png, webp
from services.metering.domain.photos.damage import not_a_photo


@dataclass(frozen=True)
class Photo:
    """A checked picture: its media type and the bytes to keep."""

    media_type: str
    content: bytes


FORMATS: tuple[tuple[str, Callable[[bytes], bool], Callable[[bytes], bytes]], ...] = (
    ("image/jpeg", jpeg.recognised, jpeg.bare),
    ("image/png", png.recognised, png.bare),
    ("image/webp", webp.recognised, webp.bare),
    ("image/heic", heic.recognised, heic.bare),
)
"""Media type, whether bytes claim to be one, and the bytes without what is not the picture."""


def bare_photo(content: bytes) -> Photo:
    """The picture alone. Raises Invalid (NOT_A_PHOTO, PHOTO_DAMAGED) for anything that is no whole picture."""
    for media_type, recognised, bare in FORMATS:
        if recognised(content):
            return Photo(media_type, bare(content))
    raise not_a_photo()
