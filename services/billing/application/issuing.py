"""Issuing a chunk of priced bills: numbers, books, events and the chunk's completion in one transaction.

Whatever kills the process, either all of it happened or nothing: the numbers are taken under the lock of the series' row
and exist only with their invoices, so no number is ever skipped; the chunk's row says whether its work was done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from coop.billing.events.v1 import events_pb2 as events
from coop.billing.v1.billing_pb2 import BilledRegister
from coop.common.v1 import types_pb2 as types

from services.billing.application.fiscal import FiscalOffice
from services.billing.application.pricing import Draft, Priced
from services.billing.application.rewards import Purse
from services.billing.domain.bill import ZERO, Bill, Energy
from services.billing.domain.copies import copy_with
from services.billing.domain.ledger import Entry, OpenItem, credit_entry, invoice_entry
from services.billing.domain.supplies import Service
from services.billing.evidence.facts import Facts, facts_of
from services.billing.repository import evidence, invoices, ledger, runs, series
from services.billing.repository.invoices import FOREIGN, SERVICE, Details, Issued
from services.billing.repository.runs import COMPLETED, Chunk, Run
from services.billing.repository.series import SeriesState
from services.billing.rules import Rules
from services.billing.snapshots import member_state, supply_state
from services.chassis.db import Transaction
from services.chassis.ids import new_id

INVOICE_TOPIC = "coop.billing.invoice.v1"
WORK_TOPIC = "coop.billing.work.v1"
_ENCODE = json.JSONEncoder(check_circular=False, separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True)
class Document:
    """A bill of a draft on its way to a number: its kind and the series that numbers it."""

    draft: Draft
    bill: Bill
    kind: str
    series: str


class ChunkIssuer:
    def __init__(self, rules: Rules, fiscal: FiscalOffice) -> None:
        self._rules = rules
        self._fiscal = fiscal

    def issue(self, tx: Transaction, chunk_id: str, priced: Priced) -> bool:
        """Issue the chunk's bills; False, and nothing, when the chunk had been done before."""
        connection = tx.connection
        chunk = runs.chunk_by_id(connection, chunk_id, lock=True)
        if chunk is None or chunk.done:
            return False
        taken = invoices.invoiced(connection, chunk.supply_ids, chunk.days.start)
        drafts = [draft for draft in priced.drafts if draft.supply.id not in taken]
        held = [each for each in priced.held if each.supply_id not in taken]
        now = tx.clock.now()
        # Before any series, as whoever rectifies does: two that lock in one order never wait for each other.
        purse = Purse(connection, self._rules, drafts)
        drafts = purse.settled(drafts)
        documents = [document for draft in drafts for document in self._documents(draft, chunk.issue_date)]
        issued = self._numbered(tx, chunk, documents, now)
        invoices.keep(connection, issued)
        purse.take(issued)
        facts = [(row.id, _facts(document)) for (row, _), document in zip(issued, documents, strict=True)]
        evidence.keep(connection, self._rules.rule_set, facts, now)
        # A document apart is no sale of the service, and nothing that a tax office is told.
        self._fiscal.record(tx, [each for each in issued if each[0].kind == SERVICE])
        self._book(tx, issued, now)
        tx.emit_many([event for row, details in issued for event in _events(row, details)])
        runs.keep_held(connection, chunk.bill_run_id, held)
        self._close(tx, chunk, [row for row, _ in issued], len(held), len(priced.idle), now)
        return True

    def _documents(self, draft: Draft, issue_date: date) -> Iterator[Document]:
        """The service's invoice and, where there are concepts foreign to it, the document apart."""
        country, series_name = self._rules.country, self._rules.invoice_series
        yield Document(draft, draft.bill, SERVICE, country.invoice_series(series_name, issue_date, draft.segments))
        if draft.foreign is not None and country.foreign_series is not None:
            yield Document(draft, draft.foreign, FOREIGN, country.foreign_series(series_name))

    def _numbered(
        self, tx: Transaction, chunk: Chunk, documents: Sequence[Document], now: datetime
    ) -> list[tuple[Issued, Details]]:
        """Invoices in the order of the documents, each series' numbers without a gap, each hash over the one before."""
        issue_date, due_date = chunk.issue_date, self._rules.due_date(chunk.issue_date)
        # One order for everybody, so that two chunks never wait for each other's series.
        states = {code: series.take(tx.connection, code) for code in sorted({each.series for each in documents})}
        debts = ledger.overdue_items(tx.connection, {each.draft.supply.id for each in documents}, issue_date)
        issued = []
        for document in documents:
            code = document.series
            draft = document.draft
            owed = debts.get((draft.supply.id, document.kind, draft.holder.id), [])
            printed = printed_facts(self._rules, draft, document.bill, owed)
            row, details = self._issued(states[code], document, chunk, due_date, printed, now)
            latest = max(issue_date, states[code].last_date or issue_date)
            states[code] = SeriesState(code, row.sequence, row.hash, latest)
            issued.append((row, details))
        for state in states.values():
            series.put(tx.connection, state)
        return issued

    def _issued(
        self,
        state: SeriesState,
        document: Document,
        chunk: Chunk,
        due_date: date,
        printed: dict[str, Any],
        now: datetime,
    ) -> tuple[Issued, Details]:
        draft, bill, supply = document.draft, document.bill, document.draft.supply
        # The meter's figures of the invoice are the electricity's; a bill without electricity has none.
        energy = bill.energy.get("electricity", Energy())
        services = [segment for segment in draft.segments if segment.service == "electricity"] or list(draft.segments)
        sequence = state.last_number + 1
        details = details_of(bill)
        row = Issued(
            id=new_id(),
            number=self._rules.country.number(state.code, sequence),
            series=state.code,
            sequence=sequence,
            bill_run_id=chunk.bill_run_id,
            supply_id=supply.id,
            # A document apart bills no service: no consumption becomes "billed" by it.
            service_id=services[0].service_id if document.kind == SERVICE else "",
            member_id=supply.member_id,
            account_number=supply.account_number,
            kind=document.kind,
            period_start=bill.period.start,
            period_end=bill.period.end,
            issue_date=chunk.issue_date,
            due_date=due_date,
            currency=self._rules.currency,
            net=bill.net,
            total=bill.total,
            import_wh=energy.import_wh,
            hours_expected=energy.hours_expected,
            hours_measured=energy.hours_measured,
            hours_estimated=energy.hours_estimated,
            hours_missing=energy.hours_missing,
            curve_version=energy.curve_version,
            printed=printed,
            previous_hash=state.last_hash,
            hash="",
            issued_at=now,
        )
        return copy_with(row, hash=invoice_hash(row, details)), details

    def _book(self, tx: Transaction, issued: Sequence[tuple[Issued, Details]], now: datetime) -> None:
        """The entry of each invoice; credit the account has pays as much of the service as it can, and nothing else: who
        pays for a service has not agreed to pay for what is foreign to it.
        """
        credit = ledger.lock_accounts(tx.connection, [row.supply_id for row, _ in issued])
        entries: list[tuple[str, Entry]] = []
        settled: list[tuple[str, str, Decimal]] = []
        items: list[OpenItem] = []
        used: dict[str, Decimal] = {}
        for row, details in issued:
            entries.append((new_id(), invoice_entry_of(row, details)))
            applied = min(credit[row.supply_id], row.total) if row.kind == SERVICE else ZERO
            if applied > 0:
                entry_id = new_id()
                entries.append((entry_id, credit_entry(row.supply_id, row.issue_date, row.number, applied)))
                settled.append((entry_id, row.id, applied))
                used[row.supply_id] = -applied
            items.append(OpenItem(row.id, row.number, row.due_date, max(row.total - applied, ZERO)))
        ledger.keep_entries(tx.connection, entries, now)
        ledger.keep_settlements(tx.connection, settled)
        ledger.change_credits(tx.connection, used)
        ledger.add_open_items(tx.connection, {row.id: row.supply_id for row, _ in issued}, items)

    def _close(
        self, tx: Transaction, chunk: Chunk, issued: Sequence[Issued], held: int, idle: int, now: datetime
    ) -> None:
        """Count the chunk on its run, whose row is locked last and shortest."""
        runs.complete_chunk(tx.connection, chunk, now)
        run = runs.count_chunk(
            tx.connection,
            chunk.bill_run_id,
            now,
            invoiced=sum(row.kind == SERVICE for row in issued),
            held=held,
            idle=idle,
            total=sum((row.total for row in issued), ZERO),
        )
        tell_progress(tx, self._rules, run)


