"""Rectifying an issued invoice: priced again, what the law makes of the difference, and the document that corrects it.

The invoice stays as it was issued. The rectifying one takes its number from a series of its own, moves the difference in
the books and is told to the tax office, all in one transaction.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection

from services.billing.application.fiscal import FiscalOffice
from services.billing.application.issuing import details_of, invoice_hash, printed_facts
from services.billing.application.pricing import Draft, MonthPricer
from services.billing.application.rectification import (
    Order,
    Outcome,
    Standing,
    litres_of,
    printed_rectification,
    rectification_of,
)
from services.billing.application.rectification_books import book, tell
from services.billing.application.rewards import Kept
from services.billing.application.withdrawal import (
    energy_again,
    facts_again,
    nothing_due,
    nothing_to_rectify,
    printed_again,
)
from services.billing.domain.bill import ZERO, Energy
from services.billing.domain.planning import HeldBill
from services.billing.domain.rectifying import (
    DIFFERENCE,
    METHODS,
    READING,
    SUBSTITUTION,
    Figures,
    booking,
    difference,
)
from services.billing.domain.regularisation import (
    CENT,
    CorrectionLaw,
    Instalment,
    Numbering,
    check_age,
    instalments,
    interest,
    is_claimable,
    most_instalments,
    overpaid,
)
from services.billing.domain.supplies import Member, Supply
from services.billing.repository import corrections, evidence, invoices, ledger, read_model, rewards, series
from services.billing.repository.invoices import CHARGE, FOREIGN, RECTIFYING, SERVICE, Details, Issued
from services.billing.repository.series import SeriesState
from services.billing.rules import Rules
from services.billing.snapshots import member_of, supply_of
from services.chassis.db import Database, Transaction
from services.chassis.errors import Conflict, Invalid, NotFound, Refused
from services.chassis.ids import new_id


class Rectifier:
    def __init__(self, database: Database, rules: Rules, pricer: MonthPricer, fiscal: FiscalOffice) -> None:
        self._database = database
        self._rules = rules
        self._pricer = pricer
        self._fiscal = fiscal

    # ------------------------------------------------------------------------------------------------------ before
    def original(self, connection: Connection, id_or_number: str) -> Issued:
        """The invoice to rectify. NotFound when there is none; Refused when this kind, or this country's, is not."""
        found = invoices.find(connection, id_or_number.strip())
        if found is None:
            raise NotFound(
                f"There is no invoice {id_or_number!r}; copy its number from the invoice, such as E-2026-000123.",
                "NO_INVOICE",
            )
        if self._rules.country.corrections is None:
            raise Refused(
                f"Invoice {found.number} cannot be rectified here: no rule says how that is done in "
                f"{self._rules.country.code.upper()}; correct it with the tax office's own tool.",
                "RECTIFYING_NOT_SUPPORTED",
            )
        if found.kind == FOREIGN:
            raise Refused(f"{found.number} is a document apart and no invoice; it is not rectified.", "NO_INVOICE_KIND")
        if found.kind == RECTIFYING:
            link = corrections.rectification_by(connection, found.id)
            assert link is not None
            first = invoices.find(connection, link.rectified_id)
            assert first is not None
            raise Refused(
                f"{found.number} is a rectifying invoice itself; rectify {first.number}, which it rectifies, once more.",
                "RECTIFYING_INVOICE",
            )
        return found

    @property
    def law(self) -> CorrectionLaw:
        law = self._rules.country.corrections
        assert law is not None, "checked with the invoice"
        return law

    def price(self, original: Issued, cause: str) -> Draft:
        """The invoice's period as it should have been billed, with its own accrual date; asks metering.

        For readings under the contract and for the holder of what stands of it, for data as both are known today. Nothing is
        due of a charge, which has nothing to be priced by, of a period in which no contract was in force, as is known now,
        and of what was taken back when only readings change. Refused when it cannot be priced.
        """
        if original.kind == CHARGE:
            return nothing_due(original)
        try:
            if cause == READING:
                with self._database.read() as connection:
                    stands = self.standing(connection, original)
                if not stands.figures.lines:
                    return nothing_due(original)
                supply, holder = supply_of(stands.printed["supply"]), member_of(stands.printed["holder"])
            else:
                supply, holder = self._parties(original)
            return self._pricer.again(supply, holder, original.period, original.issue_date)
        except HeldBill as held:
            if held.reason == "NO_CONTRACT":
                with self._database.read() as connection:
                    given = rewards.given(connection, original.supply_id, original.period_start)
                return nothing_due(original, sum(given.values()))
            raise Refused(
                f"Invoice {original.number} cannot be priced again: {held.explanation}", held.reason
            ) from held

    def _parties(self, original: Issued) -> tuple[Supply, Member]:
        with self._database.read() as connection:
            supplies = read_model.supplies(connection, [original.supply_id])
            # The holder of that period stays the invoice's: a later change of holder is no error of it.
            holders = read_model.members(connection, [original.member_id])
        if not supplies or original.member_id not in holders:
            raise HeldBill(
                "NO_HOLDER", f"Billing no longer knows the supply or the holder of {original.account_number}."
            )
        return supplies[0], holders[original.member_id]

    def standing(self, connection: Connection, original: Issued) -> Standing:
        """What holds today of an invoice."""
        made = corrections.rectifications_of(connection, original.id)
        last = invoices.find(connection, made[-1].invoice_id) if made else original
        assert last is not None
        details = invoices.details(connection, last.id)
        figures = made[-1].corrected if made else Figures(details.lines, details.taxes)
        documents = [(original.number, original.issue_date)]
        for each in made:
            row = invoices.find(connection, each.invoice_id)
            assert row is not None
            documents = [*([] if each.method == SUBSTITUTION else documents), (row.number, row.issue_date)]
        return Standing(figures, last.printed, last.import_wh, litres_of(details), tuple(made), tuple(documents))

    def outcome(self, connection: Connection, original: Issued, corrected: Figures, order: Order) -> Outcome:
        """What rectifying it to `corrected` would do today; Invalid for a method or a number of instalments that is none."""
        if order.method not in METHODS:
            raise Invalid(f"The method {order.method!r} is not known; use {' or '.join(METHODS)}.", field="method")
        if not corrected.lines and order.method != DIFFERENCE:
            raise Refused(
                f"Invoice {original.number} is taken back whole, and nothing takes its place. Leave --substitution out.",
                "METHOD_NOT_LAWFUL",
            )
        if order.method not in self.law.methods:
            raise Refused(
                f"In {self._rules.country.code.upper()} no document takes the place of a bill: a note says the difference. "
                "Leave --substitution out.",
                "METHOD_NOT_LAWFUL",
            )
        today = self._rules.today(self._database.clock.now())
        found_on = order.found_on or today
        rule = self.law.rules.at(found_on)
        stands = self.standing(connection, original)
        before = stands.figures
        delta = corrected.total - before.total
        family = [original.id, *(each.invoice_id for each in stands.made)]
        payments = corrections.payments_of(connection, family)
        owed, blocked, why = ZERO, "", ""
        try:
            check_age(original.issue_date, today, rule)
            if self.law.elsewhere is not None and delta and not self._rules.fiscal.cae_provider:
                raise Refused(self.law.elsewhere(original.number, original.series, delta), "CORRECTED_ELSEWHERE")
            if abs(delta) < CENT and order.method == DIFFERENCE:
                raise Refused(nothing_to_rectify(original, stands), "NOTHING_TO_RECTIFY")
            if delta > 0 and not is_claimable(original.period_start, found_on, rule):
                raise Refused(
                    f"The period of invoice {original.number} began on {original.period_start}, more than "
                    f"{rule.claim_months} months before {found_on}: what was billed too little then may not be claimed.",
                    "TOO_OLD_TO_CLAIM",
                )
            if delta < 0:
                paid = overpaid(before.total, corrected.total, payments)
                owed = interest(paid, today, lambda day: self._legal_interest(day, order.legal_interest), rule.points)
        except Refused as refused:
            blocked, why = refused.message, refused.reason
        open_items = ledger.open_items(connection, original.supply_id, today)
        kinds = corrections.kinds_of_open(connection, original.supply_id)
        own = [item for item in open_items if item.invoice_id in family]
        # Documents apart are not the service's: its money does not pay them.
        others = [item for item in open_items if item.invoice_id not in family and kinds[item.invoice_id] != FOREIGN]
        made = booking(order.method, delta - owed, own, others)
        due = self._rules.due_date(today)
        applied = min(ledger.credit_of(connection, original.supply_id), made.opens) if delta > 0 else ZERO
        first_wrong = order.first_wrong or original.period_start
        most = most_instalments(first_wrong, found_on, rule)
        open_now = made.opens - applied
        parts: tuple[Instalment, ...] = ()
        if delta > 0 and open_now:
            parts = instalments(open_now, due, order.parts or most, most)
        elif delta <= 0 and own and made.opens:
            due = min(item.due_date for item in own)
        return Outcome(
            original=original,
            corrected=corrected,
            change=difference(before, corrected),
            before=before,
            billed_wh=stands.billed_wh,
            billed_litres=stands.billed_litres,
            revision=len(family),
            interest=owed,
            booking=made,
            applied=applied,
            parts=parts,
            most_parts=most if delta > 0 else 1,
            due_date=due,
            settled=before.total - sum((item.outstanding for item in own), ZERO),
            found_on=found_on,
            first_wrong=first_wrong,
            documents=stands.documents,
            payments=tuple(payments),
            blocked=blocked,
            blocked_reason=why,
        )

    def _legal_interest(self, day: date, stated: Decimal | None) -> Decimal:
        found = self.law.legal_interest.find(day) if self.law.legal_interest else None
        if found is not None:
            return found
        if stated is None and self.law.legal_interest is None:
            raise Refused(
                "What was paid too much comes back with the interest that the cooperative charges for late payment, which no "
                "table has: state it in percent a year with --legal-interest, or 0 where none is owed.",
                "NO_LEGAL_INTEREST",
            )
        if stated is None:
            raise Refused(
                f"The legal interest of {day.year} is not in the table of legal interest, so what was paid too much cannot be "
                "given back with interest; state it with --legal-interest, or add the row with its source.",
                "NO_LEGAL_INTEREST",
            )
        return stated

    # ------------------------------------------------------------------------------------------------------- issuing
    def authorised(self, original: Issued, draft: Draft, order: Order) -> Order:
        """The order with the code that its document needs beforehand, where the country's tax office gives one; asks it, so
        never inside a transaction. What stands against the document is said when it is issued.
        """
        corrected = Figures(draft.bill.lines, draft.bill.taxes)
        with self._database.read() as connection:
            found = self.outcome(connection, original, corrected, order)
            if found.blocked:
                return order
            state = series.peek(connection, self._series(connection, original, corrected))
            row, details = self._document(connection, state, found, draft, order, self._database.clock.now())
        return replace(order, authorisation=self._fiscal.authorise(self._database, row, details))

    def _issue_date(self, order: Order, now: datetime) -> date:
        """Today; with a code, the day for which it was granted."""
        return order.authorisation.issue_date if order.authorisation else self._rules.today(now)

    def _series(self, connection: Connection, original: Issued, corrected: Figures) -> str:
        rules = self._rules
        return self.law.series(
            Numbering(
                rules.rectifying_series,
                rules.today(self._database.clock.now()),
                original.series,
                corrected.total - self.standing(connection, original).figures.total,
                rules.fiscal.point_of_sale,
            )
        )

    def issue(self, tx: Transaction, original: Issued, draft: Draft, order: Order) -> Issued:
        """Issue the rectifying invoice, in the caller's transaction. Refused with what blocks it; Conflict when the account
        or the invoice changed while it was made.
        """
        connection, now = tx.connection, tx.clock.now()
        today = self._issue_date(order, now)
        # Before the series, as whoever bills does.
        kept = Kept(connection, original, draft)
        corrected = Figures(draft.bill.lines, draft.bill.taxes)
        code = self._series(connection, original, corrected)
        state = series.take(connection, code)
        if state.last_date is not None and today < state.last_date:
            raise Refused(
                f"The series {code} reaches {state.last_date}, and today is {today}: its dates must follow its numbers.",
                "ISSUE_DATE_OUT_OF_ORDER",
            )
        found = self.outcome(connection, original, corrected, order)
        if found.blocked:
            raise Refused(found.blocked, found.blocked_reason)
        row, details = self._document(connection, state, found, draft, order, now)
        invoices.keep(connection, [(row, details)])
        kept.give_back(row)
        evidence.keep(connection, self._rules.rule_set, [(row.id, facts_again(original, draft))], now)
        series.put(connection, SeriesState(code, row.sequence, row.hash, today))
        self._fiscal.record(tx, [(row, details)])
        # Who bills takes the series, the chain and then the accounts: any other order could wait for each other for ever.
        ledger.lock_accounts(connection, [original.supply_id])
        if self.outcome(connection, original, corrected, order).booking != found.booking:
            raise Conflict("A payment came while the invoice was rectified; do it again.", "ACCOUNT_CHANGED")
        corrections.keep_rectification(connection, rectification_of(row, found, order))
        book(tx, self._rules, row, found)
        tell(tx, row, details, found, order.method, energy_again(original, draft))
        return row

    def _document(
        self, connection: Connection, state: SeriesState, found: Outcome, draft: Draft, order: Order, now: datetime
    ) -> tuple[Issued, Details]:
        today = self._issue_date(order, now)
        original, whole = found.original, details_of(draft.bill)
        figures = found.corrected if order.method == SUBSTITUTION else found.change
        details = replace(whole, lines=figures.lines, taxes=figures.taxes)
        energy = draft.bill.energy.get("electricity", Energy())
        owed = ledger.overdue_items(connection, [original.supply_id], today)
        debts = owed.get((original.supply_id, SERVICE, original.member_id), [])
        if draft.segments:
            printed = printed_facts(self._rules, draft, draft.bill, debts)
        else:
            printed = printed_again(original, debts)
        sequence = state.last_number + 1
        row = replace(
            original,
            id=new_id(),
            number=self._rules.country.number(state.code, sequence),
            series=state.code,
            sequence=sequence,
            # No consumption becomes "billed" by its issue: what it says replaces what the rectified one said.
            service_id="",
            kind=RECTIFYING,
            # Of what rectifies a charge of the same day too.
            revision=max(invoices.next_revision(connection, original.supply_id, original.period_start, RECTIFYING), 1),
            issue_date=today,
            due_date=max(found.due_date, today),
            net=figures.net,
            total=figures.total,
            import_wh=energy.import_wh,
            hours_expected=energy.hours_expected,
            hours_measured=energy.hours_measured,
            hours_estimated=energy.hours_estimated,
            hours_missing=energy.hours_missing,
            curve_version=energy.curve_version,
            printed={**printed, "rectification": printed_rectification(found, order, whole)},
            previous_hash=state.last_hash,
            hash="",
            issued_at=now,
        )
        return replace(row, hash=invoice_hash(row, details)), details
