"""HEIC (ISO/IEC 23008-12): boxes as in ISO/IEC 14496-12. Items are found by their place in the file, so nothing may move:
what is not the picture is overwritten with zeros where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from services.metering.domain.photos.damage import MOST_PARTS, damaged, number

_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1"})
_PRIVATE = frozenset({b"Exif", b"mime", b"uri "})
"""Types of items that are no picture: Exif and XMP among them."""
_MAX_ITEMS = 4_096


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int  # of its content
    end: int


def recognised(content: bytes) -> bool:
    """Whether the bytes begin as a HEIC does: one of its brands is that of still pictures."""
    if content[4:8] != b"ftyp":
        return False
    size = int.from_bytes(content[:4], "big")
    brands = content[8:12] + content[16 : min(size, 256)]
    return any(brands[at : at + 4] in _BRANDS for at in range(0, len(brands), 4))


def bare(content: bytes) -> bytes:
    """The same bytes with Exif, XMP and makers' own boxes made zeros. Raises Invalid for an early end, a missing picture,
    or a film."""
    boxes: dict[bytes, _Box] = {}
    cleaned = bytearray(content)
    for box in _boxes(content, 0, len(content)):
        boxes.setdefault(box.kind, box)
        if box.kind in (b"uuid", b"free", b"skip"):
            _blank(cleaned, box.start, box.end)
    if b"moov" in boxes:
        raise damaged("it is a film")
    if b"meta" not in boxes:
        raise damaged("it has no picture")
    meta = boxes[b"meta"]
    inside = {box.kind: box for box in _boxes(content, meta.start + 4, meta.end)}
    if b"iinf" not in inside or b"iloc" not in inside:
        raise damaged("it has no picture")
    kinds = _item_kinds(content, inside[b"iinf"])
    if not set(kinds.values()) - _PRIVATE:
        raise damaged("it has no picture")
    data, blanked = inside.get(b"idat"), 0
    for item, in_data, start, length in _places(content, inside[b"iloc"]):
        if in_data and data is None:
            raise damaged("a part is missing")
        first = start + (data.start if in_data and data else 0)
        if first + length > len(content):
            raise damaged("its end is missing")
        if kinds.get(item, b"") in _PRIVATE:
            end = first + length if length else len(content)
            _blank(cleaned, first, end)
            blanked += end - first
        if blanked > len(content):
            raise damaged("its parts lie one upon the other")
    for kind in (b"uuid", b"udta"):
        if kind in inside:
            _blank(cleaned, inside[kind].start, inside[kind].end)
    return bytes(cleaned)


def _boxes(content: bytes, at: int, end: int) -> Iterator[_Box]:
    parts = 0
    while at < end:
        parts += 1
        if parts > MOST_PARTS:
            raise damaged("it has too many parts")
        size, kind, header = number(content, at, 4, "a box"), content[at + 4 : at + 8], 8
        if size == 1:
            size, header = number(content, at + 8, 8, "a box"), 16
        elif size == 0:
            size = end - at
        if size < header or at + size > end:
            raise damaged("its end is missing")
        yield _Box(kind, at + header, at + size)
        at += size


def _item_kinds(content: bytes, box: _Box) -> dict[int, bytes]:
    """Type of each item by its number (box ``iinf``, entries ``infe`` of version 2 or 3)."""
    wide = content[box.start] > 0
    kinds: dict[int, bytes] = {}
    for entry in _boxes(content, box.start + (8 if wide else 6), box.end):
        if entry.kind != b"infe" or content[entry.start] < 2 or len(kinds) >= _MAX_ITEMS:
            raise damaged("its list of parts cannot be read")
        size = 4 if content[entry.start] == 3 else 2
        item = number(content, entry.start + 4, size, "its list of parts")
        kinds[item] = content[entry.start + 6 + size : entry.start + 10 + size]
    return kinds


def _places(content: bytes, box: _Box) -> Iterator[tuple[int, bool, int, int]]:
    """(item, within ``idat``, offset, length) of every piece of every item (box ``iloc``)."""
    what = "its list of places"
    version = number(content, box.start, 1, what)
    sizes = number(content, box.start + 4, 2, what)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version in (1, 2) else 0
    item_size = 4 if version == 2 else 2
    items = number(content, box.start + 6, item_size, what)
    if version > 2 or items > _MAX_ITEMS:
        raise damaged("its list of places cannot be read")
    at, seen = box.start + 6 + item_size, 0
    for _ in range(items):
        item = number(content, at, item_size, what)
        at += item_size
        method = number(content, at, 2, what) & 15 if version else 0
        at += (2 if version else 0) + 2  # construction method, data reference
        base = number(content, at, base_size, what)
        pieces = number(content, at + base_size, 2, what)
        at += base_size + 2
        seen += pieces
        if seen > MOST_PARTS:
            raise damaged("it has too many parts")
        for _ in range(pieces):
            offset = number(content, at + index_size, offset_size, what)
            length = number(content, at + index_size + offset_size, length_size, what)
            at += index_size + offset_size + length_size
            if method < 2:
                yield item, method == 1, base + offset, length


def _blank(content: bytearray, start: int, end: int) -> None:
    content[start:end] = bytes(end - start)
