"""Corrections: billed periods whose energy is known otherwise now, proposed to the office and decided by it.

Nothing is issued without the office. What comes to less than a cent is closed as nothing, and so is what is too old to be
claimed; both can be read with their reason ever after.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from coop.metering.events.v1.events_pb2 import ReadingCorrected
from sqlalchemy import Connection

from services.billing.application.pricing import Draft
from services.billing.application.rectification import Order, Outcome
from services.billing.application.rectifying import Rectifier
from services.billing.domain.rectifying import DATA, DIFFERENCE, READING, Figures
from services.billing.domain.regularisation import CENT, is_claimable
from services.billing.repository import corrections, invoices
from services.billing.repository.corrections import DISCARDED, ISSUED, NOTHING, PROPOSED, STATES, Correction
from services.billing.repository.invoices import Issued
from services.billing.rules import Rules
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id

LONGEST_REASON = 200
#: Unit of an event about water; the others are about energy.
LITRE = "litre"


@dataclass(frozen=True)
class Repriced:
    """What the correction of a reading comes to; without figures when it could not be priced, and `note` says why."""

    corrected: Figures | None
    note: str = ""


@dataclass(frozen=True)
class CorrectionFound:
    """A correction with the invoice it is about, what deciding it would do today, and the invoice it became."""

    correction: Correction
    invoice: Issued
    rectifying_number: str = ""
    outcome: Outcome | None = None


@dataclass(frozen=True)
class RectifyOrder:
    """A rectification as the office types it. `legal_interest` is percent as text, "" for the table's alone."""

    invoice: str
    reason: str
    method: str
    parts: int = 0
    legal_interest: str = ""


