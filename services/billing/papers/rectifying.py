"""What only a rectifying invoice says: which invoice it corrects, how and why, what is settled already, in which parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from services.billing.documents.edition import Edition, edition
from services.billing.documents.figures import NBSP
from services.billing.documents.model import Adjustment, DueDate, InvoiceDocument
from services.billing.documents.vocabulary import (
    BY_DIFFERENCE,
    BY_SUBSTITUTION,
    BY_SUBSTITUTION_OF_SEVERAL,
    CORRECTED,
    CREDIT_NOTE_OF,
    DEBIT_NOTE_OF,
    IN_PARTS,
    INTEREST,
    LATE_INTEREST,
    MEASURED_OTHERWISE,
    TAKEN_BACK,
)
from services.billing.domain.fiscal.cae import CREDIT_NOTES
from services.billing.domain.rectifying import READING, SUBSTITUTION
from services.billing.papers.argentina import credit_note
from services.billing.repository.invoices import Issued


def rectifying_document(document: InvoiceDocument, invoice: Issued, language: str) -> InvoiceDocument:
    """The document of a rectifying invoice. A chart, a comparison or a comparator's code would speak of the difference as
    if it were a bill: it has none of them.
    """
    said: dict[str, Any] = invoice.printed["rectification"]
    e = edition(language, document.jurisdiction, document.currency)
    found = replace(
        document,
        rectifies=_rectified(said),
        difference=said["method"] != SUBSTITUTION,
        corrects=_totals(said),
        rectification_reason=reason(said, invoice.import_wh, e),
        adjustments=_adjustments(said),
        instalments=_instalments(said),
        consumptions=tuple(replace(each, history=()) for each in document.consumptions),
        legal=(*_paragraphs(said, e, charge="charge" in invoice.printed), *document.legal),
        change=None,
        destination=(),
        daily_mean=None,
        daily_mean_history=None,
        comparator_url="",
    )
    return credit_note(found) if found.argentina and found.argentina.is_credit_note else found


def reason(said: Mapping[str, Any], known_wh: int, e: Edition) -> str:
    """Why it was issued: the office's words, or which readings changed. `said` is what the invoice keeps of its being one."""
    if said["cause"] != READING:
        return str(said["reason"])
    found = []
    if said["billed_wh"] != known_wh:
        found.append(e.t(CORRECTED).format(before=_kwh(said["billed_wh"], e), now=_kwh(known_wh, e)))
    if said["billed_litres"] != said["known_litres"]:
        found.append(e.t(CORRECTED).format(before=_m3(said["billed_litres"], e), now=_m3(said["known_litres"], e)))
    return "; ".join(found) or e.t(MEASURED_OTHERWISE)


def _rectified(said: Mapping[str, Any]) -> tuple[str, ...]:
    """A substitution names all documents that it takes the place of (RD 1619/2012 art. 15)."""
    return tuple(number for number, _ in said["documents"]) if said["method"] == SUBSTITUTION else (said["number"],)


def _totals(said: Mapping[str, Any]) -> tuple[Decimal, Decimal] | None:
    """Of what stood before and of what is right; documents issued before they were kept do not say them."""
    return (Decimal(said["before_total"]), Decimal(said["right_total"])) if "right_total" in said else None


def _taken_back(said: Mapping[str, Any]) -> bool:
    totals = _totals(said)
    return totals is not None and not totals[1]


def _m3(litres: int, e: Edition) -> str:
    return f"{e.f.number(Decimal(litres) / 1000)}{NBSP}m³"


def _kwh(wh: int, e: Edition) -> str:
    return f"{e.f.number(Decimal(wh) / 1000)}{NBSP}kWh"


def _instalments(said: Mapping[str, Any]) -> tuple[DueDate, ...]:
    """None where it is paid at once."""
    parts = tuple(DueDate(date.fromisoformat(day), Decimal(amount)) for day, amount in said["instalments"])
    return parts if len(parts) > 1 else ()


def _adjustments(said: dict[str, Any]) -> tuple[Adjustment, ...]:
    """After the total: what the invoices rectified have settled already, and the interest paid back."""
    items = (("payment_on_account", -Decimal(said["settled"])), ("refund_interest", -Decimal(said["interest"])))
    return tuple(Adjustment(concept, amount) for concept, amount in items if amount)


def _paragraphs(said: dict[str, Any], e: Edition, *, charge: bool) -> tuple[str, ...]:
    given = said.get("authorisation")
    how = BY_SUBSTITUTION if said["method"] == SUBSTITUTION else BY_DIFFERENCE
    if given is not None:
        how = CREDIT_NOTE_OF if given["voucher"] in CREDIT_NOTES.values() else DEBIT_NOTE_OF
    if charge or _taken_back(said):
        how = TAKEN_BACK
    issued = e.f.day(date.fromisoformat(said["issue_date"]))
    if how == BY_SUBSTITUTION and len(said["documents"]) > 1:
        documents = e.f.listing([f"{number}, {e.f.day(date.fromisoformat(day))}" for number, day in said["documents"]])
        found = [e.t(BY_SUBSTITUTION_OF_SEVERAL).format(documents=documents)]
    else:
        found = [e.t(how).format(number=said["number"], date=issued)]
    parts = [f"{e.f.day(date.fromisoformat(day))}, {e.f.money(Decimal(amount))}" for day, amount in said["instalments"]]
    if len(parts) > 1:
        found.append(e.t(IN_PARTS).format(count=len(parts), parts="; ".join(parts)))
    if Decimal(said["interest"]):
        found.append(e.t(LATE_INTEREST if given is not None else INTEREST))
    return tuple(found)
