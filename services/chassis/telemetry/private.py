"""The last guard of the log lines: whatever looks like a person's data is struck out, whichever library wrote it.

Our own lines name ids, counts and reasons; texts of exceptions and of libraries are not ours to choose. Names cannot be
told from other words: they stay out because no line says them.
"""

from __future__ import annotations

import re
from typing import Any

_PATTERNS = {
    "e-mail": r"[^\s@\"'<>()\[\],;:=]+@[^\s@\"'<>()\[\],;:=]+\.[A-Za-z]{2,}",
    "CUPS": r"\bES\d{16}[A-Z]{2}(?:\d[A-Z])?\b",
    "IBAN": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",
    "CBU": r"\b\d{22}\b",
    "CUIT": r"\b(?:20|23|24|27|30|33|34)-?\d{8}-?\d\b",
    "DNI": r"\b(?:\d{8}-?[A-Z]|[XYZ]-?\d{7}-?[A-Z]|(?<![\d.])\d{1,2}\.\d{3}\.\d{3}(?!\.\d))\b",
}
_ANY = re.compile("|".join(f"({pattern})" for pattern in _PATTERNS.values()))
_NAMES = tuple(_PATTERNS)


def without_personal_data(value: Any) -> Any:
    """The text with what looks like an e-mail address or the number of a person, an account or a supply struck out;
    also within lists and dictionaries."""
    if isinstance(value, str):
        return _ANY.sub(_struck, value) if len(value) > 5 else value
    if isinstance(value, dict):
        return {key: without_personal_data(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_personal_data(one) for one in value]
    return value


def _struck(found: re.Match[str]) -> str:
    return f"[{_NAMES[(found.lastindex or 1) - 1]}]"
