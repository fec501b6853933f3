"""Account numbers of Argentina: CBU of banks, CVU of payment providers, and the alias that stands for either.

Source: BCRA, Com. A 2622 (CBU: 22 digits, two check digits with the weights 7, 1, 3, 9), Com. A 6510 (CVU, from 000),
Com. A 6044 (alias: 6 to 20 letters, digits, dots and hyphens).
"""

from __future__ import annotations

import re

from stdnum.ar import cbu as standard

from services.chassis.errors import Invalid

_LENGTH = 22
_BLOCK = 8
_ALIAS = re.compile(r"[A-Za-z0-9.\-]{6,20}")


def parse_cbu(text: str, field: str = "cbu") -> str:
    """The 22 digits of a CBU or CVU. Raises Invalid that says which part is wrong.

    >>> parse_cbu("28505909 40090418135201")
    '2850590940090418135201'
    """
    number = re.sub(r"[\s\-./]", "", text)
    wrong = ""
    if not number:
        wrong = "The CBU is empty: write its 22 digits, such as 2850590940090418135201."
    elif not (number.isascii() and number.isdigit()):
        wrong = f"{text[:40]!r} has other things than digits: a CBU has {_LENGTH} digits."
    elif len(number) != _LENGTH:
        wrong = f"{number[:40]} has {len(number)} digits; a CBU has {_LENGTH}."
    else:
        for place, start, end in (("bank and branch", 0, _BLOCK), ("account", _BLOCK, _LENGTH)):
            block = number[start:end]
            asked = standard.calc_check_digit(block[:-1])
            if block[-1] != asked:
                wrong = f"The check digit {block[-1]} after the {place} of {number} must be {asked}: check the number."
                break
    if wrong:
        raise Invalid(wrong, "CBU_MALFORMED", field=field)
    return number


def is_cvu(number: str) -> bool:
    """Whether a parsed number is an account of a payment provider."""
    return number.startswith("000")


def parse_alias(text: str, field: str = "alias") -> str:
    """An alias as its owner wrote it, in lower case: banks compare it so."""
    alias = text.strip()
    if not _ALIAS.fullmatch(alias):
        raise Invalid(
            f"{text[:40]!r} is not an alias: it has 6 to 20 letters, digits, dots and hyphens, such as luz.coop.norte.",
            "ALIAS_MALFORMED",
            field=field,
        )
    return alias.lower()
