"""E-mail addresses: the form that is kept and the key that says when two addresses are the same one."""

import hashlib
import re
import unicodedata

from services.chassis.errors import Invalid

# RFC 5321 §4.5.3.1: 64 octets before the @, 254 in all (the 256 of a path less its angle brackets).
_LOCAL_MAX, _TOTAL_MAX = 64, 254
_LOCAL = re.compile(r"[^\s@<>()\[\],;:\\\"]+")
_LABEL = re.compile(r"[^\W_](?:[\w-]*[^\W_])?")


def parse_email(text: str, field: str = "email") -> str:
    """The address as it is kept: trimmed, NFC, domain in lower case. Raises Invalid with what is wrong with it."""
    address = unicodedata.normalize("NFC", text.strip())
    if not address:
        raise Invalid("Write your e-mail address.", "EMAIL_MISSING", field=field)
    local, at, domain = address.rpartition("@")
    labels = domain.split(".")
    well_formed = (
        at
        and _LOCAL.fullmatch(local)
        and not local.startswith(".")
        and not local.endswith(".")
        and ".." not in local
        and len(labels) >= 2
        and all(_LABEL.fullmatch(label) and len(label) <= 63 for label in labels)
        and not labels[-1].isdigit()
    )
    if not well_formed:
        raise Invalid(
            f"{_shown(address)} is not an e-mail address: write it like name@example.org.",
            "EMAIL_MALFORMED",
            field=field,
        )
    if len(local.encode()) > _LOCAL_MAX or len(address.encode()) > _TOTAL_MAX:
        raise Invalid(
            f"The e-mail address is too long: at most {_LOCAL_MAX} characters before the @ and {_TOTAL_MAX} in all.",
            "EMAIL_TOO_LONG",
            field=field,
        )
    return f"{local}@{domain.lower()}"


def email_key(address: str) -> str:
    """What two spellings of one address have in common: 64 hexadecimal characters, case and compatibility forms folded.

    Limits and logs carry this key, never the address.
    """
    folded = unicodedata.normalize("NFKC", address).casefold()
    return hashlib.sha256(folded.encode()).hexdigest()


def _shown(address: str) -> str:
    return repr(address if len(address) <= 60 else address[:57] + "…")
