"""GS1-128 of an even number of digits: Code 128 set C behind a function character (ISO/IEC 15417, GS1 General Specifications)."""

from __future__ import annotations

from services.chassis.errors import Invalid

#: Widths of bar, space, bar... of each value from 0; 105 begins set C, 102 is function 1, 106 ends.
_WIDTHS = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232 2331112"
).split()  # noqa: SIM905 - as a list it would be a hundred lines
_START_C, _FUNCTION_1, _STOP = 105, 102, 106
_MODULUS = 103


def bars(digits: str) -> tuple[tuple[tuple[int, int], ...], int]:
    """The dark bars as (start, width) in modules, and the whole width; quiet zones of ten modules lie around it."""
    if not (digits.isascii() and digits.isdigit()) or len(digits) % 2:
        raise Invalid(f"GS1-128 of digits takes an even number of them, not {digits!r}.")
    values = [_FUNCTION_1, *(int(digits[at : at + 2]) for at in range(0, len(digits), 2))]
    check = (_START_C + sum(place * value for place, value in enumerate(values, start=1))) % _MODULUS
    found, start = [], 0
    for value in (_START_C, *values, check, _STOP):
        for index, width in enumerate(map(int, _WIDTHS[value])):
            if index % 2 == 0:
                found.append((start, width))
            start += width
    return tuple(found), start
