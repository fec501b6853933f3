"""Invoices: the list, one explained, its PDF, and the statement of account."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import zip_longest

from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1 import documents_service_pb2 as documents
from coop.billing.v1 import payments_service_pb2 as payments
from coop.common.v1 import types_pb2
from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from services.chassis.errors import NotFound
from services.chassis.periods import DatePeriod
from services.gateway import session
from services.gateway.compose.basis import FactsView
from services.gateway.compose.bundles import as_text, bundle_of
from services.gateway.compose.invoice_text import sections
from services.gateway.compose.invoices import DebtView, InvoiceView, StatementView
from services.gateway.compose.payments import YearAmountsView
from services.gateway.upstream import document as stream
from services.gateway.web.charts import split
from services.gateway.web.explain import effect_label, why_sentence
from services.gateway.web.frame import SupplyPage, profile, today

blueprint = Blueprint("invoices", __name__)

PAGE = 24
DOCUMENT_DEADLINE_S = 15.0
"""A document may have to be rendered before its first byte."""
_GROUPS = ("energy", "power", "water", "other", "tax")


@blueprint.get("/s/<supply_id>/invoices")
@session.members_only
def index(supply_id: str) -> ResponseReturnValue:
    page = SupplyPage(supply_id, "invoices")
    token = request.args.get("page", "")
    part = page.fanout.ask(
        session.upstream().billing.ListInvoices,
        billing.ListInvoicesRequest(supply_id=supply_id, page_size=PAGE, page_token=token),
        lambda answer: ([InvoiceView.of(invoice) for invoice in answer.invoices], answer.next_page_token),
    ).part()
    following = part.value[1] if part.value else ""
    return page.render(
        "pages/invoices.html",
        part=part,
        today=today(),
        newer=url_for("invoices.index", supply_id=supply_id) if token else None,
        older=url_for("invoices.index", supply_id=supply_id, page=following) if following else None,
    )


@blueprint.get("/s/<supply_id>/invoices/<invoice_id>")
@session.members_only
def show(supply_id: str, invoice_id: str) -> ResponseReturnValue:
    page = SupplyPage(supply_id, "invoices")
    billing_stub = session.upstream().billing
    asked = page.fanout.ask(
        billing_stub.GetInvoice,
        billing.GetInvoiceRequest(invoice_id=invoice_id),
        lambda answer: InvoiceView.of(answer.invoice),
    )
    facts = page.fanout.ask(
        billing_stub.GetInvoiceFacts, billing.GetInvoiceFactsRequest(invoice_id=invoice_id), FactsView.of
    )
    invoice = asked.get()
    if invoice.supply_id != supply_id:
        raise NotFound("There is no such invoice of this supply.")
    # Without its facts (they did not come in time, or it is older than they are kept) the invoice is shown as printed.
    known = facts.part().value
    return page.render(
        "pages/invoice.html",
        invoice=invoice,
        today=today(),
        shares=_shares(invoice),
        six_periods=any(line.period in ("P4", "P5", "P6") for line in invoice.lines),
        lines=list(zip_longest(invoice.lines, known.lines if known else ())),
        known=known is not None,
        rows=[(effect_label(effect), effect.amount) for effect in invoice.effects],
        sentence=why_sentence(invoice),
        split=split,
    )


@blueprint.get("/s/<supply_id>/invoices/<invoice_id>/text")
@session.members_only
def in_full(supply_id: str, invoice_id: str) -> ResponseReturnValue:
    """All that the PDF says, as a page that can be read aloud, enlarged and printed."""
    page = SupplyPage(supply_id, "invoices")
    answer = page.fanout.ask(
        session.upstream().documents.GetInvoiceText,
        documents.GetInvoiceTextRequest(invoice_id=invoice_id),
        lambda answer: answer,
    ).get()
    if answer.supply_id != supply_id:
        raise NotFound("There is no such invoice of this supply.")
    return page.render(
        "pages/invoice_text.html",
        invoice_id=invoice_id,
        number=answer.number,
        language=answer.language,
        sections=sections(answer.pieces),
    )


@blueprint.get("/s/<supply_id>/invoices/<invoice_id>.json")
@session.members_only
def bundle(supply_id: str, invoice_id: str) -> ResponseReturnValue:
    """Everything the invoice is calculated from, with its hours: what the office's bundle of it says, to the letter."""
    content = bundle_of(session.fanout(), session.upstream(), invoice_id, supply_id)
    return Response(
        as_text(content),
        content_type="application/json; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{_safe(content["invoice"]["number"])}.json"'},
    )