def tell_progress(tx: Transaction, rules: Rules, run: Run) -> None:
    """An event that says how far the run is."""
    advanced = events.BillRunAdvanced(
        bill_run_id=run.id,
        period=run.period,
        issue_date=run.issue_date.isoformat(),
        round=run.round,
        completed=run.state == COMPLETED,
        contracts=run.contracts,
        already_invoiced=run.already_invoiced,
        invoiced=run.invoiced,
        held=run.held,
        chunks=run.chunks,
        chunks_done=run.chunks_done,
        total=types.Money(amount=f"{run.total:.2f}", currency_code=rules.currency),
    )
    tx.emit(INVOICE_TOPIC, run.period, advanced)


def invoice_hash(row: Issued, details: Details) -> str:
    """SHA-256 over the invoice's figures and the hash before it: a changed, lost or slipped-in invoice breaks the chain."""
    content = [
        row.previous_hash,
        row.number,
        row.supply_id,
        row.member_id,
        row.period_start.isoformat(),
        row.period_end.isoformat(),
        row.issue_date.isoformat(),
        row.due_date.isoformat(),
        row.currency,
        str(row.total),
        [[line.concept, line.service, line.period, str(line.amount)] for line in details.lines],
        [[tax.code, str(tax.base), str(tax.amount)] for tax in details.taxes],
    ]
    return hashlib.sha256(_ENCODE(content).encode()).hexdigest()


