"""Files of banks and collectors into the books: a file whole or not at all, a movement once whatever file brings it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import BinaryIO

from sqlalchemy import Connection

from services.billing.application.bank_matching import BankMatching
from services.billing.domain.bank_entries import arrived_entry
from services.billing.domain.payments.iban import compact
from services.billing.domain.payments.money_files import MoneyFile, read_money_file
from services.billing.domain.payments.movements import BankMovement
from services.billing.repository import bank_files, ledger
from services.billing.repository.bank_files import IGNORED, NEW, Movement, StoredFile
from services.billing.rules import Rules
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid
from services.chassis.ids import new_id

#: Movements of a file whose fate is told at once; the list has the others.
TOLD = 200
_CAMT = "camt.053"
_PIECE = 1 << 16
#: With room for what is none: the index of PostgreSQL takes no long values.
_LONGEST_IBAN = 40


@dataclass(frozen=True)
class Imported:
    """What became of a file: by state, how many movements it brought first and their sum; and those, the first TOLD."""

    file: StoredFile
    counts: Mapping[str, tuple[int, Decimal]]
    movements: Sequence[Movement]
    payments: Mapping[str, Sequence[str]]
    dry_run: bool = False


class _Undone(Exception):
    """Takes a dry run's transaction back."""


class BankFiles:
    def __init__(self, database: Database, rules: Rules, matching: BankMatching) -> None:
        self._database = database
        self._rules = rules
        self._matching = matching

    def take(self, key: RequestKey, actor: str, file_name: str, source: BinaryIO, *, dry_run: bool) -> Imported:
        """Keep and match what is new in a file. Raises Invalid for one that cannot be booked whole; it leaves a trace."""
        sha256 = _hash(source)
        key = replace(key, fingerprint=sha256)
        file = StoredFile(
            new_id(),
            sha256,
            file_name[:255],
            "",
            bank_files.TAKEN,
            "",
            (),
            0,
            0,
            actor[:80],
            self._database.clock.now(),
        )
        try:
            found = read_money_file(source)
            self._check(found)
            if dry_run:
                return self._dry(found, file, actor)
            with self._database.write() as tx:
                file_id = tx.once(key, lambda: self._keep(tx, found, file))
        except Invalid as refusal:
            if not dry_run:
                self._refused(key, file, refusal)
            raise
        self._matching.run(actor)
        with self._database.read() as connection:
            return _imported(connection, file_id)

    def files(self, *, before: str, limit: int) -> Sequence[StoredFile]:
        """Files that were given, the latest first, refused ones too."""
        with self._database.read() as connection:
            return bank_files.files(connection, before=before, limit=limit)

    def _dry(self, found: MoneyFile, file: StoredFile, actor: str) -> Imported:
        """Everything as it would go, and taken back."""
        result: list[Imported] = []
        try:
            with self._database.write() as tx:
                file_id = self._keep(tx, found, file)
                while self._matching.batch(tx, actor):
                    pass
                result.append(replace(_imported(tx.connection, file_id), dry_run=True))
                raise _Undone
        except _Undone:
            return result[0]

    def _check(self, found: MoneyFile) -> None:
        """Of our currency and our accounts. Raises Invalid."""
        for movement in found.movements:
            if movement.currency != self._rules.currency:
                raise Invalid(
                    f"Line {movement.line}: a movement is in {movement.currency or 'no currency'} and the books are kept "
                    f"in {self._rules.currency}. The file was refused whole and nothing of it was booked.",
                    "BANK_FILE_REFUSED",
                    field="currency",
                )
        own = own_accounts(self._rules)
        for statement in found.statements.statements if found.statements and own else ():
            if compact(statement.account) not in own:
                raise Invalid(
                    f"The file is of the account {statement.account[:40]}, which is not ours; if it is, add it to "
                    "[payment] bank_accounts of coop.toml. Nothing of it was booked.",
                    "BANK_FILE_REFUSED",
                    field="account",
                )

    def _keep(self, tx: Transaction, found: MoneyFile, file: StoredFile) -> str:
        """The file, its movements that are new, and an entry for each."""
        bank_files.lock(tx.connection)
        self._one_format(tx, found)
        known = bank_files.known_references(tx.connection, {each.bank_reference for each in found.movements})
        fresh = [each for each in found.movements if each.bank_reference not in known]
        today, now = self._rules.today(tx.clock.now()), tx.clock.now()
        ids = sorted(new_id() for _ in fresh)  # movements keep the order of the file
        entries, rows = [], []
        for movement_id, each in zip(ids, fresh, strict=True):
            entry_id = new_id() if each.cents else None
            if entry_id:
                day = min(each.booked_on, today)
                entries.append((entry_id, arrived_entry(day, each.bank_reference, found.source, each.amount)))
            rows.append(_row(movement_id, each, found, file.id, entry_id))
        ledger.keep_entries(tx.connection, entries, now)
        kept = replace(
            file,
            format=found.format,
            findings=[_clean(sentence) for sentence in (*found.findings, *self._known(tx, file, found, len(fresh)))],
            movements=len(found.movements),
            fresh=len(fresh),
        )
        bank_files.keep_file(tx.connection, kept)
        bank_files.keep_movements(tx.connection, rows)
        return file.id

    def _known(self, tx: Transaction, file: StoredFile, found: MoneyFile, fresh: int) -> tuple[str, ...]:
        """A sentence about movements that another file told before. Files of overlapping days repeat them; of two extracts
        of one day the second may also have another movement that says just the same.
        """
        known = len(found.movements) - fresh
        if not known or bank_files.was_taken(tx.connection, file.sha256):
            return ()
        return (
            f"{known} of its {len(found.movements)} movements say just what earlier files said and are taken for the same. If "
            "the bank gives several files of one day, see that none of these is a second movement of the same amount and "
            "text: take the file of the whole day then.",
        )

    def _one_format(self, tx: Transaction, found: MoneyFile) -> None:
        """Days that came in one format are not taken again in another, where movements have other references."""
        for statement in found.statements.statements if found.statements else ():
            days = [each.booked_on for each in statement.movements]
            if not days:
                continue
            account = _clean(statement.account)
            before = bank_files.formats_between(tx.connection, account, min(days), max(days))
            other = sorted(each for each in before if _family(each) != _family(found.format))
            if other:
                raise Invalid(
                    f"Movements of {account[:40]} between {min(days)} and {max(days)} were imported from {other[0]} before; "
                    f"import this account from one format only. Nothing of the file in {found.format} was booked.",
                    "BANK_FILE_REFUSED",
                    field="format",
                )

    def _refused(self, key: RequestKey, file: StoredFile, refusal: Invalid) -> None:
        def keep() -> str:
            refused = replace(file, state=bank_files.REFUSED, problem=_clean(refusal.message))
            bank_files.keep_file(tx.connection, refused)
            return file.id

        # Of its own scope: the same command may be taken later, when what stood in its way has gone.
        with self._database.write() as tx:
            tx.once(replace(key, scope=f"refused|{key.scope}"[:120]), keep)


