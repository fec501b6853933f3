"""A member's photo: told by its content, whole, and without what the camera noted besides the picture."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.chassis.errors import Invalid
from services.metering.domain.photos import bare_photo

PLACE = b"N 41 39 W 0 53"
EXIF_IFD, GPS_IFD, ORIENTATION = 0x8769, 0x8825, 0x0112


def picture() -> Image.Image:
    """A small picture in which a turn would show."""
    made = Image.new("RGB", (24, 16), "white")
    made.putpixel((0, 0), (255, 0, 0))
    return made


def exif(turned: int = 6) -> Image.Exif:
    data = Image.Exif()
    data[0x010F] = "Camera of Ana"
    data[ORIENTATION] = turned
    data.get_ifd(GPS_IFD)[2] = (41.0, 39.0, 12.0)
    data.get_ifd(GPS_IFD)[1] = PLACE.decode()
    return data


def saved(kind: str, **more: object) -> bytes:
    file = io.BytesIO()
    picture().save(file, kind, **more)  # type: ignore[arg-type]
    return file.getvalue()


def jpeg(**more: object) -> bytes:
    return saved("JPEG", exif=exif(), comment=PLACE, quality=90, **more)


def png() -> bytes:
    return saved("PNG", exif=exif())


def webp() -> bytes:
    return saved("WEBP", exif=exif(), xmp=b"<x>" + PLACE + b"</x>", lossless=True)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def heic(*, truncated_by: int = 0) -> bytes:
    """Two items, a picture of eight bytes and an Exif with the place, as a camera lays them out."""
    head = box(b"ftyp", b"heic" + bytes(4) + b"mif1heic")

    def infe(number: int, kind: bytes) -> bytes:
        return box(b"infe", b"\x02\0\0\0" + struct.pack(">HH", number, 0) + kind + b"\0")

    iinf = box(b"iinf", bytes(4) + struct.pack(">H", 2) + infe(1, b"hvc1") + infe(2, b"Exif"))

    def meta(start: int) -> bytes:
        places = struct.pack(">HHHII", 1, 0, 1, start, 8) + struct.pack(">HHHII", 2, 0, 1, start + 8, len(PLACE))
        iloc = box(b"iloc", bytes(4) + bytes([0x44, 0x00]) + struct.pack(">H", 2) + places)
        return box(b"meta", bytes(4) + iinf + iloc)

    start = len(head) + len(meta(0)) + 8
    whole = head + meta(start) + box(b"mdat", b"PICTURE!" + PLACE)
    return whole[: len(whole) - truncated_by]


SAMPLES = {"image/jpeg": jpeg, "image/png": png, "image/webp": webp, "image/heic": heic}


@pytest.mark.parametrize("media_type", SAMPLES)
def test_a_photo_is_known_by_its_content_and_loses_the_place(media_type: str) -> None:
    before = SAMPLES[media_type]()
    assert PLACE in before
    photo = bare_photo(before)
    assert photo.media_type == media_type
    assert PLACE not in photo.content and b"Camera of Ana" not in photo.content


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp"])
def test_the_picture_itself_stays(media_type: str) -> None:
    before = SAMPLES[media_type]()
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(bare_photo(before).content)) as new:
        assert new.tobytes() == old.tobytes()
        assert not new.getexif().get_ifd(GPS_IFD)


@pytest.mark.parametrize("turned", range(1, 9))
def test_a_turned_photo_stays_turned_and_that_is_all_its_exif(turned: int) -> None:
    with Image.open(io.BytesIO(bare_photo(saved("JPEG", exif=exif(turned))).content)) as found:
        assert dict(found.getexif()) == ({ORIENTATION: turned} if turned > 1 else {})


def test_a_progressive_jpeg_and_colours_stay() -> None:
    profile = b"not really a profile" * 20
    before = jpeg(progressive=True, icc_profile=profile)
    with Image.open(io.BytesIO(bare_photo(before).content)) as found:
        found.load()
        assert found.info["icc_profile"] == profile and found.info["progressive"]


def test_what_follows_a_jpeg_is_left_out() -> None:
    assert bare_photo(jpeg() + PLACE + b"a film of the moment").content == bare_photo(jpeg()).content


def test_the_other_parts_of_a_heic_do_not_move() -> None:
    before, after = heic(), bare_photo(heic()).content
    assert len(after) == len(before) and after == before.replace(PLACE, bytes(len(PLACE)))


@pytest.mark.parametrize("media_type", SAMPLES)
def test_cleaning_twice_is_cleaning_once(media_type: str) -> None:
    once = bare_photo(SAMPLES[media_type]()).content
    assert bare_photo(once).content == once


@pytest.mark.parametrize("media_type", SAMPLES)
def test_a_photo_that_ends_early_is_refused_wherever_it_ends(media_type: str) -> None:
    whole = bare_photo(SAMPLES[media_type]()).content
    for length in range(len(whole)):
        with pytest.raises(Invalid) as refusal:
            bare_photo(whole[:length])
        assert refusal.value.reason in ("PHOTO_DAMAGED", "NOT_A_PHOTO")
        assert refusal.value.violations[0].field == "photo"


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a" + bytes(50), b"%PDF-1.7 ...", b"<svg onload='x()'/>", b"\xff\xd8", b"MZ" + bytes(99)]
)
def test_what_is_no_photo_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid, match="JPEG, PNG, WebP or HEIC"):
        bare_photo(content)


def test_a_film_in_the_clothes_of_a_photo_is_refused() -> None:
    with pytest.raises(Invalid, match="film"):
        bare_photo(heic() + box(b"moov", b""))


def test_a_png_with_a_wrong_check_sum_or_without_picture_is_refused() -> None:
    whole = bytearray(png())
    whole[40] ^= 1
    with pytest.raises(Invalid, match="check sum"):
        bare_photo(bytes(whole))
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    with pytest.raises(Invalid, match="no picture"):
        bare_photo(png()[:33] + end)


def test_a_photo_of_a_million_parts_is_refused_before_it_takes_the_processor() -> None:
    remark, text = b"\xff\xfe\x00\x02", b"\0\0\0\0tEXt" + struct.pack(">I", zlib.crc32(b"tEXt"))
    body = b"WEBP" + b"EXIF\0\0\0\0" * 20_000
    for content in (
        jpeg()[:2] + remark * 20_000 + jpeg()[2:],
        png()[:33] + text * 20_000 + png()[33:],
        b"RIFF" + struct.pack("<I", len(body)) + body,
        heic() + box(b"free", b"") * 20_000,
    ):
        with pytest.raises(Invalid, match="too many parts"):
            bare_photo(content)
    assert bare_photo(jpeg()[:2] + b"\xff" * 4_000_000 + jpeg()[2:]).content == bare_photo(jpeg()).content


WHOLE = {media_type: make() for media_type, make in SAMPLES.items()}


@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_damaged_photos_are_refused_or_cleaned_and_never_a_crash(
    media_type: str, damage: list[tuple[int, int]]
) -> None:
    content = bytearray(WHOLE[media_type])
    for place, value in damage:
        content[place % len(content)] = value
    try:
        bare_photo(bytes(content))
    except Invalid as refusal:
        assert refusal.reason in ("PHOTO_DAMAGED", "NOT_A_PHOTO")
