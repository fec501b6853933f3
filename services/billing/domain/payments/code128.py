"""GS1-128 of an even number of digits: Code 128 set C behind a function character (ISO/IEC 15417, GS1 General Specifications)."""

from __future__ import annotations

from services.chassis.errors import Invalid

#: Widths of bar, space, bar... of the values 0 to 105, six digits each; 105 begins set C, 102 is function 1, 106 ends.
_SIX = (
    "212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231113222"
    "123122123221223211221132221231213212223112312131311222321122321221312212322112322211212123212321"
    "232121111323131123131321112313132113132311211313231113231311112133112331132131113123113321133121"
    "313121211331231131213113213311213131311123311321331121312113312311332111314111221411431111111224"
    "111422121124121421141122141221112214112412122114122411142112142211241211221114413111241112134111"
    "111242121142121241114212124112124211411212421112421211212141214121412121111143111341131141114113"
    "114311411113411311113141114131311141411131211412211214211232"
)
_WIDTHS = (*(_SIX[at : at + 6] for at in range(0, len(_SIX), 6)), "2331112")
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
