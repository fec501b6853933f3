"""Interleaved 2 of 5 (ISO/IEC 16390): pairs of digits as wide and narrow bars and spaces; and the check digit of RG 1702."""

from __future__ import annotations

from services.chassis.errors import Invalid

#: Wide elements of each digit, from the first to the fifth.
_WIDE = ("00110", "10001", "01001", "11000", "00101", "10100", "01100", "00011", "10010", "01010")
NARROW, WIDE = 2, 5  # modules; the ratio of 2.5 keeps a long number readable when printed small


def check_digit(digits: str) -> str:
    """The digits in odd positions three times and those in even ones once, completed to a multiple of ten (RG 1702)."""
    _refuse_others(digits)
    total = sum(map(int, digits[::2])) * 3 + sum(map(int, digits[1::2]))
    return str(-total % 10)


def bars(digits: str) -> tuple[tuple[tuple[int, int], ...], int]:
    """The dark bars of an even number of digits as (start, width) in modules, and the whole width."""
    _refuse_others(digits)
    if len(digits) % 2:
        raise Invalid(f"An interleaved bar code takes an even number of digits; {digits} has {len(digits)}.")
    widths = [NARROW] * 4  # start: bar, space, bar, space
    for first, second in zip(digits[::2], digits[1::2], strict=True):
        for bar, space in zip(_WIDE[int(first)], _WIDE[int(second)], strict=True):
            widths += [WIDE if bar == "1" else NARROW, WIDE if space == "1" else NARROW]
    widths += [WIDE, NARROW, NARROW]  # stop
    found, at = [], 0
    for index, width in enumerate(widths):
        if index % 2 == 0:
            found.append((at, width))
        at += width
    return tuple(found), at


def _refuse_others(digits: str) -> None:
    if not (digits.isascii() and digits.isdigit()):
        raise Invalid(f"A bar code of digits cannot carry {digits!r}.")
