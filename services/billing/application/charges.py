"""Issuing an invoice that bills no supply: a fee for a returned debit, a reconnection, the copy of a certificate.

How it is kept. A charge is a row of `charge` as soon as it is ordered, and its invoice one of `invoice`, of the kind "charge":
so certificates, statements, reminders, cards and remittances find it with everything else that is owed. It has no period of
supply; the columns for one say the day on which it was earned, and `revision` tells charges of one supply and day apart. No
bill run issued it, so `bill_run_id` is empty. Whatever reads invoices as a series of periods asks for their kind, and a charge
is not compared, not drawn, not billed again, and no period counts as billed by it.

Its number comes from a series of its own. Where the tax office gives each such invoice a code (Argentina), the number and what
is asked for it are written down first, the code after it, and the invoice last: whoever comes later finishes what stopped.
What the invoice says and books is in charge_invoices.py, how one is taken back in withdrawal.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from services.billing.application.charge_invoices import ChargeInvoices
from services.billing.application.fiscal import FiscalOffice
from services.billing.application.fiscal_notes import Vouchers
from services.billing.domain.charging import Charge, ChargeConcept, charge_amount, charge_text
from services.billing.domain.fiscal.cae import VoucherRequest
from services.billing.repository import charges, invoices, read_model, series
from services.billing.repository.charges import Ordered
from services.billing.repository.invoices import Issued
from services.billing.rules import Rules
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.periods import parse_date
from services.chassis.telemetry import logger

LONGEST_REASON = 500


@dataclass(frozen=True)
class ChargeOrder:
    """A charge as the office types it. `supply_id`: id; `day` "" for today."""

    supply_id: str
    concept: str
    amount: str
    text: str
    day: str = ""


@dataclass(frozen=True)
class ChargeMade:
    """The invoice of a charge, the holder who is to pay it, and since when their contract is over (None: it is not)."""

    invoice: Issued
    holder: str
    ended_on: date | None


@dataclass(frozen=True)
class _Foreseen:
    """A charge whose number is held: it is issued by now, or its code is here, or still has to be asked."""

    charge_id: str
    done: bool = False
    ask: VoucherRequest | None = None


class Charges:
    def __init__(self, database: Database, rules: Rules, fiscal: FiscalOffice) -> None:
        self._database = database
        self._rules = rules
        self._fiscal = fiscal
        self._invoices = ChargeInvoices(rules, fiscal)

    @property
    def concepts(self) -> list[tuple[ChargeConcept, str]]:
        """What can be charged today, each with why it is taxed as it is."""
        today = self._today()
        rows = (row for table in self._rules.charges.values() for row in table.rows)
        return [(row.value, row.source) for row in rows if row.covers(today)]

    # ----------------------------------------------------------------------------------------------------- ordering
    def issue(self, key: RequestKey, by: str, order: ChargeOrder) -> ChargeMade:
        """Issue the invoice of a charge, once for a key. Invalid, NotFound or Refused with what stands against it."""
        charge = self._charge(order)
        self._check_vouchers()

        def act() -> str:
            return self._order(tx, order.supply_id, charge, by)

        with self._database.write() as tx:
            charge_id = tx.once(key, act)
        if self._fiscal.vouchers is not None:
            self._with_code(charge_id, self._fiscal.vouchers)
        return self._made(charge_id)

    def waiting(self, *, before: str, limit: int) -> list[tuple[Ordered, str, str]]:
        """Charges that have no invoice and were not given up, the newest first, with the number that was asked for them ("" when
        none is: the tax office refused them, or was not asked yet) and their account's.
        """
        with self._database.read() as connection:
            found = charges.waiting(connection, before=before, limit=limit)
            accounts = read_model.account_numbers(connection, {each.supply_id for each in found})
        number = self._rules.country.number
        return [
            (each, number(each.series, each.sequence or 0) if each.series else "", accounts.get(each.supply_id, ""))
            for each in found
        ]

    def finish(self, key: RequestKey, charge_id: str) -> ChargeMade:
        """Ask once more for the code of a charge that waits. NotFound for an id that is none; Refused when it is issued or was
        given up, or with the tax office's reason.
        """

        def act() -> str:
            return _waiting(tx.connection, charge_id).id

        with self._database.write() as tx:
            tx.once(key, act)
        if self._fiscal.vouchers is not None:
            self._with_code(charge_id, self._fiscal.vouchers)
        return self._made(charge_id)

    def drop(self, key: RequestKey, by: str, charge_id: str, why: str) -> None:
        """Give up a charge that the tax office refused. NotFound for an id that is none, Invalid without a reason; Refused when
        it is issued, or when a code was asked for its number and nobody knows whether it was granted.
        """
        reason = why.strip()
        if not 0 < len(reason) <= LONGEST_REASON:
            raise Invalid(f"Say why it is given up, in at most {LONGEST_REASON} characters.", field="reason")

        def act() -> str:
            found = _waiting(tx.connection, charge_id, lock=True)
            if found.series is not None:
                raise Refused(
                    f"Number {self._rules.country.number(found.series, found.sequence or 0)} was asked for this charge and may be "
                    f"authorised: it cannot be given up. 'coopctl invoice finish {found.id}' asks once more; what it issues "
                    "can be taken back.",
                    "CODE_ASKED",
                )
            charges.drop(tx.connection, found.id, by[:80], reason, tx.clock.now())
            return found.id

        with self._database.write() as tx:
            tx.once(key, act)

    def for_returned_debit(self, tx: Transaction, supply_id: str, collection_id: str, charge: Charge, by: str) -> None:
        """Charge for a direct debit that came back, in the caller's transaction, unless that was done for it before."""
        if charges.of_collection(tx.connection, collection_id) is None:
            self._order(tx, supply_id, charge, by, collection_id)

    def _charge(self, order: ChargeOrder) -> Charge:
        today = self._today()
        try:
            day = parse_date(order.day) if order.day else today
        except ValueError as wrong:
            raise Invalid(f"{wrong}.", field="day") from wrong
        if day > today:
            raise Invalid(f"{day} is in the future (today is {today}); charge for it when it is done.", field="day")
        return Charge(order.concept.strip(), charge_amount(order.amount), charge_text(order.text), day)

    def _check_vouchers(self) -> None:
        law = self._rules.country.charging
        if law is not None and law.coded and self._fiscal.vouchers is None:
            raise Refused(
                "What is no public service is invoiced with a CAE of its own, and nobody is named who grants it: name a "
                "cae_provider in coop.toml [fiscal], or issue it with the tax office's own tool.",
                "NO_CAE_PROVIDER",
            )

    def _order(self, tx: Transaction, supply_id: str, charge: Charge, by: str, collection_id: str | None = None) -> str:
        """Keep the charge, and issue its invoice at once where no code has to be had for it; its id."""
        made = Ordered(
            new_id(),
            supply_id,
            charge.concept,
            charge.net,
            charge.text,
            charge.day,
            collection_id,
            by[:80],
            tx.clock.now(),
        )
        payer = self._invoices.payer(tx.connection, made)
        self._invoices.bill(payer)  # what has no tax is refused before it is kept
        charges.keep(tx.connection, made)
        if self._fiscal.vouchers is None:
            self._invoices.issue(tx, payer)
        return made.id

    def _made(self, charge_id: str) -> ChargeMade:
        with self._database.read() as connection:
            made = charges.get(connection, charge_id)
            assert made.invoice_id is not None, "issued just now"
            row = invoices.find(connection, made.invoice_id)
            assert row is not None
            end = self._invoices.payer(connection, made).contract.end
        return ChargeMade(row, row.printed["holder"]["name"], end if end and end <= self._today() else None)

    # -------------------------------------------------------------------------------------------------- under a code
    def _with_code(self, charge_id: str, vouchers: Vouchers) -> None:
        """Issue a charge under its code, after those that asked for theirs before it and were not issued."""
        while True:
            with self._database.write() as tx:
                step = self._foresee(tx, charge_id, vouchers)
            if step.done:
                return
            if step.ask is not None:
                try:
                    vouchers.ask(self._database, step.ask)
                except Refused as refused:
                    with self._database.write() as tx:
                        charges.release(tx.connection, step.charge_id, refused.message)
                    if step.charge_id == charge_id:
                        raise
                    # The other one is listed with what it was told; this one goes on.
                    logger().warning("charge_refused", charge_id=step.charge_id, why=refused.message)
                    continue
            with self._database.write() as tx:
                made = charges.get(tx.connection, step.charge_id)
                self._invoices.issue(tx, self._invoices.payer(tx.connection, made))

    def _foresee(self, tx: Transaction, charge_id: str, vouchers: Vouchers) -> _Foreseen:
        """Hold the next number for the charge, or for the one that asked for it before."""
        connection = tx.connection
        payer = self._invoices.payer(connection, charges.get(connection, charge_id))
        # The series is held before any charge is: two callers never wait for each other.
        state = series.take(connection, self._invoices.series_of(payer, self._today()))
        wanted = charges.get(connection, charge_id, lock=True)
        if wanted.invoice_id is not None:
            return _Foreseen(charge_id, done=True)
        _check_kept(wanted)
        number = state.last_number + 1
        first = charges.waiting_for(connection, state.code, number) or charge_id
        if first != charge_id:
            payer = self._invoices.payer(connection, charges.get(connection, first))
        row, details = self._invoices.document(tx, payer, state)
        code = vouchers.foreseen(tx, row, details)
        charges.reserve(
            connection, first, state.code, number, {name: row.printed[name] for name in ("holder", "supply")}
        )
        return _Foreseen(first, ask=code if isinstance(code, VoucherRequest) else None)

    def _today(self) -> date:
        return self._rules.today(self._database.clock.now())


def _waiting(connection: Connection, charge_id: str, *, lock: bool = False) -> Ordered:
    """The charge of an id that has no invoice and was not given up."""
    found = charges.find(connection, charge_id, lock=lock)
    if found is None:
        raise NotFound(f"There is no charge {charge_id!r}; 'coopctl invoice waiting' lists them.", "NO_CHARGE")
    if found.invoice_id is not None:
        issued = invoices.find(connection, found.invoice_id)
        assert issued is not None
        raise Refused(f"The charge is issued already: it is invoice {issued.number}.", "CHARGE_ISSUED")
    _check_kept(found)
    return found


def _check_kept(found: Ordered) -> None:
    if found.dropped_at is not None:
        raise Refused(f"The charge was given up ({found.dropped_why}): charge it anew.", "CHARGE_DROPPED")
