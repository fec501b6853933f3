"""CUPS, the Spanish code of a supply point (RD 1435/2002, DA 4.a): ES, 16 digits, 2 check letters and at times a border point."""

from stdnum.es import cups as standard

from services.chassis.errors import Invalid
from services.supplies.domain.documents import compact

#: Files mix the forms of 20 and 22 characters: two CUPS are the same supply point when these many agree.
KEY_LENGTH = 20
_BORDER_LETTERS = "FPRCXYZ"


def cups_key(cups: str) -> str:
    """The part of a canonical CUPS that identifies the supply point."""
    return cups[:KEY_LENGTH]


def parse_cups(text: str, field: str = "cups") -> str:
    """The canonical CUPS. Raises Invalid that says which part is wrong and what would be right.

    >>> parse_cups("es0575 0000 0000 0877 ha")
    'ES0575000000000877HA'
    """
    cups = compact(text)
    wrong = _what_is_wrong(cups)
    if wrong:
        raise Invalid(wrong, "CUPS_MALFORMED", field=field)
    return cups


def _what_is_wrong(cups: str) -> str:
    if len(cups) not in (20, 22):
        return f"{cups} has {len(cups)} characters; a CUPS has 20 or 22."
    if not cups.startswith("ES"):
        return f"{cups} starts with {cups[:2]}; a CUPS starts with ES."
    digits = cups[2:18]
    if not (digits.isascii() and digits.isdigit()):
        return f"{cups} has {digits} after ES; a CUPS has 16 digits there."
    expected = standard.calc_check_digits(cups)
    if cups[18:20] != expected:
        return f"{cups} ends its digits with the letters {cups[18:20]}; they ask for {expected}: check both."
    border = cups[20:]
    if border and not (border[0].isascii() and border[0].isdigit() and border[1] in _BORDER_LETTERS):
        letters = ", ".join(_BORDER_LETTERS)
        return f"{cups} ends with {border}; the border point is a digit and one of the letters {letters}."
    return ""
