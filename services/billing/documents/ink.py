"""Colours of the documents: one brand colour from the profile, the rest fixed and readable (contrast ≥ 4.5:1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from services.chassis.errors import Invalid

Colour = tuple[float, float, float]  # red, green, blue, 0 to 1


def _hex(text: str) -> Colour:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", text):
        raise Invalid(f"The brand colour {text!r} is not a colour: write it as #RRGGBB, for example #0B5D5A.")
    return int(text[1:3], 16) / 255, int(text[3:5], 16) / 255, int(text[5:7], 16) / 255


def _mix(colour: Colour, other: Colour, share: float) -> Colour:
    """`share` of `colour`, the rest of `other`."""
    return tuple(round(a * share + b * (1 - share), 4) for a, b in zip(colour, other, strict=True))  # type: ignore[return-value]


def _luminance(colour: Colour) -> float:
    """Relative luminance of WCAG 2.2."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio of WCAG 2.2, 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


WHITE: Colour = (1, 1, 1)
BLACK: Colour = (0, 0, 0)
INK = _hex("#14211F")
MUTED = _hex("#55625F")
RULE = _hex("#E1DDD3")
SAND = _hex("#F7F5F0")
AMBER, AMBER_GROUND = _hex("#8A5300"), _hex("#FFF1D6")
GREEN, GREEN_GROUND = _hex("#12603A"), _hex("#DFF3E6")
RED, RED_GROUND = _hex("#9B1C1C"), _hex("#FDE5E3")


@dataclass(frozen=True)
class Brand:
    """Shades of the profile's colour; `strong` is dark enough to be text on white and on `tint`."""

    strong: Colour
    middle: Colour
    pale: Colour
    tint: Colour


@lru_cache(maxsize=64)
def brand(text: str) -> Brand:
    """The shades of the brand colour written as #RRGGBB; a light colour is darkened until it can be read."""
    strong = _hex(text)
    tint = _mix(strong, WHITE, 0.11)
    while contrast(strong, tint) < 4.5:
        strong = _mix(strong, BLACK, 0.9)
    return Brand(strong=strong, middle=_mix(strong, WHITE, 0.62), pale=_mix(strong, WHITE, 0.3), tint=tint)
