"""Why an invoice is not the amount of the one before, in a sentence and in rows: billing's effects, said."""

from __future__ import annotations

from decimal import Decimal

from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from services.gateway import formatting
from services.gateway.compose.invoices import EffectView, InvoiceView
from services.gateway.compose.money import Money
from services.gateway.web.words import amount, decimal_text, energy


def why_sentence(invoice: InvoiceView) -> Markup | None:
    """ "That is 6.20 € more than the invoice before: 4.10 € for consumption (21 kWh more), 1.74 € of taxes and 0.36 € of power."

    Without causes where the invoice came without its effects (in lists, or when the one before is of other days).
    """
    difference = invoice.difference
    if difference is None:
        return None
    if not difference:
        return Markup("{}").format(_("It is the same amount as the invoice before."))
    opening = _opening(difference)
    if not invoice.effects:
        return opening + "."
    # Every cause is named, so that whoever adds them up comes to the difference: first those that pull its way.
    effects = sorted(invoice.effects, key=lambda effect: abs(effect.amount.amount), reverse=True)
    ways: dict[bool, list[str]] = {True: [], False: []}
    for effect in effects:
        ways[(effect.amount.amount > 0) == (difference.amount > 0)].append(_piece(effect))
    sentence = opening + ": " + _list(ways[True])
    if ways[False]:
        sentence += _("; the other way, %(reasons)s", reasons=_list(ways[False]))
    return sentence + "."


def effect_label(effect: EffectView) -> str:
    """The name of a row of the explanation."""
    change = _change(effect)
    if effect.cause == "consumption":
        name = _("Water used") if effect.service == "water" else _("Energy used")
        return f"{name}: {change}" if change else name
    name = {
        "price": _("Prices"),
        "days": _("Days billed"),
        "power": _("Contracted power"),
        "taxes": _("Taxes"),
    }.get(effect.cause, _("Other items"))
    return f"{name}: {change}" if change else name


def _change(effect: EffectView) -> str:
    """ "21 kWh more", "1 day less"; empty where nothing was counted or the same was."""
    if not effect.more:
        return ""
    if effect.unit == "day":
        days = abs(int(effect.more))
        if effect.more > 0:
            return ngettext("%(num)d day more", "%(num)d days more", days)
        return ngettext("%(num)d day less", "%(num)d days less", days)
    size = _quantity(abs(effect.more), effect.unit)
    return _("%(quantity)s more", quantity=size) if effect.more > 0 else _("%(quantity)s less", quantity=size)


def _quantity(value: Decimal, unit: str) -> str:
    if unit == "kwh":
        return energy(int(value * 1000))
    return f"{decimal_text(str(value))}{formatting.NO_BREAK}m³"


def _opening(difference: Money) -> Markup:
    words = Markup("<strong>{}</strong>")
    if difference.amount > 0:
        return Markup(_("It is %(difference)s than the invoice before")) % {
            "difference": words.format(_("%(amount)s more", amount=amount(difference)))
        }
    return Markup(_("It is %(difference)s than the invoice before")) % {
        "difference": words.format(_("%(amount)s less", amount=amount(Money(-difference.amount, difference.currency))))
    }


def _piece(effect: EffectView) -> str:
    size = amount(Money(abs(effect.amount.amount), effect.amount.currency))
    change = _change(effect)
    if effect.cause == "consumption":
        if effect.service == "water":
            what = _("%(amount)s for the water used", amount=size)
        else:
            what = _("%(amount)s for the energy used", amount=size)
        return f"{what} ({change})" if change else what
    if effect.cause == "days":
        return _("%(amount)s for %(days)s billed", amount=size, days=change) if change else size
    return {
        "price": _("%(amount)s for prices", amount=size),
        "power": _("%(amount)s of contracted power", amount=size),
        "taxes": _("%(amount)s of taxes", amount=size),
    }.get(effect.cause, _("%(amount)s of other items", amount=size))


def _list(pieces: list[str]) -> str:
    if len(pieces) < 2:
        return "".join(pieces)
    return _("%(items)s and %(last)s", items=", ".join(pieces[:-1]), last=pieces[-1])
