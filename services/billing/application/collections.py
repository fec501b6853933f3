"""What becomes of collections: booked on their day when they did not come back, given back when they do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from coop.billing.events.v1 import events_pb2 as events
from coop.common.v1 import types_pb2 as types

from services.billing.application.issuing import WORK_TOPIC
from services.billing.application.mandates import day_of
from services.billing.application.receiving import PAYMENT_TOPIC, Incoming, Outgoing, Receiving
from services.billing.application.return_fees import is_fee
from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import RETURNED
from services.billing.domain.payments.direct_debits import AUTOMATIC_RETRIES
from services.billing.domain.payments.mandates import short_iban
from services.billing.domain.payments.return_files import Returned, read_returns
from services.billing.domain.payments.returns import ReturnReason, return_reason
from services.billing.repository import ledger, mandates, remittances, reversals
from services.billing.repository.invoices import Issued
from services.billing.repository.remittances import DirectDebit, Remittance
from services.billing.rules import Rules
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused

METHOD = "direct_debit"
#: Collections that are booked in one transaction: a settlement that was interrupted goes on with the rest.
AT_ONCE = 100
#: Sentences about entries of a file that are told, of however many there are.
TOLD = 100
SENT, COLLECTED, GONE_BACK, REJECTED = "sent", "collected", "returned", "rejected"


@dataclass(frozen=True)
class ReturnsBooked:
    """What a file did: collections that came back now, of how much, those that had before, and what was left out."""

    format: str
    returned: int
    amount: Decimal
    repeated: int
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Resolved:
    """Entries of a file as collections; `repeated` counts those that came back before, `problems` are sentences."""

    now: tuple[tuple[DirectDebit, Returned], ...]
    repeated: int
    problems: tuple[str, ...]


class Collections:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
        self._receiving = Receiving(rules)

    # ----------------------------------------------------------------------------------------------------- settling
    def settle(self, key: RequestKey, by: str, name: str) -> str:
        """Books every collection of a remittance that was not returned, on its day; gives the remittance's id.

        In parts, each with its own transaction: called again after an interruption, with this key or another, it goes on.
        """
        with self._database.write() as tx:
            remittance_id = tx.once(key, lambda: self._may_settle(tx, name))
        while self._settle_some(remittance_id, by):
            pass
        return remittance_id

    def _may_settle(self, tx: Transaction, name: str) -> str:
        found = remittances.find(tx.connection, name.strip())
        if found is None:
            raise NotFound(f"There is no remittance {name!r}; 'coopctl remittance list' names them.", "NO_REMITTANCE")
        if found.state not in ("approved", "settled"):
            raise Refused(
                f"The remittance {found.number} is {found.state}: nothing of it was sent to the bank.",
                "REMITTANCE_NOT_APPROVED",
            )
        today = self._today(tx)
        if today < found.collect_on:
            raise Refused(
                f"The remittance {found.number} is collected on {found.collect_on}; today is {today}. Settle it then.",
                "NOT_COLLECTED_YET",
            )
        return found.id

    def _settle_some(self, remittance_id: str, by: str) -> bool:
        """Some collections; whether there may be more."""
        with self._database.write() as tx:
            connection = tx.connection
            found = remittances.lock(connection, [remittance_id])[remittance_id]
            some = remittances.debits(connection, remittance_id, SENT, limit=AT_ONCE)
            if some:
                ledger.lock_accounts(connection, [each.supply_id for each in some])
                invoices = remittances.invoices_of(connection, [each.invoice_id for each in some])
                self._collect(tx, by, found, some, invoices)
                return True
            if found.state == "approved":
                remittances.change(connection, remittance_id, state="settled", settled_by=by, settled_at=tx.clock.now())
            return False

    def _collect(
        self, tx: Transaction, by: str, found: Remittance, some: Sequence[DirectDebit], invoices: dict[str, Issued]
    ) -> dict[str, str]:
        """Books collections as paid on the day of collection; ids of their payments by collection."""
        paid: dict[str, str] = {}
        for each in some:
            invoice = invoices[each.invoice_id]
            money = Incoming(each.supply_id, each.amount, METHOD, found.collect_on, each.end_to_end, by, invoice)
            paid[each.id] = self._receiving.receive(tx, money).id
        rows = [
            {"debit": each.id, "state": COLLECTED, "payment_id": paid[each.id], "open_invoice_id": None}
            for each in some
        ]
        remittances.change_each(tx.connection, rows)
        mandates.used(tx.connection, {each.mandate_id: (found.collect_on, each.iban) for each in some})
        return paid

    # ---------------------------------------------------------------------------------------------------- returning
    def take_file(self, key: RequestKey, by: str, content: bytes, known_only: bool) -> ReturnsBooked:
        """Books what a bank's file says came back. Refused whole, with a sentence for each entry that cannot be booked,
        unless `known_only`; what came back before is only counted.
        """
        file = read_returns(content)
        with self._database.write() as tx:

            def act() -> str:
                entries = list(file.returned)
                if file.whole is not None:
                    entries += self._whole(tx, file.message_id, file.whole, entries)
                resolved = self._resolve(tx, entries)
                if resolved.problems and not known_only:
                    more = len(resolved.problems) - 10
                    said = " ".join(resolved.problems[:10]) + (f" And {more} more." if more > 0 else "")
                    raise Refused(f"Nothing of the file was booked. {said}", "RETURNS_NOT_BOOKED")
                for debit, entry in resolved.now:
                    self._give_back(tx, by, debit, entry)
                amount = sum((debit.amount for debit, _ in resolved.now), ZERO)
                left_out = resolved.problems[:TOLD]
                return json.dumps([len(resolved.now), str(amount), resolved.repeated, left_out])

            count, amount, repeated, left_out = json.loads(tx.once(key, act))
        return ReturnsBooked(file.format, count, Decimal(amount), repeated, tuple(left_out))

    def take_one(self, key: RequestKey, by: str, end_to_end: str, reason: str, day: str) -> DirectDebit:
        """Books one collection as come back on a day ("": today). NotFound for one that is none."""
        code = reason.strip().upper()
        if not code or len(code) > 10:
            raise Invalid(f"The reason {reason!r} is no code of a bank; give one such as AM04.", field="reason")
        with self._database.write() as tx:
            today = self._today(tx)
            on = day_of(day, "day") if day else today
            if on > today:
                raise Invalid(f"{on} is in the future (today is {today}); record it when it comes back.", field="day")

            def act() -> str:
                resolved = self._resolve(tx, [Returned((end_to_end.strip(),), code, None, on, 0)])
                if resolved.problems:
                    raise Refused(resolved.problems[0], "RETURNS_NOT_BOOKED")
                if resolved.repeated:
                    known = remittances.by_end_to_end(tx.connection, [end_to_end.strip()])[end_to_end.strip()]
                    raise Refused(
                        f"{known.end_to_end} came back on {known.returned_on} already ({known.reason_code}); nothing was booked.",
                        "RETURNED_BEFORE",
                    )
                for debit, entry in resolved.now:
                    self._give_back(tx, by, debit, entry)
                return end_to_end.strip()

            name = tx.once(key, act)
            return remittances.by_end_to_end(tx.connection, [name])[name]

    def come_back(self, tx: Transaction, by: str, entry: Returned) -> str:
        """Books what one movement of a statement takes back, in the caller's transaction; it may have come back before.

        Gives a sentence when it cannot be booked, "" otherwise.
        """
        resolved = self._resolve(tx, [entry])
        for debit, told in resolved.now:
            self._give_back(tx, by, debit, told)
        return resolved.problems[0] if resolved.problems else ""

    def _whole(self, tx: Transaction, message_id: str, reason: str, told: Sequence[Returned]) -> list[Returned]:
        """Every collection of a remittance that the bank rejects as a whole, except those that it names."""
        found = remittances.find(tx.connection, message_id)
        if found is None:
            raise NotFound(
                f"The file rejects the remittance {message_id!r}, which was not sent from here.", "NO_REMITTANCE"
            )
        named = {name for entry in told for name in entry.end_to_end}
        return [
            Returned((each.end_to_end,), reason, None, None, 0, before_booking=True)
            for each in remittances.debits(tx.connection, found.id)
            if each.state in (SENT, COLLECTED, REJECTED, GONE_BACK) and each.end_to_end not in named
        ]

    def _resolve(self, tx: Transaction, entries: Sequence[Returned]) -> _Resolved:
        """The collections that entries mean, their remittances and accounts locked."""
        connection = tx.connection
        names = [name for entry in entries for name in entry.end_to_end]
        # Looked up twice: what they are is decided once nobody else can change them.
        before = remittances.by_end_to_end(connection, names)
        remittances.lock(connection, [each.remittance_id for each in before.values()])
        known = remittances.by_end_to_end(connection, names)
        now: list[tuple[DirectDebit, Returned]] = []
        problems: list[str] = []
        repeated = 0
        seen: Counter[str] = Counter()
        for entry in entries:
            found = next((known[name] for name in entry.end_to_end if name in known), None)
            where = f"Line {entry.line}: " if entry.line else ""
            if found is None:
                said = " ".join(entry.end_to_end)[:60] or "nothing"
                problems.append(f"{where}{said!r} is no collection that was sent from here.")
                continue
            seen[found.end_to_end] += 1
            wrong = _what_is_wrong(found, entry, seen[found.end_to_end])
            if wrong:
                problems.append(f"{where}{found.end_to_end} {wrong}")
            elif found.state in (GONE_BACK, REJECTED):
                repeated += 1
            else:
                now.append((found, entry))
        ledger.lock_accounts(connection, [each.supply_id for each, _ in now])
        return _Resolved(tuple(now), repeated, tuple(problems))

    def _give_back(self, tx: Transaction, by: str, debit: DirectDebit, entry: Returned) -> None:
        """One collection: rejected before it was booked, nothing moves; afterwards its payment goes back."""
        connection, reason = tx.connection, return_reason(entry.reason)
        found = remittances.lock(connection, [debit.remittance_id])[debit.remittance_id]
        invoice = remittances.invoices_of(connection, [debit.invoice_id])[debit.invoice_id]
        day = entry.day or self._today(tx)
        rejected = debit.state == SENT and (entry.before_booking or day < found.collect_on)
        payment_id, reversal_id, why = debit.payment_id, None, ""
        if not rejected:
            if payment_id is None:  # it was collected and came back before the remittance was settled
                payment_id = self._collect(tx, by, found, [debit], {invoice.id: invoice})[debit.id]
            day = max(day, found.collect_on)
            refunded = reversals.returned_of(connection, payment_id)
            if (
                refunded
            ):  # the bank takes the whole back all the same: the invoice is open whole, the rest is paid out twice
                why = f"{refunded} of it had been refunded before the bank took it back: claim that from the payer."
            if refunded < debit.amount:
                left = debit.amount - refunded
                order = Outgoing(payment_id, RETURNED, left, day, reason.code[:10], reason.words, by)
                reversal_id = self._receiving.give_back(tx, order).id
        change = {
            "debit": debit.id,
            "state": REJECTED if rejected else GONE_BACK,
            "payment_id": payment_id,
            "reversal_id": reversal_id,
            "returned_on": day,
            "reason_code": reason.code[:10],
            "why": why,
            "open_invoice_id": None,
        }
        remittances.change_each(connection, [change])
        if reason.mandate_ends:
            mandates.cancel(connection, debit.mandate_id, self._today(tx), by, f"{reason.code}: {reason.words}")
        self._tell(tx, debit, invoice, day, reason)

    def _tell(self, tx: Transaction, debit: DirectDebit, invoice: Issued, day: date, reason: ReturnReason) -> None:
        returns = remittances.count_returned(tx.connection, debit.invoice_id)
        covered = not ledger.outstanding_of(tx.connection, [invoice.id]).get(invoice.id)
        event = events.DirectDebitReturned(
            collection_id=debit.id,
            supply_id=debit.supply_id,
            member_id=invoice.member_id,
            account_number=invoice.account_number,
            invoice_id=invoice.id,
            invoice_number=invoice.number,
            amount=types.Money(amount=f"{debit.amount:.2f}", currency_code=self._rules.currency),
            day=day.isoformat(),
            reason_code=reason.code[:10],
            reason=reason.words,
            iban_masked=short_iban(debit.iban),
            collected_again=reason.retry and returns <= AUTOMATIC_RETRIES and not covered,
            mandate_ended=reason.mandate_ends,
            covered=covered,
        )
        tx.emit(PAYMENT_TOPIC, debit.supply_id, event)
        fee = self._rules.return_fee
        if fee is not None and reason.payers_account and not is_fee(invoice):
            due = events.ReturnFeeDue(
                collection_id=debit.id,
                supply_id=debit.supply_id,
                member_id=invoice.member_id,
                invoice_number=invoice.number,
                returned_on=day.isoformat(),
                net=types.Money(amount=f"{fee:.2f}", currency_code=self._rules.currency),
            )
            tx.emit(WORK_TOPIC, debit.id, due)

    def _today(self, tx: Transaction) -> date:
        return self._rules.today(tx.clock.now())


def _what_is_wrong(found: DirectDebit, entry: Returned, times: int) -> str:
    """Why an entry cannot be booked, as the rest of a sentence; "" when it can."""
    if times > 1:
        return "is in the file twice."
    if found.state not in (SENT, COLLECTED, GONE_BACK, REJECTED):
        return f"is {found.state}: it was not sent to the bank."
    if entry.cents is not None and entry.cents != int(found.amount.scaleb(2)):
        return f"was a collection of {found.amount}, not of {Decimal(entry.cents).scaleb(-2)}."
    return ""
