"""Remittances of direct debits: proposed to the office, approved into the bank's file, handed out byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection

from services.billing.application.mandates import day_of, no_direct_debit
from services.billing.domain.bill import ZERO
from services.billing.domain.payments.collecting import Candidate, Chosen, Excluded, check_collection_day, decide
from services.billing.domain.payments.direct_debits import latest_submission
from services.billing.domain.payments.mandates import Terms
from services.billing.domain.payments.sepa import Collection, remittance
from services.billing.repository import invoices, mandates, remittances, series
from services.billing.repository.remittances import DirectDebit, Exclusion, Remittance
from services.billing.rules import Rules
from services.chassis.blobs import BlobStore
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Conflict, NotFound, Refused
from services.chassis.ids import new_id

SERIES = "remittance"
#: How often a file is made again because something was paid while it was made.
_TRIES = 5


@dataclass(frozen=True)
class RemittanceFound:
    """A remittance with the count and amount of its collections by state, and how many items were left out."""

    remittance: Remittance
    sums: dict[str, tuple[int, Decimal]]
    excluded: int

    @property
    def count(self) -> int:
        """Of the collections that were not dropped."""
        return sum(count for state, (count, _) in self.sums.items() if state != "dropped")

    @property
    def total(self) -> Decimal:
        return sum((amount for state, (_, amount) in self.sums.items() if state != "dropped"), ZERO)


@dataclass(frozen=True)
class _Plan:
    """What of a proposal goes to the bank, with what is known of it, and (its collection, why) what does not any more."""

    sent: tuple[tuple[DirectDebit, Candidate], ...]
    dropped: tuple[tuple[DirectDebit, str], ...]


class _Changed(Exception):
    """What is to be collected is not what the file was made of."""


class Remittances:
    def __init__(self, database: Database, rules: Rules, blobs: BlobStore, terms: Terms | None) -> None:
        self._database = database
        self._rules = rules
        self._blobs = blobs
        self._terms = terms

    # ---------------------------------------------------------------------------------------------------- proposing
    def propose(self, key: RequestKey, by: str, collect_on: str, again: Sequence[str]) -> RemittanceFound:
        """Gathers what is due and may be collected on a day. Refused when that is nothing, or the bank's time is over."""
        terms, day = self._offered(), day_of(collect_on, "collect_on")
        with self._database.write() as tx:
            made = tx.once(key, lambda: self._propose(tx, by, day, terms, again))
            return self._found(tx.connection, made)

    def _propose(self, tx: Transaction, by: str, collect_on: date, terms: Terms, again: Sequence[str]) -> str:
        connection = tx.connection
        check_collection_day(collect_on, self._today())
        taken = series.take(connection, SERIES)  # its lock lets one proposal at a time look for open items
        decided = {self._invoice_id(connection, name) for name in again}
        known = mandates.in_force(connection)
        items, without = remittances.candidates(connection, collect_on, self._today(), known)
        outcomes = [decide(item, collect_on, terms, item.invoice_id in decided) for item in items]
        chosen = [each for each in outcomes if isinstance(each, Chosen)]
        excluded = [each for each in outcomes if isinstance(each, Excluded)]
        if not chosen:
            first = f" The first: {excluded[0].candidate.number}: {excluded[0].why}" if excluded else ""
            raise Refused(
                f"Nothing can be collected on {collect_on}: {len(excluded)} due items with a mandate are left out and "
                f"{without} have no mandate.{first}",
                "NOTHING_TO_COLLECT",
            )
        number = taken.last_number + 1
        series.put(connection, replace(taken, last_number=number, last_date=self._today()))
        made = Remittance(
            id=new_id(),
            number=f"R{collect_on:%Y%m%d}-{number}",
            collect_on=collect_on,
            state="proposed",
            without_mandate=without,
            proposed_by=by,
            proposed_at=tx.clock.now(),
        )
        remittances.keep(connection, made, [_debit(made, place, each) for place, each in enumerate(chosen)], excluded)
        return made.id

    @staticmethod
    def _invoice_id(connection: Connection, name: str) -> str:
        found = invoices.find(connection, name.strip())
        if found is None:
            raise NotFound(f"There is no invoice {name!r}; copy its number from the invoice.", "NO_INVOICE")
        return found.id

    def discard(self, key: RequestKey, by: str, name: str) -> RemittanceFound:
        """Gives a proposal up: its items can be proposed again."""
        with self._database.write() as tx:

            def act() -> str:
                found = self._required(tx.connection, name, lock=True)
                if found.state != "proposed":
                    raise Refused(
                        f"The remittance {found.number} is {found.state}; only a proposal can be discarded.",
                        "REMITTANCE_NOT_PROPOSED",
                    )
                remittances.change(tx.connection, found.id, state="discarded")
                why = f"discarded by {by}"
                remittances.change_debits(
                    tx.connection, found.id, "proposed", state="dropped", why=why, open_invoice_id=None
                )
                return found.id

            return self._found(tx.connection, tx.once(key, act))

    # ---------------------------------------------------------------------------------------------------- approving
    def approve(self, key: RequestKey, by: str, name: str) -> RemittanceFound:
        """Makes the file for the bank, once. What was paid since the proposal, or lost its mandate, is left out."""
        terms = self._offered()
        for _ in range(_TRIES):
            now = self._database.clock.now()
            with self._database.read() as connection:
                found = self._required(connection, name)
                plan = self._plan(connection, found, terms) if found.state == "proposed" else _Plan((), ())
            # Made before the transaction: the file of ten thousand collections takes seconds.
            content = _file(terms, found, plan, now) if plan.sent else b""
            try:
                with self._database.write() as tx:
                    made = tx.once(key, lambda: self._approve(tx, by, found.id, terms, plan, content, now))  # noqa: B023
                    return self._found(tx.connection, made)
            except _Changed:
                continue
        raise Conflict(f"Payments came in while {name} was approved; approve it again.", "REMITTANCE_CHANGED")

    def _approve(
        self, tx: Transaction, by: str, remittance_id: str, terms: Terms, plan: _Plan, content: bytes, now: datetime
    ) -> str:
        connection = tx.connection
        found = self._required(connection, remittance_id, lock=True)
        if found.state != "proposed":
            raise Refused(f"The remittance {found.number} is {found.state} already.", "REMITTANCE_NOT_PROPOSED")
        check_collection_day(found.collect_on, self._today())
        if self._plan(connection, found, terms) != plan:
            raise _Changed
        if not plan.sent:
            raise Refused(
                f"Nothing of the remittance {found.number} is left to collect; discard it.", "NOTHING_TO_COLLECT"
            )
        sha256 = self._blobs.put(content)
        remittances.change_each(
            connection,
            [
                {
                    "debit": each.id,
                    "state": "sent",
                    "amount": each.amount,
                    "iban": each.iban,
                    "holder": each.holder,
                    "amended": each.amended,
                }
                for each, _ in plan.sent
            ],
        )
        remittances.change_each(
            connection,
            [{"debit": each.id, "state": "dropped", "why": why, "open_invoice_id": None} for each, why in plan.dropped],
        )
        remittances.change(connection, found.id, state="approved", approved_by=by, approved_at=now, sha256=sha256)
        return found.id

    def _plan(self, connection: Connection, found: Remittance, terms: Terms) -> _Plan:
        """The proposal with what is known now: never more than was proposed, and never more than is owed."""
        known = mandates.in_force(connection)
        items, _ = remittances.candidates(connection, found.collect_on, self._today(), known, only=found.id)
        by_invoice = {item.invoice_id: item for item in items}
        sent: list[tuple[DirectDebit, Candidate]] = []
        dropped: list[tuple[DirectDebit, str]] = []
        for each in remittances.debits(connection, found.id, "proposed"):
            item = by_invoice.get(each.invoice_id)
            if item is None or item.mandate.id != each.mandate_id:
                dropped.append((each, "It was paid, or its mandate was cancelled, after the proposal."))
                continue
            outcome = decide(item, found.collect_on, terms, decided=True)
            if isinstance(outcome, Excluded):
                dropped.append((each, outcome.why))
                continue
            account = outcome.account
            amount = min(each.amount, item.amount)
            debit = replace(each, amount=amount, iban=account.iban, holder=account.holder, amended=outcome.amended)
            sent.append((debit, item))
        return _Plan(tuple(sent), tuple(dropped))

    # ------------------------------------------------------------------------------------------------------ reading
    def file(self, name: str) -> tuple[str, bytes]:
        """Name and bytes of an approved remittance's file: those of its approval."""
        with self._database.read() as connection:
            found = self._required(connection, name)
        if not found.sha256:
            raise Refused(
                f"The remittance {found.number} is {found.state} and has no file: approve it first.", "NO_FILE_YET"
            )
        return f"{found.number}.xml", self._blobs.get(found.sha256)

    def get(self, name: str) -> RemittanceFound:
        with self._database.read() as connection:
            return self._found(connection, self._required(connection, name).id)

    def page(self, before: str, limit: int) -> list[RemittanceFound]:
        with self._database.read() as connection:
            page = remittances.page(connection, before, limit)
            ids = [each.id for each in page]
            sums, excluded = remittances.sums(connection, ids), remittances.count_excluded(connection, ids)
        return [RemittanceFound(each, sums.get(each.id, {}), excluded.get(each.id, 0)) for each in page]

    def collections(self, name: str, state: str, after: int, limit: int) -> list[DirectDebit]:
        with self._database.read() as connection:
            found = self._required(connection, name)
            return remittances.debits(connection, found.id, state, after=after, limit=limit)

    def exclusions(self, name: str, after: int, limit: int) -> list[tuple[int, Exclusion]]:
        with self._database.read() as connection:
            return remittances.exclusions(connection, self._required(connection, name).id, after, limit)

    def _found(self, connection: Connection, remittance_id: str) -> RemittanceFound:
        found = self._required(connection, remittance_id)
        sums = remittances.sums(connection, [found.id]).get(found.id, {})
        return RemittanceFound(found, sums, remittances.count_excluded(connection, [found.id]).get(found.id, 0))

    @staticmethod
    def _required(connection: Connection, name: str, *, lock: bool = False) -> Remittance:
        found = remittances.find(connection, name.strip(), lock=lock)
        if found is None:
            raise NotFound(f"There is no remittance {name!r}; 'coopctl remittance list' names them.", "NO_REMITTANCE")
        return found

    def _offered(self) -> Terms:
        if self._terms is None:
            raise no_direct_debit()
        return self._terms

    def _today(self) -> date:
        return self._rules.today(self._database.clock.now())


def send_by(found: Remittance) -> date:
    """The last day on which the bank takes the file."""
    return latest_submission(found.collect_on)


def _debit(made: Remittance, place: int, chosen: Chosen) -> DirectDebit:
    item = chosen.candidate
    return DirectDebit(
        id=new_id(),
        end_to_end=item.end_to_end,
        remittance_id=made.id,
        position=place,
        invoice_id=item.invoice_id,
        open_invoice_id=item.invoice_id,
        supply_id=item.mandate.supply_id,
        mandate_id=item.mandate.id,
        iban=chosen.account.iban,
        holder=chosen.account.holder,
        amended=chosen.amended,
        amount=item.amount,
        state="proposed",
    )


def _file(terms: Terms, found: Remittance, plan: _Plan, at: datetime) -> bytes:
    collections = [
        Collection(
            end_to_end=each.end_to_end,
            cents=int(each.amount.scaleb(2)),
            mandate=item.mandate.reference,
            signed_on=item.mandate.signed_on,
            holder=each.holder,
            iban=each.iban,
            collect_on=found.collect_on,
            text=f"{terms.text} {item.number}",
            amended=each.amended,
        )
        for each, item in plan.sent
    ]
    return remittance(terms.creditor, collections, found.number, at)
