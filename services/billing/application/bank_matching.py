"""From movements to what they are: payments booked, money on its way settled, returns set apart, the rest for a person.

In batches, each a transaction that locks its movements: whatever is killed, a movement is either as it came or done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from services.billing.application.collections import Collections
from services.billing.application.receiving import Incoming, Outgoing, Receiving
from services.billing.domain.bank_entries import CLEARING, METHODS, arrived_entry, set_aside_entry, settled_entry
from services.billing.domain.ledger import TAKEN_OFF, UNMATCHED
from services.billing.domain.payments.collectors.coupon import read_coupon
from services.billing.domain.payments.given_out import account_of_coupon, numbers_in, slips_in
from services.billing.domain.payments.matching import Candidate, Match, Matcher, plain, words_of
from services.billing.domain.payments.movements import BankMovement
from services.billing.domain.payments.natures import OUTGOING, PAYMENT, SETTLEMENT, Nature, nature
from services.billing.domain.payments.return_files import Returned
from services.billing.domain.payments.returns import return_reason
from services.billing.repository import bank_candidates, bank_files, invoices, ledger, refunds, remittances, reversals
from services.billing.repository.bank_candidates import Payable
from services.billing.repository.bank_files import MATCHED, QUEUED, RETURN, SETTLED, Movement
from services.billing.rules import Rules
from services.chassis.db import Database, Transaction
from services.chassis.errors import CoopError, Invalid, Refused
from services.chassis.ids import new_id

BATCH = 50
#: Between a refund in the books and the bank's movement of it.
REFUND_TAKES = timedelta(days=31)
#: The rule of a movement that took a collection of ours back.
CAME_BACK = "returned"
LONGEST_REFERENCE = 140


class BankMatching:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
        self._receiving = Receiving(rules)
        self._collections = Collections(database, rules)
        self._words = settlement_words(rules)

    def run(self, actor: str) -> None:
        """Match whatever was kept and not matched yet, also what a killed import left."""
        while True:
            with self._database.write() as tx:
                if not self.batch(tx, actor):
                    return

    def batch(self, tx: Transaction, actor: str) -> int:
        """How many movements it looked at; none: all are done."""
        found = bank_files.lock_new(tx.connection, BATCH)
        if not found:
            return 0
        told = {each.id: each.told() for each in found}
        natures = self._natures(tx, found, told)
        returning = self._lock_remittances(tx, natures)
        coupons = self._coupons(tx, [each for each in found if each.source == "collector"])
        payables = self._payables(tx, list(told.values()))
        accounts = {each.supply_id for each in payables[0]} | {supply for supply, _ in coupons.values()} | returning
        ledger.lock_accounts(tx.connection, accounts)
        matcher = Matcher(self._candidates(tx, *payables))
        for each in found:
            try:
                with tx.savepoint():
                    if each.source == "collector":
                        self._collected(tx, each, coupons.get(each.id), actor)
                    else:
                        self._banked(tx, each, told[each.id], natures[each.id], matcher, actor)
            except CoopError as wrong:  # what cannot be booked a person decides, and the rest goes on
                bank_files.put(tx.connection, each.id, QUEUED, "", wrong.message)
        return len(found)

    def _natures(
        self, tx: Transaction, found: Sequence[Movement], told: Mapping[str, BankMovement]
    ) -> dict[str, Nature]:
        """What movements of statements are. A remittance's own number in the bank's words settles it."""
        sent = {plain(number) for number in bank_candidates.remittance_numbers(tx.connection)}
        natures = {}
        for each in found:
            if each.source == "collector":
                continue
            kind = nature(told[each.id], self._words)
            if kind.kind == PAYMENT and not sent.isdisjoint(words_of(told[each.id])):
                kind = Nature(SETTLEMENT, "direct_debit")
            natures[each.id] = kind
        return natures

    def _lock_remittances(self, tx: Transaction, natures: Mapping[str, Nature]) -> set[str]:
        """Of the collections that come back, before any account, as whoever settles them does; their supplies."""
        names = [name for each in natures.values() if each.returned for name in each.returned.end_to_end]
        if not names:
            return set()
        known = remittances.by_end_to_end(tx.connection, names)
        remittances.lock(tx.connection, [each.remittance_id for each in known.values()])
        return {each.supply_id for each in known.values()}

    # ------------------------------------------------------------------------------------------------ what may be meant
    def _payables(
        self, tx: Transaction, told: Sequence[BankMovement]
    ) -> tuple[list[Payable], dict[str, set[str]], Mapping[str, set[str]]]:
        """Invoices that the movements may mean; words that are references of slips, and accounts that paid, by supply."""
        connection, country, name = tx.connection, self._rules.country, self._rules.invoice_series
        words = {word for movement in told for word in words_of(movement)}
        numbers = numbers_in(words, bank_candidates.series_codes(connection), country.number)
        slips: dict[str, set[str]] = {}
        for word, (year, sequence) in slips_in(words).items():
            number = country.number(country.invoice_series(name, date(year, 1, 1), ()), sequence)
            slips.setdefault(number, set()).add(word)
        ibans = {movement.party_iban for movement in told if movement.party_iban and movement.cents > 0}
        payers = dict(bank_files.accounts_paid_from(connection, ibans))
        for iban, supplies in bank_candidates.accounts_of_mandates(connection, ibans).items():
            payers[iban] = payers.get(iban, set()) | supplies
        named = bank_candidates.by_number(connection, numbers | set(slips))
        known = {each.invoice_id for each in named}
        usual = bank_candidates.open_of(connection, {supply for found in payers.values() for supply in found})
        return [*named, *(each for each in usual if each.invoice_id not in known)], slips, payers

    def _candidates(
        self,
        tx: Transaction,
        payables: Sequence[Payable],
        slips: Mapping[str, set[str]],
        payers: Mapping[str, set[str]],
    ) -> list[Candidate]:
        """With what is unpaid now that the accounts are locked."""
        unpaid = ledger.outstanding_of(tx.connection, [each.invoice_id for each in payables])
        return [
            Candidate(
                invoice_id=each.invoice_id,
                number=each.number,
                account=each.supply_id,
                outstanding_cents=int(unpaid.get(each.invoice_id, Decimal(0)).scaleb(2)),
                references=frozenset(slips.get(each.number, ())),
                ibans=frozenset(iban for iban, supplies in payers.items() if each.supply_id in supplies),
            )
            for each in payables
        ]

    def _coupons(self, tx: Transaction, found: Sequence[Movement]) -> dict[str, tuple[str, str]]:
        """Supply and the account number that a collected movement's barcode names, by movement."""
        named = {}
        for each in found:
            for barcode in each.references:
                try:
                    named[each.id] = account_of_coupon(read_coupon(barcode).account)
                except Invalid:
                    continue  # said in the queue, where a person reads the barcode
        supplies = bank_candidates.supplies_by_account(tx.connection, set(named.values()))
        return {each: (supplies[account], account) for each, account in named.items() if account in supplies}

    # ------------------------------------------------------------------------------------------------------ what it is
    def _banked(
        self, tx: Transaction, each: Movement, told: BankMovement, kind: Nature, matcher: Matcher, actor: str
    ) -> None:
        if kind.returned is not None:
            self._came_back(tx, each, kind.returned, actor)
            return
        if kind.kind == SETTLEMENT:
            self.settle(tx, each, kind.account)
            sentence = f"It settles what was on its way as {kind.account}."
            bank_files.put(tx.connection, each.id, SETTLED, kind.account, sentence)
            return
        if kind.kind == OUTGOING:
            bank_files.put(tx.connection, each.id, QUEUED, "", self._left(tx, each))
            return
        match = matcher.match(told)
        numbers = [candidate.number for candidate in match.candidates]
        if not match.decided:
            bank_files.put(tx.connection, each.id, QUEUED, "", match.sentence, numbers)
            return
        wrong = self._no_longer(tx, match, each.amount)
        if wrong:
            bank_files.put(tx.connection, each.id, QUEUED, "", wrong, numbers)
            return
        credited = self.pay(tx, each, [candidate.invoice_id for candidate in match.candidates], "", actor)
        bank_files.put(tx.connection, each.id, MATCHED, match.rule, match.sentence + _of_credit(credited), numbers)

    def _left(self, tx: Transaction, each: Movement) -> str:
        """What to do with money that left: a refund is in the books already, the bank's side of it is what is decided."""
        found = reversals.refunds_of(tx.connection, -each.amount, each.booked_on - REFUND_TAKES)
        if len(found) != 1:
            return f"{each.amount} left the account; settle what it takes back, or ignore it if it is not of members."
        day, account, method = found[0]
        known = f"{each.amount} left the account; it may be the refund of {day} to {account}, which is in the books"
        if method in CLEARING:
            return f"{known} as {method}: settle it there if it is."
        return f"{known}: ignore it if it is."

    def _no_longer(self, tx: Transaction, match: Match, amount: Decimal) -> str:
        """Why a match that rests on amounts does not hold any more: an earlier movement of the batch paid first."""
        if match.rule != "amount_and_iban" and len(match.candidates) == 1:
            return ""
        unpaid = ledger.outstanding_of(tx.connection, [each.invoice_id for each in match.candidates])
        left = sum(unpaid.values(), Decimal(0))
        return "" if left == amount else f"{match.sentence} Meanwhile {left} is unpaid of it."

    def _collected(self, tx: Transaction, each: Movement, named: tuple[str, str] | None, actor: str) -> None:
        """The barcode names the account; of its invoices the one that was on the bill is paid first."""
        if named is None:
            said = each.references[0] if each.references else ""
            sentence = (
                f"The barcode {said[:80]!r} names no account of ours; the collector took it for {each.texts[:1]}."
            )
            bank_files.put(tx.connection, each.id, QUEUED, "", sentence)
            return
        supply_id, account = named
        coupon = read_coupon(each.references[0])
        today = self._rules.today(tx.clock.now())
        fitting = [
            item
            for item in ledger.open_items(tx.connection, supply_id, today)
            if item.due_date == coupon.first_due and item.outstanding == Decimal(coupon.first_cents).scaleb(-2)
        ]
        invoice_ids = [fitting[0].invoice_id] if len(fitting) == 1 else []
        credited = self.pay(tx, each, invoice_ids, supply_id, actor)
        sentence = f"Its barcode is that of account {account}, due on {coupon.first_due}.{_of_credit(credited)}"
        bank_files.put(tx.connection, each.id, MATCHED, "barcode", sentence, [item.number for item in fitting])

    def pay(self, tx: Transaction, each: Movement, invoice_ids: Sequence[str], supply_id: str, actor: str) -> Decimal:
        """Book what a movement brought: for one invoice all of it, for several what is unpaid of each, for none the account.

        Several must make the amount together; the caller saw to it. Gives what of it became credit.
        """
        credited = Decimal(0)
        unpaid = ledger.outstanding_of(tx.connection, invoice_ids) if len(invoice_ids) > 1 else {}
        for invoice_id in invoice_ids or [""]:
            amount = unpaid[invoice_id] if unpaid else each.amount
            if amount == 0:
                continue
            invoice = invoices.find(tx.connection, invoice_id) if invoice_id else None
            money = Incoming(
                supply_id=invoice.supply_id if invoice else supply_id,
                amount=amount,
                method=METHODS[each.source],
                paid_on=self.day(tx, each),
                reference=reference_of(each),
                recorded_by=actor,
                invoice=invoice,
                source=UNMATCHED,
            )
            made = self._receiving.receive(tx, money)
            bank_files.keep_payment(tx.connection, each.id, made.id)
            credited += made.credited
        return credited

    def take_off(self, tx: Transaction, each: Movement, why: str, actor: str) -> None:
        """Undo `pay`: each payment is reversed today, and its money waits again. Refused when any of it went back."""
        paid = bank_files.payments_of(tx.connection, [each.id]).get(each.id, [])
        payments = [ledger.payment_by_id(tx.connection, payment_id) for payment_id in paid]
        ledger.lock_accounts(tx.connection, [payment.supply_id for payment in payments])
        for payment in payments:
            named = f"The payment of {payment.amount} on {payment.paid_on} that it made"
            if back := reversals.returned_of(tx.connection, payment.id):
                raise Refused(f"{named} cannot be taken off: {back} of it went back to the payer.", "WENT_BACK")
            if refunds.waiting_of(tx.connection, payment.id):
                raise Refused(
                    f"{named} cannot be taken off: somebody asked to refund it. Reject that refund first.",
                    "REFUND_WAITS",
                )
            today = self._rules.today(tx.clock.now())
            self._receiving.give_back(tx, Outgoing(payment.id, TAKEN_OFF, payment.amount, today, "", why, actor))

    def day(self, tx: Transaction, each: Movement) -> date:
        """When it counts: the day the bank booked it, never a day to come."""
        return min(each.booked_on, self._rules.today(tx.clock.now()))

    def settle(self, tx: Transaction, each: Movement, account: str) -> None:
        """What was on its way on an account of CLEARING is at the bank, or was taken back there."""
        entry = settled_entry(self.day(tx, each), each.bank_reference, account, each.amount)
        ledger.keep_entries(tx.connection, [(new_id(), entry)], tx.clock.now())

    def unsettle(self, tx: Transaction, each: Movement, account: str) -> None:
        """Undo `settle` today: what was on its way on the account is still on its way."""
        today = self._rules.today(tx.clock.now())
        entry = settled_entry(today, each.bank_reference, account, -each.amount)
        ledger.keep_entries(tx.connection, [(new_id(), entry)], tx.clock.now())

    def set_aside(self, tx: Transaction, each: Movement) -> None:
        """The movement leaves these books."""
        entry = set_aside_entry(self.day(tx, each), each.bank_reference, each.source, each.amount)
        ledger.keep_entries(tx.connection, [(new_id(), entry)], tx.clock.now())

    def bring_back(self, tx: Transaction, each: Movement) -> None:
        """Undo `set_aside` today."""
        today = self._rules.today(tx.clock.now())
        entry = arrived_entry(today, each.bank_reference, each.source, each.amount)
        ledger.keep_entries(tx.connection, [(new_id(), entry)], tx.clock.now())

    def _came_back(self, tx: Transaction, each: Movement, returned: Returned, actor: str) -> None:
        """A direct debit that the bank gives back: its invoice is open again. One that is not ours a person looks at."""
        wrong = self._collections.come_back(tx, actor, replace(returned, line=0))
        if wrong:
            bank_files.put(tx.connection, each.id, RETURN, "", f"A direct debit came back ({returned.reason}): {wrong}")
            return
        self.settle(tx, each, "direct_debit")
        sentence = f"A direct debit came back: {return_reason(returned.reason).words} ({returned.reason})."
        bank_files.put(tx.connection, each.id, SETTLED, CAME_BACK, sentence)


def reference_of(each: Movement) -> str:
    """What the payer or the bank wrote, or else the bank's reference; as long as a payment keeps it."""
    said = " ".join(" ".join((*each.texts, *each.references)).split())
    return (said or each.bank_reference)[:LONGEST_REFERENCE]


def _of_credit(credited: Decimal) -> str:
    """What people should know of money that nothing was owed for: perhaps it was paid twice, or meant for somebody else."""
    return f" Less was owed: {credited} of it is credit of the account." if credited else ""


def settlement_words(rules: Rules) -> dict[str, tuple[str, ...]]:
    """Texts by which a settlement is known, by the account that it clears: `[payment.settlements]`, the card terminal's
    merchant code, and nothing else.
    """
    payment = rules.profile.section("payment")
    given = payment.get("settlements", {})
    words = {account: tuple(str(text) for text in given.get(account, ()) if str(text).strip()) for account in CLEARING}
    merchant = str(payment.get("card", {}).get("merchant_code", ""))
    if merchant:
        words["card"] = (*words["card"], merchant)
    return words
