"""The debt-free certificate: who gets it, its verification code, and how little the public check page says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from services.chassis.errors import Invalid

#: Crockford's base 32: no I, L, O, U, so that a code read aloud or from paper survives.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 16
CODE_BYTES = 10
_FORGIVEN = str.maketrans({"O": "0", "I": "1", "L": "1"})

State = Literal["valid", "expired", "revoked"]


def code_from(random: bytes) -> str:
    """Sixteen characters from eighty random bits."""
    if len(random) != CODE_BYTES:
        raise ValueError(f"a verification code takes {CODE_BYTES} random bytes, not {len(random)}")
    number = int.from_bytes(random, "big")
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (CODE_LENGTH - 1), -1, -5))


def grouped(code: str) -> str:
    """In groups of four, as printed: "7K3D-9QXA-…"."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def folded(text: str) -> str:
    """What was typed without what forgives itself: whatever is neither letter nor digit, lower case, O for 0, I and L for 1."""
    return "".join(letter for letter in text if letter.isalnum()).upper().translate(_FORGIVEN)


def typed_code(text: str) -> str:
    """The code somebody typed: blanks, hyphens and lower case are forgiven, O is 0, I and L are 1. Invalid otherwise."""
    code = folded(text)
    if len(code) != CODE_LENGTH or any(character not in ALPHABET for character in code):
        raise Invalid(
            f"{text[:40]!r} is not a verification code: it has {CODE_LENGTH} letters and digits, such as "
            "7K3D-9QXA-52MN-W0TB.",
            field="code",
        )
    return code


def masked_holder(name: str) -> str:
    """ "Ana Pérez" as "A*** P***": enough for who knows the name, nothing for who does not."""
    return " ".join(f"{word[0].upper()}***" for word in name.split())


def masked_supply(cups: str, account_number: str) -> str:
    """The last four characters of the CUPS, or of the account number where there is none."""
    text = cups or account_number
    shown = 4 if len(text) > 8 else 2
    return "*" * (len(text) - shown) + text[-shown:]


def state_of(valid_until: date, revoked: bool, today: date) -> State:
    """Valid up to and including `valid_until`, unless revoked."""
    if revoked:
        return "revoked"
    return "expired" if today > valid_until else "valid"


def position_hash(position: Mapping[str, Any]) -> str:
    """SHA-256 of the ledger position a certificate rests on (text values only), in canonical JSON."""
    canonical = json.dumps(position, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
