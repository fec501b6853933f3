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
from services.gateway.compose.fanout import Fanout
from services.gateway.compose.invoices import DebtView, InvoiceView
from services.gateway.compose.notices import Notices
from services.gateway.web import pictures
from services.gateway.web.explain import why_sentence
from services.gateway.web.frame import SupplyPage, ask_my_supplies, today
from services.gateway.web.words import month_of

blueprint = Blueprint("home", __name__)

MONTHS = 26
"""Billed periods asked for: this year beside the one before, with room for a period that was split."""

BILL = "service"
"""Kind of the invoices that bill the supply: what else was invoiced is not the last of them."""


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
        billing.ListInvoicesRequest(supply_id=supply_id, page_size=1, kind=BILL),
        lambda answer: next((InvoiceView.of(invoice) for invoice in answer.invoices), None),
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
    latest = _with_effects(fanout, last.value)
    return page.render(
        "pages/home.html",
        invoices=last,
        invoice_title=_("Your last invoice · %(month)s", month=month_of(latest.month))
        if latest
        else _("Your last invoice"),
        why_sentence=why_sentence(latest) if latest else None,
        debt=debt.part(),
        consumption=periods.part(),
        notices=notices.part(),
        today=today(),
    )


def _with_effects(fanout: Fanout, latest: InvoiceView | None) -> InvoiceView | None:
    """The invoice with why it changed, when that comes in time; the page does without it otherwise."""
    if latest is None or latest.previous_total is None:
        return latest
    asked = fanout.ask(
        session.upstream().billing.GetInvoice,
        billing.GetInvoiceRequest(invoice_id=latest.id),
        lambda answer: InvoiceView.of(answer.invoice),
    )
    return asked.part().value or latest


def _consumption(periods: list[BilledPeriodView]) -> Consumption:
    if not periods:
        return Consumption(())
    drawn = pictures.months(periods)
    return Consumption(tuple(periods), drawn.sentence, drawn.wide, drawn.phone, drawn.legend)
