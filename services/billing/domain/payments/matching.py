"""Which invoice a movement of the bank pays: by its number, by a reference we gave out, by amount and account, or by hand.

Pure: over the invoices that may be meant. What points to more than one possibility goes to a person, with the list.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from services.billing.domain.payments.movements import BankMovement, money_of

Rule = Literal["invoice_reference", "creditor_reference", "amount_and_iban", "manual"]
#: Shorter numbers stand in texts by chance.
_SHORTEST = 6
#: A number may be written with blanks and signs inside: so many words are joined to find it.
_WORDS = 4
_LISTED = 20


@dataclass(frozen=True)
class Candidate:
    """An invoice that a movement may pay, open or not; `account` is whose it is, cents are what is still unpaid.

    `references` are those given out for it: of the slip, of the collection (end-to-end id), of the barcode. `mandate` and
    `ibans` are those of its account.
    """

    invoice_id: str
    number: str
    account: str
    outstanding_cents: int
    references: frozenset[str] = frozenset()
    mandate: str = ""
    ibans: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Match:
    """`rule` is "manual" when a person has to decide among `candidates` (perhaps none); otherwise all of them are paid."""

    rule: Rule
    candidates: tuple[Candidate, ...]
    sentence: str

    @property
    def decided(self) -> bool:
        return self.rule != "manual"


class Matcher:
    """An index over candidates, so that a statement of thousands is matched in one pass."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._numbers: dict[str, list[Candidate]] = defaultdict(list)
        self._references: dict[str, list[Candidate]] = defaultdict(list)
        self._mandates: dict[str, list[Candidate]] = defaultdict(list)
        self._payments: dict[tuple[str, int], list[Candidate]] = defaultdict(list)
        for each in candidates:
            self._numbers[plain(each.number)].append(each)
            for reference in each.references:
                self._references[plain(reference)].append(each)
            if each.mandate:
                self._mandates[plain(each.mandate)].append(each)
            for iban in each.ibans:
                self._payments[iban, each.outstanding_cents].append(each)

    def match(self, movement: BankMovement) -> Match:
        """What a movement pays or gives back. Its texts, references and account are asked in the order of the rules.

        Money that went out is decided only as a return, with the bank's reason: what else it is a person knows.
        """
        found = self._match(movement)
        if found.decided and movement.cents <= 0 and not movement.return_reason:
            return Match(
                "manual", found.candidates, f"{money_of(movement.cents)} is no payment and no return with a reason."
            )
        return found

    def _match(self, movement: BankMovement) -> Match:
        words = tuple(words_of(movement))
        named = _distinct(found for word in words if len(word) >= _SHORTEST for found in self._numbers.get(word, ()))
        if named:
            return self._agreed("invoice_reference", named, movement, "name")
        given = {plain(movement.end_to_end), *(plain(text) for text in movement.references), *words} - {""}
        referred = _distinct(found for word in sorted(given) for found in self._references.get(word, ()))
        if referred:
            return self._agreed("creditor_reference", referred, movement, "carry the reference of")
        mandated = _distinct(self._mandates.get(plain(movement.mandate), ()) if movement.mandate else ())
        if mandated:
            return self._single("creditor_reference", _of_amount(mandated, movement), mandated, movement, "mandate")
        paid = _distinct(self._payments.get((movement.party_iban, movement.cents), ()) if movement.cents > 0 else ())
        if paid:
            return self._single("amount_and_iban", paid, paid, movement, "amount and account")
        return Match("manual", (), f"Nothing in the movement of {money_of(movement.cents)} points to an invoice.")

    def _agreed(self, rule: Rule, found: tuple[Candidate, ...], movement: BankMovement, verb: str) -> Match:
        """One invoice, or several that are paid together to the cent."""
        numbers = _listed(found)
        if len(found) == 1:
            return Match(rule, found, f"Its texts {verb} {numbers}.")
        if sum(each.outstanding_cents for each in found) == movement.cents:
            return Match(rule, found, f"Its texts {verb} {numbers}, and it pays them all.")
        return Match("manual", found, f"Its texts {verb} {numbers}, and {money_of(movement.cents)} is not their sum.")

    def _single(
        self, rule: Rule, best: tuple[Candidate, ...], all_: tuple[Candidate, ...], movement: BankMovement, what: str
    ) -> Match:
        if len(best) == 1:
            return Match(rule, best, f"Its {what} fit {best[0].number} alone.")
        listed = best or all_
        return Match("manual", listed, f"Its {what} may mean {_listed(listed)} for {money_of(movement.cents)}.")


def _of_amount(found: tuple[Candidate, ...], movement: BankMovement) -> tuple[Candidate, ...]:
    """Of the invoices of a mandate the one of this amount; a single one may be paid in part."""
    exact = tuple(each for each in found if each.outstanding_cents == abs(movement.cents))
    return exact or (found if len(found) == 1 else ())


def words_of(movement: BankMovement) -> Iterator[str]:
    """Plain words of the texts and up to four of them joined, as lines apart and as one text broken at line ends."""
    parts = [*movement.texts, movement.end_to_end, *movement.references]
    whole = "".join(movement.texts)
    seen: set[str] = set()
    for part in [*parts, " ".join(movement.texts), whole]:
        pieces = [plain(piece) for piece in re.split(r"[\s,;:()]+", part)]
        pieces = [piece for piece in pieces if piece]
        for start in range(len(pieces)):
            for end in range(start + 1, min(start + _WORDS, len(pieces)) + 1):
                word = "".join(pieces[start:end])
                if word not in seen:
                    seen.add(word)
                    yield word


def plain(text: str) -> str:
    """Letters and digits alone, in upper case."""
    return re.sub(r"[\W_]+", "", text).upper()


def _distinct(found: Iterable[Candidate]) -> tuple[Candidate, ...]:
    return tuple(
        sorted({each.invoice_id: each for each in found}.values(), key=lambda each: (each.number, each.invoice_id))
    )


def _listed(found: tuple[Candidate, ...]) -> str:
    numbers = [each.number for each in found[:_LISTED]]
    return ", ".join(numbers) + (f" and {len(found) - _LISTED} more" if len(found) > _LISTED else "")
