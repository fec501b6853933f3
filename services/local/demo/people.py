"""Invented people and businesses with documents whose check digits hold.

Surnames are made up so that no real person is described; numbers come from a seeded generator, so a name keeps its
document from one run to the next.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date
from random import Random

from stdnum.ar import cuit
from stdnum.es import cif, dni, nie

GIVEN_NAMES = (
    "Carmen", "Antonio", "Rosa", "Manuel", "Pilar", "José", "Teresa", "Javier", "Elena", "Miguel", "Lucía", "Andrés",
    "Isabel", "Ramón", "Julia", "Pedro", "Nuria", "Tomás", "Clara", "Víctor", "Silvia", "Óscar", "Inés", "Rubén",
)  # fmt: skip
SURNAMES = (
    "Olmedal", "Fuentearce", "Valdecierzo", "Robledal", "Cantarral", "Sotoluna", "Peñaclara", "Zarzalejo", "Trigalbo",
    "Campohondo", "Brezalinda", "Almendrado", "Riofresno", "Lindavega", "Torrecierva", "Pradoverde", "Mielgares",
    "Solanilla", "Encinado", "Carrizosa", "Vientoalto", "Piedralba", "Marjalino", "Ventisca",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Somebody who holds a supply; a business has no birth date."""

    name: str
    document_type: str
    document: str
    birth_date: date | None
    email: str
    phone: str


class Registry:
    """Makes people one after the other, none with the name or the document of another."""

    def __init__(self, jurisdiction: str, rng: Random) -> None:
        self._jurisdiction = jurisdiction
        self._rng = rng
        self._names: set[str] = set()
        self._documents: set[str] = set()

    def person(self, *, with_email: bool = True, foreign: bool = False) -> Person:
        """A natural person: DNI or NIE in Spain, DNI in Argentina."""
        name = self._new_name()
        document_type, document = self._natural_document(foreign)
        born = date(self._rng.randint(1941, 2002), self._rng.randint(1, 12), self._rng.randint(1, 28))
        return Person(name, document_type, document, born, address_of(name) if with_email else "", self._phone())

    def business(self, name: str, form: str) -> Person:
        """A legal person; `form` is the first letter of the CIF in Spain (B company, P town council, F cooperative)."""
        while True:
            if self._jurisdiction == "es":
                # A town council's number starts with its province; any digits do for an invented one.
                body = f"{form}{self._rng.randint(2_000_000, 9_899_999):07d}"
                digits = cif.calc_check_digits(body)
                document_type, document = ("cif", body + (digits[1] if form in "KPQRSNW" else digits[0]))
            else:
                body = f"30{self._rng.randint(50_000_000, 71_999_999)}"
                document_type, document = "cuit", body + cuit.calc_check_digit(body)
            if document not in self._documents:
                break
        self._documents.add(document)
        return Person(name, document_type, document, None, address_of(name), self._phone())

    def _new_name(self) -> str:
        while True:
            name = f"{self._rng.choice(GIVEN_NAMES)} {self._rng.choice(SURNAMES)} {self._rng.choice(SURNAMES)}"
            if name not in self._names:
                self._names.add(name)
                return name

    def _natural_document(self, foreign: bool) -> tuple[str, str]:
        while True:
            if self._jurisdiction == "ar":
                document_type, document = ("dni", str(self._rng.randint(6_000_000, 42_000_000)))
            elif foreign:
                body = f"{self._rng.choice('XY')}{self._rng.randint(1_000_000, 9_999_999)}"
                document_type, document = "nie", body + nie.calc_check_digit(body)
            else:
                body = f"{self._rng.randint(10_000_000, 79_999_999)}"
                document_type, document = "nif", body + dni.calc_check_digit(body)
            if document not in self._documents:
                self._documents.add(document)
                return document_type, document

    def _phone(self) -> str:
        if self._jurisdiction == "es":
            return f"6{self._rng.randint(0, 99_999_999):08d}"
        return f"0342 15{self._rng.randint(4_000_000, 6_999_999)}"


def address_of(name: str) -> str:
    """An e-mail address from a name, in the domain that never leads anywhere (RFC 2606)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = ["".join(letter for letter in word if letter.isalnum()) for word in plain.split()]
    return ".".join(word for word in [word for word in words if len(word) > 2][:2]) + "@example.org"