class Corrections:
    def __init__(self, database: Database, rules: Rules, rectifier: Rectifier) -> None:
        self._database = database
        self._rules = rules
        self._rectifier = rectifier

    # --------------------------------------------------------------------------------------- what metering announces
    def price(self, event: ReadingCorrected) -> Repriced | None:
        """The billed period priced again, asked before the transaction. None where invoices are not rectified here."""
        if self._rules.country.corrections is None:
            return None
        with self._database.read() as connection:
            original = self._rectifier.original(connection, event.invoice_id)
        try:
            draft = self._rectifier.price(original, READING)
        except Refused as refused:
            return Repriced(None, refused.message)
        return Repriced(Figures(draft.bill.lines, draft.bill.taxes))

    def propose(self, tx: Transaction, event: ReadingCorrected, priced: Repriced | None) -> None:
        """Keep what was found for the office, once for each invoice; what is known later replaces it."""
        if priced is None:
            return
        connection, now = tx.connection, tx.clock.now()
        original = self._rectifier.original(connection, event.invoice_id)
        open_one = corrections.proposed_of(connection, original.id)
        stands = self._rectifier.standing(connection, original)
        before = stands.figures
        after = priced.corrected or before
        # Of the other one of the two what is known is what was known before.
        water = event.unit == LITRE
        known_wh = (open_one.known_wh if open_one else stands.billed_wh) if water else event.known_wh
        known_litres = event.known_litres if water else (open_one.known_litres if open_one else stands.billed_litres)
        found = Correction(
            id=open_one.id if open_one else new_id(),
            invoice_id=original.id,
            supply_id=original.supply_id,
            account_number=original.account_number,
            state=PROPOSED,
            found_on=open_one.found_on if open_one else self._rules.today(now),
            billed_wh=stands.billed_wh,
            known_wh=known_wh,
            billed_litres=stands.billed_litres,
            known_litres=known_litres,
            curve_version=open_one.curve_version if water and open_one else event.curve_version,
            before_total=before.total,
            after_total=after.total,
            corrected=priced.corrected,
            note=priced.note,
            rectifying_id=None,
            decided_by="",
            decided_at=None,
            created_at=open_one.created_at if open_one else now,
        )
        closed = self._closed(original, found) if priced.corrected else None
        corrections.keep_correction(connection, closed or found, new=open_one is None)

    def _closed(self, original: Issued, found: Correction) -> Correction | None:
        """The correction closed, where there is nothing for the office to decide."""
        delta = found.after_total - found.before_total
        if abs(delta) < CENT:
            return replace(found, state=NOTHING, note="Priced again, the bill is the same to the cent.")
        rule = self._rectifier.law.rules.at(found.found_on)
        if delta > 0 and not is_claimable(original.period_start, found.found_on, rule):
            note = (
                f"The period began on {original.period_start}, more than {rule.claim_months} months before it was found on "
                f"{found.found_on}: what was billed too little may not be claimed."
            )
            return replace(found, state=DISCARDED, note=note)
        return None

    # --------------------------------------------------------------------------------------------- the office's queries
    def list(self, state: str, *, before: str, limit: int) -> list[CorrectionFound]:
        """Newest first; Invalid for a state that is none."""
        if state and state not in STATES:
            raise Invalid(f"The state {state!r} is not known; use {', '.join(STATES)}.", field="state")
        with self._database.read() as connection:
            found = corrections.corrections(connection, state, before=before, limit=limit)
            return [self._with_invoice(connection, each) for each in found]

    def get(self, correction_id: str) -> CorrectionFound:
        """With what approving it would do today."""
        with self._database.read() as connection:
            found = self._with_invoice(connection, _known(corrections.correction_by_id(connection, correction_id)))
            correction = found.correction
            if correction.state != PROPOSED or correction.corrected is None:
                return found
            order = self._order(connection, correction, 0, None)
            outcome = self._rectifier.outcome(connection, found.invoice, correction.corrected, order)
            return replace(found, outcome=outcome)

    @staticmethod
    def _with_invoice(connection: Connection, correction: Correction) -> CorrectionFound:
        invoice = invoices.find(connection, correction.invoice_id)
        assert invoice is not None
        made = invoices.find(connection, correction.rectifying_id) if correction.rectifying_id else None
        return CorrectionFound(correction, invoice, made.number if made else "")

    # -------------------------------------------------------------------------------------------- the office's decisions
    def approve(
        self, key: RequestKey, actor: str, correction_id: str, parts: int, legal_interest: str
    ) -> CorrectionFound:
        """Issue the rectifying invoice of a proposal as it was shown. Refused when it is decided, when something stands
        against it, or when it comes to another amount by now: the proposal then says the new one.
        """
        stated = self._rate(legal_interest)
        with self._database.read() as connection:
            found = _known(corrections.correction_by_id(connection, correction_id))
            original = self._rectifier.original(connection, found.invoice_id)
            wanted = self._order(connection, found, parts, stated)
        draft = self._rectifier.price(original, READING)
        if found.state == PROPOSED:
            self._check_as_shown(original, found, Figures(draft.bill.lines, draft.bill.taxes))
            wanted = self._rectifier.authorised(original, draft, wanted)

        def issue() -> str:
            correction = _known(corrections.correction_by_id(tx.connection, correction_id, lock=True))
            _check_open(correction)
            order = replace(self._order(tx.connection, correction, parts, stated), authorisation=wanted.authorisation)
            row = self._rectifier.issue(tx, original, draft, order)
            self._decide(tx, correction, ISSUED, actor, rectifying_id=row.id)
            return row.id

        with self._database.write() as tx:
            tx.once(key, issue)
        return self.get(correction_id)

    def _check_as_shown(self, original: Issued, found: Correction, corrected: Figures) -> None:
        """Refused, with the proposal brought up to date, when its amount is another one by now."""
        with self._database.write() as tx:
            now = corrections.correction_by_id(tx.connection, found.id, lock=True)
            assert now is not None
            before = self._rectifier.standing(tx.connection, original).figures
            if now.state != PROPOSED or (now.before_total, now.corrected) == (before.total, corrected):
                return
            fresh = replace(now, before_total=before.total, after_total=corrected.total, corrected=corrected, note="")
            corrections.keep_correction(tx.connection, fresh, new=False)
        raise Refused(
            f"Priced again, invoice {original.number} comes to {corrected.total} and not to {found.after_total} as the "
            "proposal said; look at it once more and approve it again.",
            "PROPOSAL_CHANGED",
        )

    def discard(self, key: RequestKey, actor: str, correction_id: str, why: str) -> CorrectionFound:
        """Close a proposal without an invoice, for a reason that is kept. Refused when it is decided."""
        note = _reason(why, "why")

        def close() -> str:
            correction = _known(corrections.correction_by_id(tx.connection, correction_id, lock=True))
            _check_open(correction)
            self._decide(tx, replace(correction, note=note), DISCARDED, actor)
            return correction.id

        with self._database.write() as tx:
            tx.once(key, close)
        return self.get(correction_id)

    def rectify(self, key: RequestKey, actor: str, wanted: RectifyOrder) -> tuple[Issued, Issued]:
        """Price an invoice again with what is known today and issue what corrects it: (rectifying, rectified)."""
        order = self._data_order(wanted)
        with self._database.read() as connection:
            original = self._rectifier.original(connection, wanted.invoice)
        draft = self._rectifier.price(original, DATA)
        order = self._rectifier.authorised(original, draft, order)
        with self._database.write() as tx:
            made = tx.once(key, lambda: self._rectify(tx, original, draft, order, actor))
            row = invoices.find(tx.connection, made)
        assert row is not None
        return row, original

    def _rectify(self, tx: Transaction, original: Issued, draft: Draft, order: Order, actor: str) -> str:
        row = self._rectifier.issue(tx, original, draft, order)
        open_one = corrections.proposed_of(tx.connection, original.id)
        if open_one is not None:
            # The same prices and energy: what was proposed is in it.
            self._decide(tx, open_one, ISSUED, actor, rectifying_id=row.id)
        return row.id

    def preview(self, wanted: RectifyOrder) -> Outcome:
        """What `rectify` would do today, without doing it."""
        order = self._data_order(wanted)
        with self._database.read() as connection:
            original = self._rectifier.original(connection, wanted.invoice)
        draft = self._rectifier.price(original, DATA)
        with self._database.read() as connection:
            return self._rectifier.outcome(connection, original, Figures(draft.bill.lines, draft.bill.taxes), order)

    def _data_order(self, wanted: RectifyOrder) -> Order:
        reason = _reason(wanted.reason, "reason")
        return Order(DATA, reason, wanted.method, wanted.parts, self._rate(wanted.legal_interest))

    def _rate(self, text: str) -> Decimal | None:
        return _percent(text, self._rectifier.law.highest_interest)

    def _order(self, connection: Connection, found: Correction, parts: int, stated: Decimal | None) -> Order:
        first = corrections.first_underbilled(connection, found.supply_id, found.found_on)
        return Order(READING, "", DIFFERENCE, parts, stated, found.found_on, first)

    def _decide(
        self, tx: Transaction, correction: Correction, state: str, actor: str, rectifying_id: str | None = None
    ) -> None:
        decided = replace(
            correction, state=state, decided_by=actor, decided_at=tx.clock.now(), rectifying_id=rectifying_id
        )
        corrections.keep_correction(tx.connection, decided, new=False)


