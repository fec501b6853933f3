"""Ways to damage a file, each drawn from a seeded chance, and what a damage left as it was."""

from __future__ import annotations

import random
from collections.abc import Callable

_LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "'
    + b"ha" * 50
    + b'">'
    + b"".join(b'<!ENTITY %c "%b">' % (n, b"&%c;" % (n - 1) * 10) for n in range(ord("b"), ord("k")))
    + b"]>"
)
_ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "cp037", "utf-8-sig", "rot13", "idna", "iso-2022-jp")

Mutation = Callable[[bytearray, random.Random], None]


def cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def flip(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] = chance.randrange(256)


def drop(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.randint(1, 20)]


def insert(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = chance.choice([b"\0", b";", b'"', b"\xff\xfe", b"\r", b"&x;", b"]]>", b"-", b"e308", bytes(300)])


def huge_number(data: bytearray, chance: random.Random) -> None:
    digits = [at for at, sign in enumerate(data) if chr(sign).isdigit()]
    at = chance.choice(digits)
    data[at : at + 1] = b"9" * chance.choice([3, 12, 30, 6000])


def swap_fields(data: bytearray, chance: random.Random) -> None:
    lines = bytes(data).split(b"\n")
    at = chance.randrange(len(lines))
    sign = next((sign for sign in (b";", b",") if sign in lines[at]), b" ")
    fields = lines[at].split(sign)
    one, two = chance.randrange(len(fields)), chance.randrange(len(fields))
    fields[one], fields[two] = fields[two], fields[one]
    lines[at] = sign.join(fields)
    data[:] = b"\n".join(lines)


def swap_lines(data: bytearray, chance: random.Random) -> None:
    lines = bytes(data).split(b"\n")
    one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    data[:] = b"\n".join(lines)


def latin_letter(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    data[at:at] = "ñ".encode("latin-1")


def entities(data: bytearray, chance: random.Random) -> None:
    """A declaration that would expand to gigabytes, somewhere, and a use of it after."""
    at = chance.choice([0, chance.randrange(len(data))])
    data[at:at] = _LAUGHS
    at = chance.randrange(at, len(data))
    data[at:at] = b"&j;"


def declared_encoding(data: bytearray, chance: random.Random) -> None:
    """An XML declaration with an encoding that the file has not, nor perhaps anybody."""
    data[0:0] = f'<?xml version="1.0" encoding="{chance.choice(_ENCODINGS)}"?>'.encode()


def other_encoding(data: bytearray, chance: random.Random) -> None:
    """From somewhere on the file goes on in another encoding, as two programs writing to one file make it."""
    at = chance.choice([0, chance.randrange(len(data))])
    data[at:] = bytes(data[at:]).decode("latin-1").encode(chance.choice(_ENCODINGS[:4]), "replace")


def several(data: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(2, 6)):
        if len(data) > 1:
            chance.choice((cut, flip, drop, insert, swap_fields, swap_lines, latin_letter))(data, chance)


OPERATIONS: tuple[Mutation, ...] = (
    cut,
    flip,
    drop,
    insert,
    huge_number,
    swap_fields,
    swap_lines,
    latin_letter,
    entities,
    declared_encoding,
    other_encoding,
    several,
)


def untouched(before: bytes, after: bytes) -> set[bytes]:
    """The lines that both have: a changed line is neither at the front nor at the back of what is alike."""
    old, new = before.split(b"\n"), after.split(b"\n")
    front = 0
    while front < min(len(old), len(new)) and old[front] == new[front]:
        front += 1
    back = 0
    while back < min(len(old), len(new)) - front and old[-1 - back] == new[-1 - back]:
        back += 1
    return set(old[:front] + old[len(old) - back :])
