"""Pages of a list: how many, and from where. A page token is the sort key of the last item, opaque to callers."""

import base64
import binascii
import json

from services.chassis.errors import Invalid


def page_size(requested: int, *, default: int = 50, most: int = 200) -> int:
    """What a request's ``page_size`` means: 0 is ``default``, more than ``most`` is ``most``. Raises Invalid when negative."""
    if requested < 0:
        raise Invalid(
            f"page_size is {requested}: ask for 1 to {most}, or 0 for {default}.", "PAGE_SIZE", field="page_size"
        )
    return min(requested or default, most)


def encode_token(*key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_token(token: str, parts: int) -> tuple[str, ...] | None:
    """The key in a token, None for an empty one. Raises Invalid for anything we have not made."""
    if not token:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error):
        key = None
    if not isinstance(key, list) or len(key) != parts or not all(isinstance(part, str) for part in key):
        raise Invalid(
            "page_token is not one of ours: use the next_page_token of the page before.",
            "PAGE_TOKEN",
            field="page_token",
        )
    return tuple(key)
