"""Identifiers: UUID version 7 (RFC 9562 §5.7), 36 characters, ordered by the millisecond they were made in."""

import os
import time

_MILLISECONDS = (1 << 48) - 1
#: The places of version and variant, and what stands there.
_RANDOM = ~(0xF << 76 | 0x3 << 62)
_VERSION_7 = 0x7 << 76 | 0x2 << 62


def new_id() -> str:
    """A new identifier; later ones sort after earlier ones, so indexes grow at one end."""
    milliseconds = time.time_ns() // 1_000_000 & _MILLISECONDS
    value = (milliseconds << 80 | int.from_bytes(os.urandom(10), "big")) & _RANDOM | _VERSION_7
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
