"""The first page of a supply: each card asks for its own part and stands alone."""

from __future__ import annotations

from dataclasses import dataclass

from coop.billing.v1 import billing_service_pb2 as billing
from coop.metering.v1 import metering_service_pb2 as metering
from coop.notifications.v1 import notifications_service_pb2 as notifications
from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from services.gateway import session
from services.gateway.compose.curves import BilledPeriodView
from services.gateway.compose.fanout import Fanout, Part
from services.gateway.compose.invoices import DebtView, InvoiceView
from services.gateway.compose.notices import Notices
from services.gateway.compose.why import Why, why
from services.gateway.web import pictures
from services.gateway.web.explain import why_sentence
from services.gateway.web.frame import SupplyPage, ask_my_supplies, today
from services.gateway.web.words import month_of

blueprint = Blueprint("home", __name__)

MONTHS = 26
"""Billed periods asked for: this year beside the one before, with room for a period that was split."""


@dataclass(frozen=True)
class LastInvoices:
    """The newest invoice and, where there is one, that before it."""

    latest: InvoiceView | None
    before: InvoiceView | None


@dataclass(frozen=True)
class Consumption:
    """Billed periods newest first, and what the card draws of them."""

    periods: tuple[BilledPeriodView, ...]
    sentence: Markup = Markup("")
    chart: Markup = Markup("")
    chart_phone: Markup = Markup("")
    legend: Markup = Markup("")


@blueprint.get("/")
def start() -> ResponseReturnValue:
    """To the current supply; to adding one when there is none; visitors get the front page."""
    if session.signed_in() is None:
        return render_template("pages/welcome.html")
    mine = ask_my_supplies(session.fanout()).get()
    if not mine.start_id:
        return redirect(url_for("supplies.add"), 303)
    return redirect(url_for("home.show", supply_id=mine.start_id), 303)


@blueprint.get("/s/<supply_id>/")
@session.members_only
def show(supply_id: str) -> ResponseReturnValue:
    page = SupplyPage(supply_id, "home")
    services = session.upstream()
    fanout = page.fanout
    invoices = fanout.ask(
        services.billing.ListInvoices,
        billing.ListInvoicesRequest(supply_id=supply_id, page_size=4),
        lambda answer: _last([InvoiceView.of(invoice) for invoice in answer.invoices]),
    )
    debt = fanout.ask(
        services.billing.GetDebtState,
        billing.GetDebtStateRequest(supply_id=supply_id),
        lambda answer: DebtView.of(answer.debt),
    )
    periods = fanout.ask(
        services.metering.ListBilledPeriods,
        metering.ListBilledPeriodsRequest(supply_id=supply_id, page_size=MONTHS),
        lambda answer: _consumption([BilledPeriodView.of(period) for period in answer.periods]),
    )
    notices = fanout.ask(
        services.notifications.ListMyNotices, notifications.ListMyNoticesRequest(page_size=4), Notices.of
    )
    last = invoices.part()
    reason = _why(fanout, last)
    latest = last.value.latest if last.value else None
    return page.render(
        "pages/home.html",
        invoices=last,
        invoice_title=_("Your last invoice · %(month)s", month=month_of(latest.month))
        if latest
        else _("Your last invoice"),
        why_sentence=why_sentence(reason, latest) if latest else None,
        debt=debt.part(),
        consumption=periods.part(),
        notices=notices.part(),
        today=today(),
    )


def _last(invoices: list[InvoiceView]) -> LastInvoices:
    latest = invoices[0] if invoices else None
    return LastInvoices(latest, invoice_before(latest, invoices[1:]) if latest else None)


def invoice_before(invoice: InvoiceView, older: list[InvoiceView]) -> InvoiceView | None:
    """The one of the same contract that ended where this one starts, among older invoices newest first."""
    if invoice.previous_total is None:
        return None
    return next(
        (
            other
            for other in older
            if other.period.end == invoice.period.start and other.total == invoice.previous_total
        ),
        None,
    )


def _why(fanout: Fanout, last: Part[LastInvoices]) -> Why | None:
    """The reason of the change, when both invoices come in time; the page does without it otherwise."""
    if last.value is None or last.value.latest is None or last.value.before is None:
        return None
    return ask_why(fanout, last.value.latest.id, last.value.before.id)


def ask_why(fanout: Fanout, invoice_id: str, before_id: str) -> Why | None:
    """Fetch both invoices with their lines and compare them."""
    get = session.upstream().billing.GetInvoice
    asked = [
        fanout.ask(get, billing.GetInvoiceRequest(invoice_id=which), lambda answer: InvoiceView.of(answer.invoice))
        for which in (invoice_id, before_id)
    ]
    latest, before = (one.part().value for one in asked)
    return why(latest, before) if latest and before else None


def _consumption(periods: list[BilledPeriodView]) -> Consumption:
    if not periods:
        return Consumption(())
    drawn = pictures.months(periods)
    return Consumption(tuple(periods), drawn.sentence, drawn.wide, drawn.phone, drawn.legend)