@blueprint.get("/s/<supply_id>/invoices/<invoice_id>.pdf")
@session.members_only
def document(supply_id: str, invoice_id: str) -> ResponseReturnValue:
    """The PDF as it was made the first time."""
    answers = session.upstream().billing.GetInvoiceDocument(
        billing.GetInvoiceDocumentRequest(invoice_id=invoice_id),
        timeout=DOCUMENT_DEADLINE_S,
        metadata=session.member_metadata(),
    )
    return pdf(*stream(answers))


@blueprint.get("/s/<supply_id>/statement")
@session.members_only
def statement(supply_id: str) -> ResponseReturnValue:
    """The movements of a year: the last twelve months unless a year is asked for."""
    page = SupplyPage(supply_id, "invoices")
    year = _year()
    period = _statement_period(year)
    movements = page.fanout.ask(
        session.upstream().billing.GetStatement,
        billing.GetStatementRequest(supply_id=supply_id, period=_message(period)),
        lambda answer: StatementView.of(answer.statement),
    )
    debt = page.fanout.ask(
        session.upstream().billing.GetDebtState,
        billing.GetDebtStateRequest(supply_id=supply_id),
        lambda answer: DebtView.of(answer.debt),
    )
    amounts = None
    if year is not None and profile().jurisdiction == "es":
        amounts = page.fanout.ask(
            session.upstream().payments.GetYearAmounts,
            payments.GetYearAmountsRequest(supply_id=supply_id, year=year),
            YearAmountsView.of,
        )
    return page.render(
        "pages/statement.html",
        part=movements.part(),
        # Without it the statement stands, which has every movement; its plans are on the pages of their invoices, too.
        debt=debt.part().value,
        amounts=amounts.part() if amounts else None,
        period=period,
        year=year,
        this_year=today().year,
    )


@blueprint.get("/s/<supply_id>/statement.pdf")
@session.members_only
def statement_document(supply_id: str) -> ResponseReturnValue:
    answers = session.upstream().billing.GetStatementDocument(
        billing.GetStatementDocumentRequest(supply_id=supply_id, period=_message(_statement_period(_year()))),
        timeout=DOCUMENT_DEADLINE_S,
        metadata=session.member_metadata(),
    )
    return pdf(*stream(answers))


def pdf(name: str, chunks: object) -> Response:
    """A document as it comes from its service, opened in the browser under its own name."""
    safe = _safe(name) or "document.pdf"
    return Response(
        chunks,  # type: ignore[arg-type]
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{safe}"'},
    )


def _safe(name: str) -> str:
    """A file name without what a header could not carry."""
    return "".join(letter for letter in name if letter.isalnum() or letter in "._-")


def _shares(invoice: InvoiceView) -> list[tuple[str, Decimal]]:
    """What each group of lines adds to the total, in the order of reading; groups that take away are left out."""
    sums = {group: Decimal(0) for group in _GROUPS}
    for line in invoice.lines:
        sums[line.group] += line.amount.amount
    return [(group, sums[group]) for group in _GROUPS if sums[group] > 0]


def _year() -> int | None:
    text = request.args.get("year", "")
    return int(text) if text.isdecimal() and 2000 <= int(text) <= today().year else None


def _statement_period(year: int | None) -> DatePeriod:
    if year is not None:
        return DatePeriod(date(year, 1, 1), date(year + 1, 1, 1))
    tomorrow = today() + timedelta(days=1)
    return DatePeriod(tomorrow - timedelta(days=366), tomorrow)


def _message(period: DatePeriod) -> types_pb2.DatePeriod:
    return types_pb2.DatePeriod(start=period.start.isoformat(), end=period.end.isoformat())
