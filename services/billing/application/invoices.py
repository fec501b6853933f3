"""Reading invoices: one with everything, or a supply's list, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from services.billing.application.access import check_document, no_document, visible_supply
from services.billing.application.plans_found import PlanFound, open_plans
from services.billing.domain.difference import COMPARED, Effect, comparable, effects
from services.billing.domain.ledger import OpenItem
from services.billing.domain.rectifying import Figures
from services.billing.evidence.bundle import Standing, bundle_of, rectifying_bundle
from services.billing.evidence.facts import RuleSet
from services.billing.papers.explain import charged
from services.billing.repository import corrected, corrections, evidence, invoices, ledger
from services.billing.repository.corrections import Rectification
from services.billing.repository.invoices import Details, Issued, Place
from services.billing.rules import Rules
from services.chassis.context import Principal
from services.chassis.db import Database
from services.chassis.errors import Refused


@dataclass(frozen=True)
class Links:
    """Numbers of the invoice that this one rectifies ("" none) and of those that rectify it."""

    rectifies: str = ""
    method: str = ""
    rectified_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class InvoiceFound:
    """An invoice, what is unpaid of it and in which parts, the total of the one before, and what it rectifies or is
    rectified by; `details` and the payment plan that it is in, kept or broken, only where asked for.
    """

    invoice: Issued
    outstanding: Decimal
    today: date
    previous_total: Decimal | None
    parts: tuple[OpenItem, ...]
    links: Links
    details: Details | None = None
    effects: tuple[Effect, ...] = ()
    plan: PlanFound | None = None

    @property
    def due(self) -> date:
        """By when the next part that is not paid has to be; the invoice's own date once all is."""
        return self.parts[0].due_date if self.parts else self.invoice.due_date


class Invoices:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    def get(self, caller: Principal, id_or_number: str) -> InvoiceFound:
        """By id or printed number; NotFound unless the caller may see its supply."""
        with self._database.read() as connection:
            found = self._visible(connection, caller, id_or_number)
            before = invoices.of_supply(connection, found.supply_id, before=found.place, limit=1, kind=found.kind)
            before = corrected.as_corrected(connection, before, found.issued_at)
            outstanding = ledger.outstanding_of(connection, [found.id])[found.id]
            details = invoices.details(connection, found.id)
            causes = _effects(connection, found, details, before)
            parts = ledger.open_parts(connection, [found.id], self._today()).get(found.id, ())
            links = _links(connection, [found.id]).get(found.id, Links())
            plans = open_plans(connection, found.supply_id, self._today())
        plan = next((each for each in plans if found.id in each.plan.terms.invoice_ids), None)
        previous = _previous_total(found, before)
        return InvoiceFound(found, outstanding, self._today(), previous, parts, links, details, causes, plan)

    def bundle(self, caller: Principal, id_or_number: str) -> tuple[Issued, dict[str, Any]]:
        """What the invoice can be calculated again from, without the hours of the curve; NotFound as for `get`.

        Refused for one issued before facts were kept.
        """
        with self._database.read() as connection:
            found = self._visible(connection, caller, id_or_number)
            kept = self._facts(connection, found)
            details = invoices.details(connection, found.id)
            zone = self._rules.profile.time_zone
            link = corrections.rectification_by(connection, found.id)
            if link is None:
                return found, bundle_of(found, details, *kept, zone)
            before = self._before(connection, link)
        return found, rectifying_bundle(found, details, *kept, zone, link.corrected, before)

    def _before(self, connection: Connection, link: Rectification) -> Standing:
        """What stood before a rectification: the invoice, or what the one before made of it."""
        earlier = [
            each
            for each in corrections.rectifications_of(connection, link.rectified_id)
            if each.revision < link.revision
        ]
        last = invoices.find(connection, earlier[-1].invoice_id if earlier else link.rectified_id)
        assert last is not None
        details = invoices.details(connection, last.id)
        figures = earlier[-1].corrected if earlier else Figures(details.lines, details.taxes)
        return Standing(last, figures, *self._facts(connection, last))

    @staticmethod
    def _facts(connection: Connection, found: Issued) -> tuple[dict[str, Any], RuleSet]:
        kept = evidence.of_invoice(connection, found.id)
        if kept is None:
            raise Refused(
                f"Invoice {found.number} was issued before invoices kept what they are calculated from; it has no bundle.",
                "NO_FACTS",
            )
        return kept

    def list(
        self, caller: Principal, supply_id: str, *, before: Place | None, limit: int, kind: str = ""
    ) -> list[InvoiceFound]:
        """Newest first, those after a place of the list, of one kind or all, without lines."""
        with self._database.read() as connection:
            visible_supply(connection, caller, supply_id)
            # As many more as a month has as a rule: the last one's predecessor gives its "more or less than last time".
            found = invoices.of_supply(connection, supply_id, before=before, limit=limit + 3, kind=kind)
            ids = [each.id for each in found]
            outstanding = ledger.outstanding_of(connection, ids)
            parts = ledger.open_parts(connection, ids, self._today())
            links = _links(connection, ids)
            before_each = [
                _before_it(connection, each, found[at + 1 :], links, len(found) < limit + 3)
                for at, each in enumerate(found[:limit])
            ]
        return [
            InvoiceFound(
                each,
                outstanding[each.id],
                self._today(),
                _previous_total(each, older),
                parts.get(each.id, ()),
                links.get(each.id, Links()),
            )
            for each, older in zip(found[:limit], before_each, strict=True)
        ]

    @staticmethod
    def _visible(connection: Connection, caller: Principal, id_or_number: str) -> Issued:
        found = invoices.find(connection, id_or_number.strip())
        if found is None:
            raise no_document(f"invoice {id_or_number!r}")
        check_document(connection, caller, found.supply_id, f"invoice {id_or_number!r}")
        return found

    def _today(self) -> date:
        return self._rules.today(self._database.clock.now())


