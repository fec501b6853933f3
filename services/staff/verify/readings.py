"""Do the readings of a register give what it is said to have counted?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def unlike_readings(bundle: dict[str, Any]) -> Iterator[str]:
    """What was used is the last reading less the first; where the register passed zero, a one with zeros more."""
    for segment in bundle["segments"]:
        for close in segment["closes"]:
            passed_zero = close["used"] - (close["final"] - close["initial"])
            if passed_zero and not (close["final"] < close["initial"] and _is_one_with_zeros(passed_zero)):
                yield (
                    f"Meter {close['meter']}, {close['register']}: from {close['initial']} to {close['final']} are not "
                    f"{close['used']} {close['unit']}."
                )


def _is_one_with_zeros(number: int) -> bool:
    return str(number).rstrip("0") == "1"