def _known(found: Correction | None) -> Correction:
    if found is None:
        raise NotFound(
            "There is no such correction; 'coopctl bill corrections list' has those there are.", "NO_CORRECTION"
        )
    return found


def _check_open(correction: Correction) -> None:
    if correction.state != PROPOSED:
        by = f" by {correction.decided_by}" if correction.decided_by else ""
        raise Refused(f"The correction is {correction.state}{by} already; it stays.", "CORRECTION_DECIDED")


def _reason(text: str, field: str) -> str:
    if not text.strip() or len(text) > LONGEST_REASON:
        raise Invalid(f"Say in up to {LONGEST_REASON} characters why; it is printed or kept with it.", field=field)
    return text.strip()


def _percent(text: str, highest: Decimal) -> Decimal | None:
    """Percent as text to a ratio, at most `highest`; None for "". Invalid for what cannot be a rate of interest."""
    if not text.strip():
        return None
    try:
        percent = Decimal(text.strip())
    except InvalidOperation:
        raise Invalid(
            f"The legal interest {text!r} is not a number; write it as 3.25.", field="legal_interest"
        ) from None
    if not 0 <= percent / 100 <= highest:
        raise Invalid(f"The legal interest {text} % cannot be; write it in percent, as 3.25.", field="legal_interest")
    return percent / 100
