"""What a bill carries for paying it over somebody's counter: the slip of Spanish banks, the barcode of collectors.

The terms are the cooperative's agreement with its bank or its collector; without one, bills carry no such code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from services.billing.domain.payments.cbu import parse_alias, parse_cbu
from services.billing.domain.payments.collectors.coupon import Coupon, coupon_code
from services.billing.domain.payments.csb57 import WITH_DUE_DATE, issuer_of, slip_code, slip_reference
from services.billing.domain.payments.given_out import coupon_account
from services.billing.domain.payments.iban import parse_iban
from services.chassis.errors import Invalid

_MOST_DAYS = 90


@dataclass(frozen=True)
class SlipTerms:
    """`issuer` is eight digits, `suffix` three, of those that code a due date."""

    issuer: str
    suffix: str

    def code(self, sequence: int, issued_on: date, due: date, cents: int) -> str:
        """The 46 digits of an invoice's slip, payable until it is due; its reference is year and sequence."""
        return slip_code(self.issuer, self.suffix, slip_reference(issued_on.year, sequence), due, cents)


@dataclass(frozen=True)
class CouponTerms:
    """`collector` is the number that the collectors gave us, `places` who they are, `more_days` how long after the due
    date they still take the bill.
    """

    collector: str
    places: str
    more_days: int

    def code(self, account_number: str, due: date, cents: int) -> str:
        """The 50 digits for an account; empty for an account number that they cannot carry."""
        account = coupon_account(account_number)
        if not account:
            return ""
        later = due + timedelta(days=self.more_days)
        return coupon_code(Coupon(self.collector, account, due, cents, later, cents))


def check_own_accounts(payment: Mapping[str, Any]) -> None:
    """The cooperative's accounts in `[payment]`, where bills ask for transfers. Raises Invalid for one that cannot be."""
    others = payment.get("bank_accounts", [])
    if not isinstance(others, list):
        raise Invalid('coop.toml [payment]: bank_accounts is no list; write ["ES91 ..."].', field="bank_accounts")
    given: dict[str, Callable[[str], str]] = {"iban": parse_iban, "cbu": parse_cbu, "alias": parse_alias}
    named = [(name, parse, payment[name]) for name, parse in given.items() if name in payment]
    # An account of Argentina has digits alone, one of Europe begins with its country.
    named += [("bank_accounts", parse_cbu if str(each)[:1].isdigit() else parse_iban, each) for each in others]
    for name, parse, text in named:
        try:
            parse(str(text))
        except Invalid as wrong:
            raise Invalid(f"coop.toml [payment] {name}: {wrong.message}", wrong.reason, field=name) from wrong


def slip_terms(payment: Mapping[str, Any], tax_id: str) -> SlipTerms | None:
    """From `[payment.slip]` of a profile; None without it. Raises Invalid for a suffix or an issuer that cannot be."""
    given = payment.get("slip")
    if given is None:
        return None
    suffix = str(given.get("suffix", ""))
    if not re.fullmatch(r"[0-9]{3}", suffix) or int(suffix) < WITH_DUE_DATE:
        raise Invalid(
            f"coop.toml [payment.slip]: suffix is {suffix!r}; give the one of the bank that codes a due date, from "
            f"{WITH_DUE_DATE} to 999.",
            field="suffix",
        )
    return SlipTerms(issuer_of(str(given.get("issuer") or tax_id)), suffix)


def coupon_terms(payment: Mapping[str, Any]) -> CouponTerms | None:
    """From `[payment.coupon]` of a profile; None without it. Raises Invalid for what cannot be."""
    given = payment.get("coupon")
    if given is None:
        return None
    collector, places, days = str(given.get("collector", "")), str(given.get("places", "")), given.get("more_days", 0)
    if not re.fullmatch(r"[0-9]{1,4}", collector) or not places.strip():
        raise Invalid(
            f"coop.toml [payment.coupon]: collector is {collector!r} and places {places!r}; give one to four digits and "
            "the names of the collectors.",
            field="collector",
        )
    if not isinstance(days, int) or not 0 <= days <= _MOST_DAYS:
        raise Invalid(
            f"coop.toml [payment.coupon]: more_days is {days!r}; give the days after the due date, 0 to {_MOST_DAYS}.",
            field="more_days",
        )
    return CouponTerms(collector, places.strip(), days)
