"""Which passwords are accepted: long enough, and not what a guesser tries first.

No composition rules (NIST SP 800-63B §3.1.1.2): length counts, and whatever is common or taken from the account's own
surroundings (its address, the person's name, the cooperative's name) does not.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from services.chassis.errors import Invalid

MIN_LENGTH = 12
MAX_LENGTH = 256
# What remains of a password once common words, years and runs are taken out must still have this many characters.
MIN_UNEXPLAINED = 5
_CONTEXT_WORD_MIN = 4

_LEET = str.maketrans(
    {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i"}
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_RUNS = (
    "01234567890",
    "09876543210",
    "abcdefghijklmnopqrstuvwxyz",
    "zyxwvutsrqponmlkjihgfedcba",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
)
_REPEATED_CHUNK = re.compile(r"(.{1,6}?)\1{2,}")


def normalise(password: str) -> str:
    """NFC, so that a letter typed as one code point or as two gives the same password on every keyboard."""
    return unicodedata.normalize("NFC", password)


def check_password(password: str, *, email: str, name: str, context: Iterable[str], field: str = "password") -> str:
    """The password in NFC. ``context`` holds words of the surroundings, such as the cooperative's name.

    Raises Invalid with a sentence that never repeats the password.
    """
    text = normalise(password)
    if len(text) < MIN_LENGTH:
        raise Invalid(
            f"The password has {len(text)} characters: use at least {MIN_LENGTH}. Three or four unrelated words do well.",
            "PASSWORD_TOO_SHORT",
            field=field,
        )
    if len(text) > MAX_LENGTH:
        raise Invalid(
            f"The password has {len(text)} characters: use at most {MAX_LENGTH}.", "PASSWORD_TOO_LONG", field=field
        )
    if _is_guessable(text, guessable_words()):
        raise Invalid(
            "The password is made of common words, years or key sequences that are tried first: choose another one.",
            "PASSWORD_COMMON",
            field=field,
        )
    if _is_guessable(text, guessable_words() | context_words(email, name, *context)):
        raise Invalid(
            "The password repeats your e-mail address, your name or the cooperative's name: choose another one.",
            "PASSWORD_CONTEXT",
            field=field,
        )
    return text


def context_words(*texts: str) -> frozenset[str]:
    """The words of the texts, folded, that are long enough to be recognised inside a password."""
    words: set[str] = set()
    for text in texts:
        folded = _fold(text)
        pieces = re.split(r"[\W_]+", folded)
        words.update(pieces)
        words.add("".join(pieces))
    return frozenset(word for word in words if len(word) >= _CONTEXT_WORD_MIN)


@cache
def guessable_words() -> frozenset[str]:
    """Common words and whole common passwords, one per line in ``guessable.txt``, folded."""
    text = files(__package__).joinpath("guessable.txt").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return frozenset(_fold(line) for line in lines if line and not line.startswith("#"))


def _is_guessable(password: str, words: frozenset[str]) -> bool:
    """True when hardly anything is left once runs, years and ``words`` are out, with or without digits read as letters."""
    bare = _YEAR.sub(" ", _without_runs(_REPEATED_CHUNK.sub(r"\1", _fold(password))))
    return any(_left_over(reading, words) < MIN_UNEXPLAINED for reading in (bare, bare.translate(_LEET)))


def _left_over(text: str, words: frozenset[str]) -> int:
    for word in sorted((word for word in words if word in text), key=len, reverse=True):
        text = text.replace(word, " ")
    return sum(character.isalnum() for character in text)


def _without_runs(text: str) -> str:
    """Takes out pieces of four or more neighbours of the alphabet, the digits or a keyboard row."""
    for run in _RUNS:
        for length in range(len(run), 3, -1):
            for start in range(len(run) - length + 1):
                text = text.replace(run[start : start + length], " ")
    return text


def _fold(text: str) -> str:
    """Lower case without accents: "Contraseña" and "contrasena" are the same guess."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