def _effects(connection: Connection, found: Issued, details: Details, older: Sequence[Issued]) -> tuple[Effect, ...]:
    """Why it is not the amount of the invoice before, where that one ends the day before it begins."""
    before = older[0] if older else None
    if before is None or not comparable(found.kind, found.period, before.kind, before.period):
        return ()
    return effects(charged(found, details), charged(before, corrected.details(connection, before)))


def _previous_total(invoice: Issued, older: Sequence[Issued]) -> Decimal | None:
    """Of the invoice before it; one that rectifies, or is for a day alone, has none to be compared with."""
    if invoice.kind not in COMPARED:
        return None
    return next((each.total for each in older if each.kind == invoice.kind), None)


def _before_it(
    connection: Connection, invoice: Issued, older: Sequence[Issued], links: dict[str, Links], whole: bool
) -> Sequence[Issued]:
    """The invoice of its kind before it, as it stood when this one was issued; empty when there is none, or it is not
    compared. `older` are those after it in the list, all there are when `whole`: charges may stand between two bills.
    """
    if invoice.kind not in COMPARED:
        return []
    one = [each for each in older if each.kind == invoice.kind][:1]
    if not one and not whole:
        one = invoices.of_supply(connection, invoice.supply_id, before=invoice.place, limit=1, kind=invoice.kind)
        return corrected.as_corrected(connection, one, invoice.issued_at)
    rectified = any(links[each.id].rectified_by for each in one if each.id in links)
    return corrected.as_corrected(connection, one, invoice.issued_at) if rectified else one


def _links(connection: Connection, invoice_ids: Sequence[str]) -> dict[str, Links]:
    found: dict[str, Links] = {}
    for rectifying_id, number, rectified_id, rectified, method in corrections.links(connection, invoice_ids):
        found[rectifying_id] = replace(found.get(rectifying_id, Links()), rectifies=rectified, method=method)
        one = found.get(rectified_id, Links())
        found[rectified_id] = replace(one, rectified_by=(*one.rectified_by, number))
    return found