def details_of(bill: Bill) -> Details:
    return Details(
        bill.lines,
        bill.taxes,
        {
            (service, period): each
            for service, measured in bill.energy.items()
            for period, each in measured.by_period.items()
        },
        tuple((service, close) for service, measured in bill.energy.items() for close in measured.closes),
    )


def printed_facts(rules: Rules, draft: Draft, bill: Bill, debts: Sequence[OpenItem]) -> dict[str, Any]:
    """Holder, supply and earlier debt of the kind as they are today, for every print from now on; only the contracts
    billed.
    """
    return {
        "holder": member_state(draft.holder),
        "supply": supply_state(copy_with(draft.supply, services=_billed_services(draft))),
        "language": rules.language(draft.holder.language),
        "product": {segment.service: [segment.product.kind, segment.product.name] for segment in draft.segments},
        "references": list(bill.sources),
        "maximum_power": _maximum_power(bill),
        "prior_debts": [[item.number, item.due_date.isoformat(), str(item.outstanding)] for item in debts],
    }


def _billed_services(draft: Draft) -> tuple[Service, ...]:
    """The supply's services with the contracts that are billed; without those that have none."""
    contracts = {segment.contract.id for segment in draft.segments}
    services = (
        copy_with(service, contracts=tuple(each for each in service.contracts if each.id in contracts))
        for service in draft.supply.services
    )
    return tuple(service for service in services if service.contracts)


def _facts(document: Document) -> Facts:
    """What the document was calculated from, so that it can be calculated again."""
    draft = document.draft
    return facts_of(
        draft.segments,
        draft.energies,
        draft.terms,
        draft.supply.tariff_zone,
        document.bill.accrual_date,
        foreign=document.kind == FOREIGN,
    )


def _maximum_power(bill: Bill) -> dict[str, int]:
    """The highest demand by power period in W, as the maximeter or the quarters of an hour gave it; empty where neither did."""
    return bill.energy.get("electricity", Energy()).highest_demand_w


def invoice_entry_of(row: Issued, details: Details) -> Entry:
    """What an issued invoice moves in the books."""
    revenue: dict[str, Decimal] = {}
    for line in details.lines:
        revenue[line.service] = revenue.get(line.service, ZERO) + line.amount
    taxes: dict[str, Decimal] = {}
    for tax in details.taxes:
        taxes[tax.kind] = taxes.get(tax.kind, ZERO) + tax.amount
    return invoice_entry(row.supply_id, row.issue_date, row.number, revenue, taxes)


def billed_registers(row: Issued, details: Details) -> list[BilledRegister]:
    """What water meters counted on a bill, for metering to compare with what it learns later; 0 without a reading."""
    if row.printed["product"].get("water", ["flat"])[0] == "flat":
        return []
    found = []
    for service in row.printed["supply"]["services"]:
        if service["kind"] != "water":
            continue
        closes = [close for name, close in details.readings if name == "water"]
        read = types.DatePeriod()
        if closes:
            first, last = min(close.period.start for close in closes), max(close.period.end for close in closes)
            read = types.DatePeriod(start=first.isoformat(), end=last.isoformat())
        litres = sum(close.used for close in closes)
        found.append(BilledRegister(service_id=service["id"], litres=litres, read=read))
    return found


def _events(row: Issued, details: Details) -> list[tuple[str, str, Any]]:
    issued = events.InvoiceIssued(
        invoice_id=row.id,
        number=row.number,
        supply_id=row.supply_id,
        service_id=row.service_id,
        member_id=row.member_id,
        account_number=row.account_number,
        period=types.DatePeriod(start=row.period_start.isoformat(), end=row.period_end.isoformat()),
        issue_date=row.issue_date.isoformat(),
        due_date=row.due_date.isoformat(),
        total=types.Money(amount=str(row.total), currency_code=row.currency),
        import_wh=row.import_wh,
        hours_expected=row.hours_expected,
        hours_measured=row.hours_measured,
        hours_estimated=row.hours_estimated,
        hours_missing=row.hours_missing,
        curve_version=row.curve_version,
        registers=billed_registers(row, details) if row.kind == SERVICE else [],
        kind=row.kind,
    )
    return [(INVOICE_TOPIC, row.supply_id, issued), (WORK_TOPIC, row.id, events.InvoiceDocumentDue(invoice_id=row.id))]
