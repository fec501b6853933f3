"""Identity documents of holders: what is kept, what two spellings have in common, and what others may see."""

import re
from dataclasses import dataclass, field

_SEPARATORS = re.compile(r"[\s.\-/·_]+")


@dataclass(frozen=True)
class Document:
    """A checked document. ``number`` is canonical (upper case, no separators).

    ``key`` says when two documents are the same person's: an Argentine DNI and the CUIT made from it share one.
    ``natural`` is True for people, who have a birth date, and False for companies, which have none.
    """

    type: str
    number: str
    key: str
    natural: bool = field(compare=False)


def compact(text: str) -> str:
    """Upper case without blanks, dots, hyphens and slashes, as people write them."""
    return _SEPARATORS.sub("", text).upper()


def mask(number: str) -> str:
    """What anybody but the holder sees: ``12345678Z`` as ``***4567**``, four characters in the middle (AEPD guidance of 2019).

    Numbers of up to six characters show two.
    """
    shown = 4 if len(number) > 6 else 2
    start = max(0, (len(number) - shown + 1) // 2)
    return "*" * start + number[start : start + shown] + "*" * (len(number) - start - shown)
