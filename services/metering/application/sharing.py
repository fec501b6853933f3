"""Sharing agreements of collective self-consumption: imported by the office, listed, and ended."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.periods import parse_date
from services.metering.application.corrections import tell_corrections
from services.metering.domain.hours import END_DAY, FIRST_DAY
from services.metering.domain.sharing_file import read_coefficients
from services.metering.repository import points, sharing
from services.metering.repository.curves import Revision
from services.metering.repository.holdings import CUPS_LENGTH
from services.metering.repository.points import Point
from services.metering.repository.sharing import Agreement

LARGEST = 3_500_000
"""Bytes of a file: ten participants with a coefficient for each hour of the year, or any number with one for all."""


@dataclass(frozen=True)
class AgreementFound:
    """An agreement, its participants, which of them no supply is, and the supply of the installation.

    ``end``: the first day on which it does not hold, None while no other begins; ``in_force``: it was not replaced.
    """

    agreement: Agreement
    participants: tuple[str, ...]
    unknown: tuple[str, ...]
    generation: Point
    end: date | None
    in_force: bool


class SharingAgreements:
    def __init__(self, database: Database, time_zone: str) -> None:
        self._database, self._time_zone = database, time_zone

    def take(
        self, key: RequestKey, actor: str, file_name: str, content: bytes, generation: str, start: str
    ) -> AgreementFound:
        """An agreement from a local day on, the first of the file's year when none is said, with the installation measured at
        a supply.

        The one of the same installation and day that was there is replaced; the same again changes nothing. Billing is told of
        each billed period that is otherwise by it. Raises Invalid for a file that is none, NotFound for the supply, Refused
        for a participant of another installation.
        """
        text = _text(content)
        agreed = read_coefficients(file_name.strip(), text)
        first = _day(start, "start") if start else date(agreed.year, 1, 1)
        if not date(agreed.year, 1, 1) <= first < END_DAY:
            raise Invalid(
                f"The coefficients are of {agreed.year} and cannot hold from {first}: give a day of that year or later.",
                field="start",
            )

        def act() -> str:
            point = points.point_of_supply(tx.connection, generation)
            if point is None or point.kind != "electricity":
                raise NotFound(f"There is no supply {generation[:60]!r} with electricity.", "SUPPLY_NOT_FOUND")
            sha256 = hashlib.sha256(content).hexdigest()
            return self._add(tx, agreed.cau, first, point.key, file_name.strip(), text, sha256, actor)

        with self._database.write() as tx:
            return self._found(tx, tx.once(key, act))

    def end(self, key: RequestKey, actor: str, cau: str, on: str) -> AgreementFound:
        """From a local day on nothing is shared of an installation. NotFound for one that shares nothing then."""
        first = _day(on, "on")

        def act() -> str:
            before = [each for each in sharing.of_installation(tx.connection, cau) if each.start <= first]
            if not before or not before[-1].content:
                raise NotFound(
                    f"The installation {cau[:40]!r} has no agreement on {first}; look at the list of agreements.",
                    "NO_AGREEMENT",
                )
            last = before[-1]
            return self._add(tx, last.cau, first, last.generation_key, last.file_name, "", "", actor)

        with self._database.write() as tx:
            return self._found(tx, tx.once(key, act))

    def list(self) -> list[AgreementFound]:
        """All that were ever imported, by installation and day, those that were replaced too."""
        with self._database.read() as connection:
            return _listed(connection)

    # ----------------------------------------------------------------------------------------------------- one at a time
    def _add(
        self,
        tx: Transaction,
        cau: str,
        first: date,
        generation: int,
        file_name: str,
        text: str,
        sha256: str,
        actor: str,
    ) -> str:
        # In the order of the points, so that imports which have a participant in common go one after the other.
        keys = self._concerned(tx, cau, generation, file_name, text)
        points.lock_points(tx, keys)
        before = sharing.of_installation(tx.connection, cau)
        same = next((each for each in before if each.start == first), None)
        if same is not None and (same.sha256, same.generation_key) == (sha256, generation):
            return same.id
        made = Agreement(
            id=new_id(),
            cau=cau,
            start=first,
            generation_key=generation,
            time_zone=self._time_zone,
            file_name=file_name,
            content=text,
            sha256=sha256,
            actor=actor,
            imported_at=tx.clock.now(),
            revision=Revision(tx, tx.clock.now(), None).number,
        )
        _check_others(tx, made, before)
        sharing.add(tx, made)
        tell_corrections(tx, dict.fromkeys(sorted(keys), (first, END_DAY)))
        return made.id

    @staticmethod
    def _concerned(tx: Transaction, cau: str, generation: int, file_name: str, text: str) -> set[int]:
        """Points of the installation, of whoever shares by an agreement, and of who did by the ones of its installation."""
        agreed = read_coefficients(file_name, text).supplies if text else ()
        keys = sharing.keys_of_cups(tx.connection, {cups[:CUPS_LENGTH] for cups in agreed})
        others = sharing.points_of(tx.connection, [each.id for each in sharing.of_installation(tx.connection, cau)])
        return keys | {generation} | {key for columns in others.values() for key in columns}

    def _found(self, tx: Transaction, agreement_id: str) -> AgreementFound:
        return next(each for each in _listed(tx.connection) if each.agreement.id == agreement_id)


def _listed(connection: Connection) -> list[AgreementFound]:
    rows = sharing.every(connection)
    places = points.points_by_key(connection, {each.generation_key for each in rows})
    known = sharing.points_of(connection, [each.id for each in rows])
    standing = sorted((each for each in rows if each.superseded_by is None), key=lambda each: (each.cau, each.start))
    found = []
    for each in sorted(rows, key=lambda each: (each.cau, each.start, each.revision)):
        later = [one.start for one in standing if one.cau == each.cau and one.start > each.start]
        agreed = each.coefficients
        participants = agreed.supplies if agreed else ()
        having = set(known.get(each.id, {}).values())
        found.append(
            AgreementFound(
                each,
                participants,
                tuple(cups for place, cups in enumerate(participants) if place not in having),
                places[each.generation_key],
                later[0] if later else None,
                each.superseded_by is None,
            )
        )
    return found


def _check_others(tx: Transaction, made: Agreement, before: Sequence[Agreement]) -> None:
    """Refused where the installation or a participant has a part in another one, on a day on which this one holds."""
    agreed = made.coefficients
    if agreed is None:
        return
    mine = {cups[:CUPS_LENGTH] for cups in agreed.supplies}
    end = min((each.start for each in before if each.start > made.start), default=END_DAY)
    for each, first, last in sharing.standing_spans(tx.connection):
        theirs = each.coefficients
        if each.cau == made.cau or theirs is None or first >= end or last <= made.start:
            continue
        both = sorted(mine & {cups[:CUPS_LENGTH] for cups in theirs.supplies})
        if both:
            raise Refused(
                f"{both[0]} shares the installation {each.cau} from {first} on: a supply has a part in one at a time.",
                "SHARES_ANOTHER",
            )
    if made.generation_key in sharing.keys_of_cups(tx.connection, mine):
        raise Refused("The installation itself is among its participants; leave it out of the file.", "SHARES_ITSELF")


def _text(content: bytes) -> str:
    if len(content) > LARGEST:
        raise Invalid(f"The file has {len(content):,} bytes; it can have {LARGEST:,} at most.", field="content")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise Invalid(f"The file is no text in UTF-8: {wrong.reason} at byte {wrong.start}.", field="content") from None


def _day(text: str, field: str) -> date:
    try:
        found = parse_date(text)
    except ValueError as wrong:
        raise Invalid(f"{field} {wrong}.", field=field) from wrong
    if not FIRST_DAY <= found < END_DAY:
        raise Invalid(f"{field} is {found}, outside {FIRST_DAY} to {END_DAY}.", field=field)
    return found
