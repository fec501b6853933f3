"""`coopctl bill quote`: what a contract would be billed, computed on this machine; no service is asked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.chassis.errors import Invalid
from services.staff.show import JsonOption, print_json, say, table

if TYPE_CHECKING:  # the engine is loaded when the command runs, not for the help
    from services.billing.domain.bill import Bill, BillLine
    from services.billing.domain.policy import Policy
    from services.billing.domain.products import PriceBook
    from services.staff.quote_fields import Fields

    Priced = tuple[Bill, Sequence[str]]
    """A bill and what should be known of how it was priced."""

FileArgument = Annotated[str, typer.Argument(metavar="FILE.json", help="The contract and its period; - reads it here.")]
CurveOption = Annotated[
    Path | None, typer.Option("--curve", metavar="FILE", help="The hours, in place of energy_kwh: any curve file.")
]
ProfileOption = Annotated[
    Path | None,
    typer.Option("--profile", metavar="FOLDER", help="A cooperative's profile: its products, and its law.toml."),
]
COLUMNS = ("Concept", "Period", "Quantity", "Days", "Unit price", "Amount", "IEE", "IVA")
CURRENCIES = {"es": "EUR", "ar": "ARS"}
"""Of the jurisdictions that can be quoted."""
SYMBOLS = {"EUR": "€", "ARS": "$"}
UNITS = {"kw": "kW", "kwh": "kWh", "kvarh": "kVArh", "m3": "m³"}
PRICES = {
    "kwh": "kWh",
    "kvarh": "kVArh",
    "kw_year": "kW·year",
    "kw_day": "kW·day",
    "kw": "kW",
    "m3": "m³",
    "month": "month",
    "year": "year",
    "day": "day",
}


def quote(
    file: FileArgument, curve: CurveOption = None, profile: ProfileOption = None, as_json: JsonOption = False
) -> None:
    """Price a contract from a file, to the cent as an invoice would; needs no service."""
    from services.staff.quote_fields import read_document, read_file, read_stream

    if file == "-":
        name = "standard input"
        given = read_document(name, read_stream(name, sys.stdin.buffer))
    else:
        given = read_document(file, read_file(Path(file)))
    country = given.text("jurisdiction", tuple(CURRENCIES))
    rules = _rules(country, profile)
    if country == "ar":
        bill, remarks = _argentine(given, curve, rules)
    else:
        book = _price_book(profile) if profile is not None and "product" in given else None
        bill, remarks = _spanish(given, curve, rules, book)
    for remark in remarks:
        say(remark)
    if as_json:
        print_json(document(bill, CURRENCIES[country]))
    else:
        _print(bill, CURRENCIES[country])


def _rules(country: str, profile: Path | None) -> Policy:
    """The country's rules; a profile's law.toml over them."""
    from services.billing.jurisdictions import jurisdiction
    from services.billing.jurisdictions.law_book import OWN_FILE
    from services.chassis.environment import SettingsError
    from services.chassis.profile import load_profile

    if profile is None:
        return jurisdiction(country).policy
    try:
        found = load_profile(profile)
    except SettingsError as wrong:
        raise Invalid(str(wrong), field="profile") from None
    if found.jurisdiction != country:
        raise Invalid(
            f"The quote's jurisdiction is {country!r}, and that of {profile} {found.jurisdiction!r}.", field="profile"
        )
    return jurisdiction(country, found.section("billing"), profile / OWN_FILE).policy


def _price_book(profile: Path) -> PriceBook:
    from services.billing.domain.products import price_book
    from services.billing.jurisdictions.files import read_rows, rows_if_any

    path = profile / "products.toml"
    return price_book(read_rows(path, "product"), str(path), rows_if_any(path, "promotion"))


def _spanish(given: Fields, curve: Path | None, rules: Policy, book: PriceBook | None) -> Priced:
    from services.staff.quote_file import read_quote
    from services.staff.quotes import price_quote, remarks

    asked = read_quote(given)
    measured = None
    if curve is not None:
        from services.staff.quote_curve import read_curve

        measured = read_curve(curve, asked.tariff, asked.zone, asked.period, asked.supply)
    return price_quote(asked, measured, rules, book), remarks(asked, measured)


def _argentine(given: Fields, curve: Path | None, rules: Policy) -> Priced:
    from services.staff.quote_argentina import price_argentine_quote, read_argentine_quote
    from services.staff.quotes import unusual_accrual

    if curve is not None:
        raise Invalid(
            "--curve cannot be used with jurisdiction 'ar'; give the consumption of each service.", field="curve"
        )
    asked = read_argentine_quote(given)
    return price_argentine_quote(asked, rules), (*asked.notes, *unusual_accrual(asked.period, asked.accrual_date))


def document(bill: Bill, currency: str) -> dict[str, Any]:
    """The bill as plain data: figures as text, null where a line has none."""
    return {
        "lines": [
            {
                "concept": _concept(line),
                "period": line.period or None,
                "quantity": _plain(line.quantity),
                "unit": UNITS.get(line.unit),
                "unit_price": _plain(line.unit_price),
                "amount": f"{line.amount:.2f}",
                "in_iee_base": "iee" in line.taxed_by,
                "in_vat_base": _in_vat_base(line),
            }
            for line in bill.lines
        ],
        "taxes": [
            {"tax": tax.kind, "base": f"{tax.base:.2f}", "rate": _plain(tax.rate), "amount": f"{tax.amount:.2f}"}
            for tax in bill.taxes
        ],
        "total": f"{bill.total:.2f}",
        "currency": currency,
    }


def _print(bill: Bill, currency: str) -> None:
    rows = [
        (
            f"{_concept(line)} ({line.label})" if line.label else _concept(line),
            line.period,
            f"{_plain(line.quantity)} {UNITS[line.unit]}" if line.quantity is not None else "",
            line.days or "",
            f"{_plain(line.unit_price)} {SYMBOLS[currency]}/{PRICES[line.price_unit]}"
            if line.unit_price is not None
            else "",
            f"{line.amount:,.2f}",
            "yes" if "iee" in line.taxed_by else "",
            "yes" if _in_vat_base(line) else "",
        )
        for line in bill.lines
    ]
    table(f"Quote of {bill.period.days} days to {_last_day(bill)}", COLUMNS, rows, numbers=COLUMNS[2:6])
    taxes = [
        (
            tax.kind.upper(),
            f"{tax.base:,.2f}",
            f"{_plain(tax.rate * 100)} %" + (" (legal minimum)" if tax.minimum_applied else ""),
            f"{tax.amount:,.2f}",
        )
        for tax in bill.taxes
    ]
    table("Taxes", ("Tax", "Base", "Rate", "Amount"), taxes, numbers=("Base", "Amount"))
    typer.echo(f"Total {bill.total:,.2f} {currency}")


def _last_day(bill: Bill) -> str:
    from datetime import timedelta

    return (bill.period.end - timedelta(days=1)).isoformat()


def _in_vat_base(line: BillLine) -> bool:
    """Lines of different rates name a tax each: "iva-21", "iva-27"."""
    return any(code == "iva" or code.startswith("iva-") for code in line.taxed_by)


def _concept(line: BillLine) -> str:
    """As the API names it."""
    return "bono_social_financing" if line.concept == "social_bonus_financing" else line.concept


def _plain(number: Decimal | None) -> str | None:
    """All digits and no exponent, without the zeros that say nothing."""
    return None if number is None else f"{number.normalize():f}"
