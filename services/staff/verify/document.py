"""A bundle's text as data: nothing in it may be said twice, and a fraction is a text, which keeps its digits."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from services.staff.verify.numbers import Unverifiable


def read(text: str) -> Any:
    """Raises Unverifiable with a sentence when it is no JSON, or says a field twice: readers would see one, programs the other."""
    try:
        return json.loads(text, parse_float=_no_number, parse_constant=_no_number, object_pairs_hook=_once)
    except RecursionError:
        raise Unverifiable("This is not an invoice bundle: it is nested too deeply.") from None
    except ValueError as wrong:
        raise Unverifiable(f"This is not a bundle: it is no JSON ({wrong}).") from None


def _no_number(text: str) -> NoReturn:
    raise Unverifiable(f"{text[:40]} stands as a number: a bundle has whole ones, and writes amounts as texts.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unverifiable(f"The field {twice[:40]!r} stands twice in the same place of the bundle.")
    return found
