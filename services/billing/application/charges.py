"""Issuing an invoice that bills no supply: a fee for a returned debit, a reconnection, the copy of a certificate.

How it is kept. A charge is a row of `charge` as soon as it is ordered, and its invoice one of `invoice`, of the kind "charge":
so certificates, statements, reminders, cards and remittances find it with everything else that is owed. It has no period of
supply; the columns for one say the day on which it was earned, and `revision` tells charges of one supply and day apart. No
bill run issued it, so `bill_run_id` is empty. Whatever reads invoices as a series of periods asks for their kind, and a charge
is not compared, not drawn, not billed again, and no period counts as billed by it.

Its number comes from a series of its own. Where the tax office gives each such invoice a code (Argentina), the number and what
is asked for it are written down first, the code after it, and the invoice last: whoever comes later finishes what stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from coop.billing.events.v1 import events_pb2 as events
from coop.common.v1 import types_pb2 as types
from sqlalchemy import Connection

from services.billing.application.fiscal import FiscalOffice
from services.billing.application.fiscal_notes import Authorisation, Vouchers
from services.billing.application.issuing import INVOICE_TOPIC, WORK_TOPIC, details_of, invoice_entry_of, invoice_hash
from services.billing.application.rectification import printed_authorisation
from services.billing.domain.bill import ZERO, Bill
from services.billing.domain.charging import (
    Charge,
    ChargeConcept,
    ChargeNumbering,
    charge_amount,
    charge_bill,
    charge_text,
    concept_on,
    contract_for,
)
from services.billing.domain.fiscal.cae import VoucherRequest
from services.billing.domain.ledger import OpenItem, credit_entry
from services.billing.domain.supplies import Contract, Member, Supply
from services.billing.evidence.facts import charge_facts
from services.billing.repository import charges, evidence, invoices, ledger, read_model, series
from services.billing.repository.charges import Ordered
from services.billing.repository.invoices import CHARGE, SERVICE, Details, Issued
from services.billing.repository.series import SeriesState
from services.billing.rules import Rules
from services.billing.snapshots import member_state, supply_state
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Conflict, Invalid, NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.periods import parse_date
from services.chassis.telemetry import logger


@dataclass(frozen=True)
class ChargeOrder:
    """A charge as the office types it. `supply`: id; `day` "" for today."""

    supply_id: str
    concept: str
    amount: str
    text: str
    day: str = ""


@dataclass(frozen=True)
class ChargeMade:
    """The invoice of a charge, the holder who is to pay it, and since when their contract is over (None: it is not)."""

    invoice: Issued
    concept: str
    name: str
    holder: str
    ended_on: date | None


@dataclass(frozen=True)
class _Payer:
    supply: Supply
    holder: Member
    contract: Contract
    concept: ChargeConcept


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
        return self._finished(charge_id)

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
        payer = self._payer(tx.connection, made)
        bill = self._bill(payer, charge)
        charges.keep(tx.connection, made)
        if self._fiscal.vouchers is None:
            self._issue(tx, made, payer, bill)
        return made.id

    # ------------------------------------------------------------------------------------------- who pays, and what
    def _payer(self, connection: Connection, made: Ordered) -> _Payer:
        found = read_model.supplies(connection, [made.supply_id])
        if not found:
            raise NotFound(
                f"Billing knows no supply {made.supply_id!r}; look it up with 'coopctl supplies list'.", "NO_SUPPLY"
            )
        supply = found[0]
        holder = read_model.members(connection, [supply.member_id]).get(supply.member_id)
        if holder is None:
            raise Refused(
                f"The holder of account {supply.account_number} is not known to billing yet; ask again in a moment.",
                "NO_HOLDER",
            )
        concept = concept_on(self._rules.charges, made.concept, made.day)
        return _Payer(supply, holder, contract_for(supply, made.day), concept)

    def _bill(self, payer: _Payer, charge: Charge) -> Bill:
        law = self._rules.country.charging
        assert law is not None, "concepts are refused at start where there are no charges"
        return charge_bill(payer.supply, charge, payer.concept, payer.contract, law)

    # -------------------------------------------------------------------------------------------------------- issuing
    def _finished(self, charge_id: str) -> ChargeMade:
        if self._fiscal.vouchers is not None:
            self._with_code(charge_id, self._fiscal.vouchers)
        with self._database.read() as connection:
            made = charges.get(connection, charge_id)
            assert made.invoice_id is not None, "issued just now"
            row = invoices.find(connection, made.invoice_id)
            assert row is not None
            payer = self._payer(connection, made)
        ended = payer.contract.end if payer.contract.end and payer.contract.end <= self._today() else None
        said = row.printed["charge"]
        return ChargeMade(row, said["concept"], said["name"], row.printed["holder"]["name"], ended)

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
                        charges.reserve(tx.connection, step.charge_id, None, None)
                    if step.charge_id == charge_id:
                        raise
                    logger().warning("charge_refused", charge_id=step.charge_id, why=refused.message)
                    continue
            with self._database.write() as tx:
                made = charges.get(tx.connection, step.charge_id)
                payer = self._payer(tx.connection, made)
                self._issue(tx, made, payer, self._bill(payer, made.charge))

    def _foresee(self, tx: Transaction, charge_id: str, vouchers: Vouchers) -> _Foreseen:
        """Hold the next number for the charge, or for the one that asked for it before."""
        payer = self._payer(tx.connection, charges.get(tx.connection, charge_id))
        # The series is held before any charge is: two callers never wait for each other.
        state = series.take(tx.connection, self._series(payer.contract, self._today()))
        made = charges.get(tx.connection, charge_id, lock=True)
        if made.invoice_id is not None:
            return _Foreseen(charge_id, done=True)
        number = state.last_number + 1
        first = charges.waiting_for(tx.connection, state.code, number)
        if first is not None and first != charge_id:
            made = charges.get(tx.connection, first)
            payer = self._payer(tx.connection, made)
        row, details = self._document(tx, made, payer, self._bill(payer, made.charge), state, None)
        code = vouchers.foreseen(tx, row, details)
        charges.reserve(tx.connection, made.id, state.code, number)
        return _Foreseen(made.id, ask=code if isinstance(code, VoucherRequest) else None)

    def _issue(self, tx: Transaction, made: Ordered, payer: _Payer, bill: Bill) -> None:
        """Number, record, books and events, in the caller's transaction; nothing when somebody else issued it meanwhile."""
        connection, now = tx.connection, tx.clock.now()
        state = series.take(connection, made.series or self._series(payer.contract, self._today()))
        given: Authorisation | None = None
        if self._fiscal.vouchers is not None:
            made = charges.get(connection, made.id, lock=True)
            if made.invoice_id is not None:
                return
            row, details = self._document(tx, made, payer, bill, state, None)
            code = self._fiscal.vouchers.foreseen(tx, row, details)
            if made.sequence != row.sequence or isinstance(code, VoucherRequest):
                raise Conflict(
                    f"Another document took number {made.sequence} of {state.code} while it was authorised; do it again.",
                    "NUMBER_TAKEN",
                )
            given = code
        row, details = self._document(tx, made, payer, bill, state, given)
        if state.last_date is not None and row.issue_date < state.last_date:
            raise Refused(
                f"The series {state.code} reaches {state.last_date}, and today is {row.issue_date}: its dates must follow "
                "its numbers.",
                "ISSUE_DATE_OUT_OF_ORDER",
            )
        invoices.keep(connection, [(row, details)])
        facts = charge_facts(made.charge, payer.concept, payer.contract, payer.supply.tariff_zone, bill.accrual_date)
        evidence.keep(connection, self._rules.rule_set, [(row.id, facts)], now)
        series.put(connection, SeriesState(state.code, row.sequence, row.hash, row.issue_date))
        self._fiscal.record(tx, [(row, details)])
        self._book(tx, row, details, now)
        charges.issued(connection, made.id, row.id)
        tx.emit(INVOICE_TOPIC, row.supply_id, _told(row))
        tx.emit(WORK_TOPIC, row.id, events.InvoiceDocumentDue(invoice_id=row.id))

    def _series(self, contract: Contract, today: date) -> str:
        law = self._rules.country.charging
        assert law is not None
        return law.series(ChargeNumbering(self._rules.charge_series, today, contract, self._rules.fiscal.point_of_sale))

    def _document(
        self,
        tx: Transaction,
        made: Ordered,
        payer: _Payer,
        bill: Bill,
        state: SeriesState,
        given: Authorisation | None,
    ) -> tuple[Issued, Details]:
        today = given.issue_date if given else self._today()
        sequence = state.last_number + 1
        details = details_of(bill)
        row = Issued(
            id=new_id(),
            number=self._rules.country.number(state.code, sequence),
            series=state.code,
            sequence=sequence,
            bill_run_id=None,
            supply_id=payer.supply.id,
            # It bills no service: nothing that a meter counted becomes "billed" by it.
            service_id="",
            member_id=payer.holder.id,
            account_number=payer.supply.account_number,
            kind=CHARGE,
            revision=invoices.next_revision(tx.connection, payer.supply.id, bill.period.start, CHARGE),
            period_start=bill.period.start,
            period_end=bill.period.end,
            issue_date=today,
            due_date=self._rules.due_date(today),
            currency=self._rules.currency,
            net=bill.net,
            total=bill.total,
            import_wh=0,
            hours_expected=0,
            hours_measured=0,
            hours_estimated=0,
            hours_missing=0,
            curve_version=0,
            printed=self._printed(tx.connection, made, payer, today, given),
            previous_hash=state.last_hash,
            hash="",
            issued_at=tx.clock.now(),
        )
        return replace(row, hash=invoice_hash(row, details)), details

    def _printed(
        self, connection: Connection, made: Ordered, payer: _Payer, today: date, given: Authorisation | None
    ) -> dict[str, Any]:
        """Holder and supply as they are today, for every print from now on, and what it is for."""
        debts = ledger.overdue_items(connection, [made.supply_id], today).get((made.supply_id, SERVICE), [])
        services = tuple(
            replace(service, contracts=(payer.contract,))
            for service in payer.supply.services
            if payer.contract in service.contracts
        )
        return {
            "holder": member_state(payer.holder),
            "supply": supply_state(replace(payer.supply, services=services)),
            "language": self._rules.language(payer.holder.language),
            "product": {},
            "references": [],
            "maximum_power": {},
            "prior_debts": [[item.number, item.due_date.isoformat(), str(item.outstanding)] for item in debts],
            "charge": {
                "concept": made.concept,
                "name": payer.concept.name,
                "text": made.text,
                "day": made.day.isoformat(),
            },
            **({"authorisation": printed_authorisation(given)} if given else {}),
        }

    def _book(self, tx: Transaction, row: Issued, details: Details, now: datetime) -> None:
        """The entry, and the credit that the account has, which pays it like a bill."""
        connection = tx.connection
        credit = ledger.lock_accounts(connection, [row.supply_id])[row.supply_id]
        entry_id, applied = new_id(), min(credit, row.total)
        entries = [(entry_id, invoice_entry_of(row, details))]
        if applied > ZERO:
            used = new_id()
            entries.append((used, credit_entry(row.supply_id, row.issue_date, row.number, applied)))
        ledger.keep_entries(connection, entries, now)
        if applied > ZERO:
            ledger.keep_settlements(connection, [(used, row.id, applied)])
            ledger.change_credits(connection, {row.supply_id: -applied})
        left = max(row.total - max(applied, ZERO), ZERO)
        ledger.add_open_items(connection, {row.id: row.supply_id}, [OpenItem(row.id, row.number, row.due_date, left)])

    def _today(self) -> date:
        return self._rules.today(self._database.clock.now())


def _told(row: Issued) -> events.InvoiceIssued:
    said = row.printed["charge"]
    return events.InvoiceIssued(
        invoice_id=row.id,
        number=row.number,
        supply_id=row.supply_id,
        member_id=row.member_id,
        account_number=row.account_number,
        period=types.DatePeriod(start=row.period_start.isoformat(), end=row.period_end.isoformat()),
        issue_date=row.issue_date.isoformat(),
        due_date=row.due_date.isoformat(),
        total=types.Money(amount=str(row.total), currency_code=row.currency),
        kind=CHARGE,
        description=said["text"],
    )