def own_accounts(rules: Rules) -> frozenset[str]:
    """The cooperative's accounts at banks, compact; none: statements of any are taken."""
    payment = rules.profile.section("payment")
    given = [payment.get("iban", ""), payment.get("cbu", ""), *payment.get("bank_accounts", [])]
    return frozenset(compact(str(each)) for each in given if each)


def _hash(source: BinaryIO) -> str:
    """SHA-256 of a seekable file, which is then at its beginning again."""
    made = hashlib.sha256()
    while piece := source.read(_PIECE):
        made.update(piece)
    source.seek(0)
    return made.hexdigest()


def _imported(connection: Connection, file_id: str) -> Imported:
    movements = bank_files.list_movements(connection, (), file_id, after="", limit=TOLD)
    return Imported(
        bank_files.file_by_id(connection, file_id),
        bank_files.counts(connection, file_id),
        movements,
        bank_files.payments_of(connection, [each.id for each in movements]),
    )


def _row(movement_id: str, each: BankMovement, found: MoneyFile, file_id: str, entry_id: str | None) -> Movement:
    return Movement(
        id=movement_id,
        file_id=file_id,
        bank_reference=each.bank_reference,
        source=found.source,
        format=found.format,
        account=_clean(each.account),
        booked_on=each.booked_on,
        valued_on=each.valued_on,
        amount=each.amount,
        currency=each.currency,
        end_to_end=_clean(each.end_to_end),
        mandate=_clean(each.mandate),
        references=[_clean(text) for text in each.references],
        party_name=_clean(each.party_name),
        party_iban=_clean(each.party_iban)[:_LONGEST_IBAN],
        return_reason=_clean(each.return_reason),
        kind=_clean(each.kind),
        texts=[_clean(text) for text in each.texts],
        line=each.line,
        state=NEW if entry_id else IGNORED,
        rule="" if entry_id else "no_amount",
        sentence="" if entry_id else "A movement of nothing.",
        candidates=[],
        entry_id=entry_id,
    )


def _clean(text: str) -> str:
    """Without zero bytes, which PostgreSQL does not keep."""
    return text.replace("\0", "")


def _family(format_name: str) -> str:
    """The versions of camt.053 tell the same references."""
    return _CAMT if format_name.startswith(_CAMT) else format_name
