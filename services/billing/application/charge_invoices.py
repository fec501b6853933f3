"""The invoice of a charge: who pays it, what it says, its number, record, books and events, in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from coop.billing.events.v1 import events_pb2 as events
from coop.common.v1 import types_pb2 as types
from sqlalchemy import Connection

from services.billing.application.fiscal import FiscalOffice
from services.billing.application.fiscal_notes import Authorisation
from services.billing.application.issuing import INVOICE_TOPIC, WORK_TOPIC, details_of, invoice_entry_of, invoice_hash
from services.billing.application.rectification import printed_authorisation
from services.billing.domain.bill import ZERO, Bill
from services.billing.domain.charging import ChargeConcept, ChargeNumbering, charge_bill, concept_on, contract_for
from services.billing.domain.fiscal.cae import VoucherRequest
from services.billing.domain.ledger import OpenItem, credit_entry
from services.billing.domain.supplies import Contract, Member, Supply
from services.billing.evidence.facts import charge_facts
from services.billing.repository import charges, evidence, invoices, ledger, read_model, series
from services.billing.repository.charges import Ordered
from services.billing.repository.invoices import CHARGE, SERVICE, Details, Issued
from services.billing.repository.series import SeriesState
from services.billing.rules import Rules
from services.billing.snapshots import member_of, member_state, supply_of, supply_state
from services.chassis.db import Transaction
from services.chassis.errors import Conflict, NotFound, Refused
from services.chassis.ids import new_id


@dataclass(frozen=True)
class Payer:
    """A charge with whom it is for, under which contract, and how its concept is taxed on its day."""

    made: Ordered
    supply: Supply
    holder: Member
    contract: Contract
    concept: ChargeConcept


class ChargeInvoices:
    def __init__(self, rules: Rules, fiscal: FiscalOffice) -> None:
        self._rules = rules
        self._fiscal = fiscal

    # ------------------------------------------------------------------------------------------- who pays, and what
    def payer(self, connection: Connection, made: Ordered) -> Payer:
        """Who pays: those that a code was asked for, else who holds the supply today.

        NotFound for a supply that is none; Refused when its holder is not known, or nothing says how it is charged.
        """
        concept = concept_on(self._rules.charges, made.concept, made.day)
        if made.payer is not None:
            supply = supply_of(made.payer["supply"])
            return Payer(made, supply, member_of(made.payer["holder"]), contract_for(supply, made.day), concept)
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
        return Payer(made, supply, holder, contract_for(supply, made.day), concept)

    def bill(self, payer: Payer) -> Bill:
        """The charge with its tax. Refused when no table says the tax of its day."""
        law = self._rules.country.charging
        assert law is not None, "concepts are refused at start where there are no charges"
        return charge_bill(payer.supply, payer.made.charge, payer.concept, payer.contract, law)

    def series_of(self, payer: Payer, today: date) -> str:
        law = self._rules.country.charging
        assert law is not None
        wanted = ChargeNumbering(self._rules.charge_series, today, payer.contract, self._rules.fiscal.point_of_sale)
        return law.series(wanted)

    # -------------------------------------------------------------------------------------------------------- issuing
    def issue(self, tx: Transaction, payer: Payer) -> None:
        """Nothing when somebody else issued it meanwhile; Conflict when its number went to another document."""
        connection, now = tx.connection, tx.clock.now()
        made = payer.made
        state = series.take(connection, made.series or self.series_of(payer, self._rules.today(now)))
        given: Authorisation | None = None
        if self._fiscal.vouchers is not None:
            payer = replace(payer, made=charges.get(connection, made.id, lock=True))
            if payer.made.invoice_id is not None:
                return
            row, details = self.document(tx, payer, state)
            code = self._fiscal.vouchers.foreseen(tx, row, details)
            if payer.made.sequence != row.sequence or isinstance(code, VoucherRequest):
                raise Conflict(
                    f"Another document took number {payer.made.sequence} of {state.code} while it was authorised; do it "
                    "again.",
                    "NUMBER_TAKEN",
                )
            given = code
        row, details = self.document(tx, payer, state, given)
        if state.last_date is not None and row.issue_date < state.last_date:
            raise Refused(
                f"The series {state.code} reaches {state.last_date}, and today is {row.issue_date}: its dates must follow "
                "its numbers.",
                "ISSUE_DATE_OUT_OF_ORDER",
            )
        invoices.keep(connection, [(row, details)])
        facts = charge_facts(made.charge, payer.concept, payer.contract, payer.supply.tariff_zone, made.day)
        evidence.keep(connection, self._rules.rule_set, [(row.id, facts)], now)
        series.put(connection, SeriesState(state.code, row.sequence, row.hash, row.issue_date))
        # Who bills takes the series, the chain and then the accounts: any other order could wait for each other for ever.
        self._fiscal.record(tx, [(row, details)])
        _book(tx, row, details, now)
        charges.issued(connection, made.id, row.id)
        tx.emit(INVOICE_TOPIC, row.supply_id, _told(row))
        tx.emit(WORK_TOPIC, row.id, events.InvoiceDocumentDue(invoice_id=row.id))

    def document(
        self, tx: Transaction, payer: Payer, state: SeriesState, given: Authorisation | None = None
    ) -> tuple[Issued, Details]:
        """The invoice with the next number of its series, which is held; with a code, of the day that it is for."""
        now = tx.clock.now()
        bill = self.bill(payer)
        today = given.issue_date if given else self._rules.today(now)
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
            printed=self._printed(tx.connection, payer, today, given),
            previous_hash=state.last_hash,
            hash="",
            issued_at=now,
        )
        return replace(row, hash=invoice_hash(row, details)), details

    def _printed(
        self, connection: Connection, payer: Payer, today: date, given: Authorisation | None
    ) -> dict[str, Any]:
        """Holder and supply as they are today, for every print from now on, and what it is for."""
        made = payer.made
        owed = ledger.overdue_items(connection, [made.supply_id], today)
        debts = owed.get((made.supply_id, SERVICE, payer.holder.id), [])
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


def _book(tx: Transaction, row: Issued, details: Details, now: datetime) -> None:
    """The entry, and the credit that the account has, which pays it like a bill."""
    connection = tx.connection
    credit = ledger.lock_accounts(connection, [row.supply_id])[row.supply_id]
    applied = max(min(credit, row.total), ZERO)
    entries = [(new_id(), invoice_entry_of(row, details))]
    used = new_id()
    if applied:
        entries.append((used, credit_entry(row.supply_id, row.issue_date, row.number, applied)))
    ledger.keep_entries(connection, entries, now)
    if applied:
        ledger.keep_settlements(connection, [(used, row.id, applied)])
        ledger.change_credits(connection, {row.supply_id: -applied})
    item = OpenItem(row.id, row.number, row.due_date, row.total - applied)
    ledger.add_open_items(connection, {row.id: row.supply_id}, [item])


def _told(row: Issued) -> events.InvoiceIssued:
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
        description=row.printed["charge"]["text"],
    )
