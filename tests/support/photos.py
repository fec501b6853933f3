"""Photos of meters for tests."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

PLACE = b"N 41 39 W 0 53"
"""What a camera would have noted; no photo that is kept may have it."""


def meter_photo(text: str = "012575", size: tuple[int, int] = (320, 240), quality: int = 80) -> bytes:
    """A JPEG of a meter's display, with the place in its Exif."""
    made = Image.new("RGB", size, "#e8e6df")
    draw = ImageDraw.Draw(made)
    draw.rectangle((40, 80, size[0] - 40, size[1] - 80), fill="#14211f")
    draw.text((60, size[1] // 2 - 20), text, fill="#f5f3ee", font_size=40)
    exif = Image.Exif()
    exif[0x010E] = PLACE.decode()
    file = io.BytesIO()
    made.save(file, "JPEG", exif=exif, quality=quality)
    assert PLACE in file.getvalue()
    return file.getvalue()
