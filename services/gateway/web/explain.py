"""The reason of a change, said in a sentence and in rows."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from services.gateway.compose.invoices import InvoiceView
from services.gateway.compose.money import Money
from services.gateway.compose.why import Why
from services.gateway.web.words import amount, energy


def why_sentence(reason: Why | None, invoice: InvoiceView) -> Markup | None:
    """ "That is 6.20 € more than the invoice before: 4.10 € for using 21 kWh more, 1.74 € of taxes and 0.36 € of power." """
    if invoice.previous_total is None:
        return None
    difference = invoice.total - invoice.previous_total
    if not difference:
        return Markup("{}").format(_("It is the same amount as the invoice before."))
    opening = _opening(difference)
    if reason is None:
        return opening + "."
    # Every cause is named, so that whoever adds them up comes to the difference: first those that pull its way.
    parts = sorted(
        (part for part in reason.parts if part[1].amount), key=lambda part: abs(part[1].amount), reverse=True
    )
    ways: dict[bool, list[str]] = {True: [], False: []}
    for cause, part in parts:
        ways[(part.amount > 0) == (difference.amount > 0)].append(_piece(cause, part, reason))
    sentence = opening + ": " + _list(ways[True])
    if ways[False]:
        sentence += _("; the other way, %(reasons)s", reasons=_list(ways[False]))
    return sentence + "."


def cause_label(cause: str, reason: Why) -> str:
    """The name of a row of the explanation."""
    if cause == "used":
        changed = energy(abs(reason.wh_more))
        return (
            _("You used %(energy)s more", energy=changed)
            if reason.wh_more > 0
            else _("You used %(energy)s less", energy=changed)
        )
    if cause == "power" and reason.days_more:
        days = abs(reason.days_more)
        if reason.days_more > 0:
            return ngettext("Contracted power: %(num)d day more", "Contracted power: %(num)d days more", days)
        return ngettext("Contracted power: %(num)d day less", "Contracted power: %(num)d days less", days)
    return {
        "price": _("Price of the energy and the hours of use"),
        "power": _("Contracted power"),
        "water": _("Water"),
        "other": _("Other items"),
        "tax": _("Taxes"),
    }[cause]


def _opening(difference: Money) -> Markup:
    words = Markup("<strong>{}</strong>")
    if difference.amount > 0:
        return Markup(_("It is %(difference)s than the invoice before")) % {
            "difference": words.format(_("%(amount)s more", amount=amount(difference)))
        }
    return Markup(_("It is %(difference)s than the invoice before")) % {
        "difference": words.format(_("%(amount)s less", amount=amount(Money(-difference.amount, difference.currency))))
    }


def _piece(cause: str, part: Money, reason: Why) -> str:
    size = amount(Money(abs(part.amount), part.currency))
    if cause == "used":
        changed = energy(abs(reason.wh_more))
        if reason.wh_more > 0:
            return _("%(amount)s for using %(energy)s more", amount=size, energy=changed)
        return _("%(amount)s for using %(energy)s less", amount=size, energy=changed)
    return {
        "price": _("%(amount)s for the price and the hours of use", amount=size),
        "power": _("%(amount)s of contracted power", amount=size),
        "water": _("%(amount)s of water", amount=size),
        "other": _("%(amount)s of other items", amount=size),
        "tax": _("%(amount)s of taxes", amount=size),
    }[cause]


def _list(pieces: list[str]) -> str:
    if len(pieces) < 2:
        return "".join(pieces)
    return _("%(items)s and %(last)s", items=", ".join(pieces[:-1]), last=pieces[-1])
