"""The palette that one brand colour of a profile gives, in both themes.

A cooperative chooses one colour. Everything derived from it (button, soft ground, the three tariff-period
colours) is computed here, so that no profile can make text that is too pale to read: lightness is moved, in
OKLCH where equal steps look equal, until the contrast of WCAG 2.2 (1.4.3) holds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

LIGHT_CARD, LIGHT_PAPER, LIGHT_INK = "#fffefb", "#f5f3ee", "#14211f"
DARK_CARD, DARK_PAPER, DARK_INK = "#161e20", "#0d1414", "#eef2f0"
TEXT_CONTRAST = 5.5
"""Asked of text in brand colour: above the 4.5 of WCAG AA, so that rounding never falls below it."""


@dataclass(frozen=True)
class Palette:
    """Colours as `#rrggbb`; the names are the CSS custom properties without the leading dashes."""

    brand: str
    brand_strong: str
    on_brand: str
    brand_soft: str
    brand_line: str
    on_soft: str
    on_soft_muted: str
    tariff_1: str
    tariff_2: str
    tariff_3: str
    tariff_edge: str

    def declarations(self) -> str:
        """The palette as CSS declarations."""
        return "".join(f"--{name.replace('_', '-')}:{value};" for name, value in vars(self).items())


def stylesheet(brand: str) -> str:
    """The tokens layer for a brand colour `#rrggbb`, light and dark."""
    light, dark = light_palette(brand), dark_palette(brand)
    return (
        f"@layer tokens{{:root{{{light.declarations()}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{dark.declarations()}}}}}}}"
    )


def light_palette(brand: str) -> Palette:
    """The palette on white cards: the brand itself, darkened only as far as reading asks."""
    ink = _until(brand, [LIGHT_CARD, _with_lightness(brand, 0.935, chroma=0.28)], step=-0.01)
    soft = _with_lightness(ink, 0.935, chroma=0.28)
    return Palette(
        brand=ink,
        brand_strong=_lighter(ink, -0.08),
        on_brand="#ffffff",
        brand_soft=soft,
        brand_line=_with_lightness(ink, 0.83, chroma=0.45),
        on_soft=_until(ink, [soft], step=-0.01),
        on_soft_muted=_until(mix(ink, LIGHT_INK, 0.25), [soft], step=-0.01),
        tariff_1=ink,
        tariff_2=_with_lightness(ink, 0.66, chroma=0.9),
        tariff_3=_with_lightness(ink, 0.87, chroma=0.4),
        tariff_edge=ink,
    )


def dark_palette(brand: str) -> Palette:
    """The palette on dark cards: the brand lightened until it reads on the card and on its own soft ground."""
    ink = _until(
        _with_lightness(brand, 0.78, chroma=_calm(brand)), [DARK_CARD, mix(brand, DARK_PAPER, 0.30)], step=0.01
    )
    soft = mix(ink, DARK_PAPER, 0.17)
    return Palette(
        brand=ink,
        brand_strong=_lighter(ink, 0.07),
        on_brand=DARK_PAPER,
        brand_soft=soft,
        brand_line=mix(ink, DARK_PAPER, 0.35),
        on_soft=_until(ink, [soft], step=0.01),
        on_soft_muted=_until(mix(ink, DARK_INK, 0.25), [soft], step=0.01),
        tariff_1=ink,
        tariff_2=_with_lightness(ink, 0.56, chroma=0.95),
        tariff_3=_with_lightness(ink, 0.4, chroma=0.6),
        tariff_edge=ink,
    )


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mix(one: str, other: str, share: float) -> str:
    """The colour with `share` of `one` and the rest of `other`, in linear light's perceptual space (OKLab)."""
    blended = [share * a + (1 - share) * b for a, b in zip(_oklab(one), _oklab(other), strict=True)]
    return _hex(blended[0], blended[1], blended[2])


def _until(colour: str, grounds: list[str], step: float) -> str:
    while any(contrast(colour, ground) < TEXT_CONTRAST for ground in grounds):
        moved = _lighter(colour, step)
        if moved == colour:  # black or white: no colour of this hue reads better
            break
        colour = moved
    return colour


def _lighter(colour: str, step: float) -> str:
    lightness, a, b = _oklab(colour)
    return _hex(min(1.0, max(0.0, lightness + step)), a, b)


def _with_lightness(colour: str, lightness: float, chroma: float) -> str:
    """The same hue at another lightness (0 to 1), with this share of its chroma."""
    _, a, b = _oklab(colour)
    return _hex(lightness, a * chroma, b * chroma)


def _calm(colour: str) -> float:
    """The share of chroma to keep on dark ground, where a glowing colour tires the eye."""
    _, a, b = _oklab(colour)
    return min(1.0, 0.1 / max(math.hypot(a, b), 0.001))


def _channels(colour: str) -> tuple[float, float, float]:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ValueError(
            f"the brand colour {colour!r} is not of the form #rrggbb: correct it in the profile's coop.toml"
        )
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return _linear(red), _linear(green), _linear(blue)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _gamma(value: float) -> float:
    value = min(1.0, max(0.0, value))
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _luminance(colour: str) -> float:
    red, green, blue = _channels(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _oklab(colour: str) -> tuple[float, float, float]:
    """Björn Ottosson's OKLab, https://bottosson.github.io/posts/oklab/ (public domain)."""
    r, g, b = _channels(colour)
    long = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    medium = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _hex(lightness: float, a: float, b: float) -> str:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    return "#" + "".join(f"{round(_gamma(channel) * 255):02x}" for channel in (red, green, blue))
