"""The shapes of the JSON API, which are also its documentation.

Amounts are decimal text with an ISO 4217 code, energy is integer Wh, dates are ISO 8601, instants are UTC, and the end
of a period is excluded.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import Schema
from apiflask.fields import AwareDateTime, Boolean, Date, DateTime, Email, Integer, List, Nested, String
from apiflask.validators import Length, Range
from marshmallow import ValidationError

from services.gateway.web.converters import YEARS

ID_LENGTH = 64


def Text(longest: int, **kwargs: Any) -> String:
    """A text of one to `longest` characters that can travel: no lone surrogates."""
    return String(validate=[Length(min=1, max=longest), sound], metadata=kwargs.pop("metadata", {}), **kwargs)


def sound(value: str) -> None:
    """Raises ValidationError for a text that cannot travel."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValidationError("The text has half a character (a lone surrogate): send whole characters.") from None


class Money(Schema):
    amount = String(required=True, metadata={"example": "55.44"})
    currency = String(required=True, metadata={"example": "EUR"})


class Period(Schema):
    start = Date(required=True)
    end = Date(required=True, metadata={"description": "The first day after the period."})


class Paging(Schema):
    page_size = Integer(load_default=25, validate=Range(min=1, max=100))
    page_token = String(load_default="", validate=[Length(max=512), sound])


class SignIn(Schema):
    email = Email(required=True, validate=Length(max=254))
    password = Text(256, required=True)


class Account(Schema):
    id = String(required=True)
    email = String(required=True)
    name = String(required=True)
    language = String(required=True)


class Session(Schema):
    token = String(required=True, metadata={"description": "Send it as Authorization: Bearer."})
    expires_at = DateTime(required=True)
    account = Nested(Account, required=True)


class SupplyServiceOut(Schema):
    kind = String(required=True)
    state = String(required=True)
    connected_on = Date(allow_none=True)
    tariff = String()
    watts = List(Integer())
    contract_number = String()
    meter = String()


class SupplyOut(Schema):
    id = String(required=True)
    account_number = String(required=True)
    cups = String(metadata={"description": "Empty outside Spain."})
    street = String()
    place = String()
    holder = String()
    relation = String()
    time_zone = String(required=True)
    services = List(Nested(SupplyServiceOut), required=True)


class ListedSupply(SupplyOut):
    """A supply inside a list: a name of its own keeps the document free of doubles."""


class SuppliesOut(Schema):
    supplies = List(Nested(ListedSupply), required=True)
    current_supply_id = String(required=True)


class CurrentSupply(Schema):
    supply_id = Text(ID_LENGTH, required=True)


class Association(Schema):
    document = Text(
        32, required=True, metadata={"description": "DNI, NIE, NIF or CUIT of the holder, as people write it."}
    )
    birth_date = Date(required=True)


class Accepted(Schema):
    detail = String(required=True)


class AssociationCode(Schema):
    code = Text(32, required=True)


class AssociationDone(Schema):
    supplies_added = Integer(required=True)


class BilledPeriodOut(Schema):
    period = Nested(Period, required=True)
    invoice_id = String(required=True)
    invoice_number = String(required=True)
    import_wh = Integer(required=True)
    hours_expected = Integer(required=True)
    hours_measured = Integer(required=True)
    hours_estimated = Integer(required=True)
    hours_missing = Integer(required=True)


class BilledPeriodsOut(Schema):
    periods = List(Nested(BilledPeriodOut), required=True)
    next_page_token = String(required=True)


class PeriodQuery(Schema):
    start = Date(required=True)
    end = Date(required=True, metadata={"description": "Excluded."})


def _in_our_years(instant: datetime) -> None:
    if instant.year not in YEARS:
        raise ValidationError(f"{instant.isoformat()} is not between {YEARS[0]} and {YEARS[-1]}.")


class CurveQuery(PeriodQuery):
    known_at = AwareDateTime(
        load_default=None,
        validate=_in_our_years,
        metadata={
            "description": "As the hours were known at this past instant, with the estimates of then; else as now."
        },
    )


class HourOut(Schema):
    number = Integer(
        required=True, metadata={"description": "1 + whole hours since local midnight: 1 to 23, 24 or 25."}
    )
    start = DateTime(required=True)
    import_wh = Integer(required=True, metadata={"description": "Wh taken from the grid."})
    export_wh = Integer(required=True, metadata={"description": "Wh of surplus fed into the grid."})
    quality = String(required=True, metadata={"enum": ["R", "E"]})
    method = Integer(
        required=True,
        metadata={
            "description": "1 measured, 2 to 6 estimated by that method of P.O. 10.5, 7 by another, 9 doubtful, 0 unknown."
        },
    )
    tariff_period = String(required=True)
    reason = String(required=True, metadata={"description": "Why it is estimated; empty where nobody said."})


class DayOut(Schema):
    day = Date(required=True)
    hours_expected = Integer(required=True)
    hours = List(Nested(HourOut), required=True, metadata={"description": "Absent hours are not listed."})


class CoverageOut(Schema):
    expected = Integer(required=True)
    measured = Integer(required=True)
    estimated = Integer(required=True)
    missing = Integer(required=True)


class CurveOut(Schema):
    days = List(Nested(DayOut), required=True)
    time_zone = String(required=True)
    tariff = String(required=True)
    import_wh = Integer(required=True, metadata={"description": "Sum of the hours that are there."})
    export_wh = Integer(required=True)
    hours = Nested(CoverageOut, required=True)


class CurveSupply(Schema):
    cups = String(required=True, metadata={"description": "Empty outside Spain."})
    account_number = String(required=True)


class CurveFile(CurveOut):
    """The file that members download: the curve, and whose it is."""

    supply = Nested(CurveSupply, required=True)


class PublishedOut(Schema):
    periods = List(Nested(Period), required=True, metadata={"description": "Ranges of days, the newest first."})
    from_day = Integer(
        required=True,
        metadata={"description": "A month is shown from this day of the month after it; 0: billed days alone are."},
    )


class LineOut(Schema):
    group = String(required=True)
    concept = String(required=True)
    description = String(required=True)
    period = String()
    quantity = String()
    unit = String()
    unit_price = String(metadata={"description": "Of a tax, its rate as a ratio."})
    price_unit = String(required=True, metadata={"description": "What the price is per, such as kwh or kw_year."})
    days = Integer(required=True, metadata={"description": "0 where time plays no part; so is year_days."})
    year_days = Integer(
        required=True,
        metadata={"description": "What days are divided by: those of the year, or up to 31 those of the month."},
    )
    amount = Nested(Money, required=True)
    service = String(required=True)
    code = String(required=True, metadata={"description": "Of a tax; others name it in taxed_by. Empty of a line."})
    taxed_by = List(String(), required=True, metadata={"description": "The taxes in whose base it is."})
    base = Nested(Money, metadata={"description": "What a tax is of; absent of a line."})


class PlanInstalmentOut(Schema):
    number = Integer(required=True, metadata={"description": "Its place, from 1."})
    due_date = Date(required=True)
    amount = Nested(Money, required=True)
    left = Nested(Money, required=True, metadata={"description": "What of it is not paid."})


class PlanOut(Schema):
    id = String(required=True)
    state = String(required=True, metadata={"enum": ["kept", "broken"]})
    outstanding = Nested(Money, required=True)
    instalments = List(Nested(PlanInstalmentOut), required=True)
    invoice_numbers = List(String(), required=True)
    missed = Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Number of the instalment that was not paid on its day, which broke the plan."},
    )


class InvoiceOut(Schema):
    id = String(required=True)
    number = String(required=True)
    supply_id = String(required=True)
    period = Nested(Period, required=True)
    issue_date = Date(required=True)
    due_date = Date(required=True)
    total = Nested(Money, required=True)
    outstanding = Nested(Money, required=True)
    state = String(required=True, metadata={"enum": ["open", "overdue", "paid"]})
    import_wh = Integer(required=True)
    charged_for = String(
        required=True, metadata={"description": "Of one that bills no supply, what it is for; its period is a day."}
    )
    rectifies = String(required=True, metadata={"description": "Number of the invoice that it corrects; may be empty."})
    rectified_by = List(String(), required=True, metadata={"description": "Numbers of those that correct it."})
    plan = Nested(
        PlanOut,
        required=True,
        allow_none=True,
        metadata={"description": "The payment plan by which it is paid; null in lists."},
    )
    lines = List(Nested(LineOut), required=True, metadata={"description": "Empty in lists."})


class InvoicesOut(Schema):
    invoices = List(Nested(InvoiceOut), required=True)
    next_page_token = String(required=True)


class OpenItemOut(Schema):
    invoice_id = String(required=True)
    invoice_number = String(required=True)
    due_date = Date(required=True)
    outstanding = Nested(Money, required=True)


class DebtOut(Schema):
    overdue = Nested(Money, required=True)
    not_yet_due = Nested(Money, required=True)
    credit = Nested(Money, required=True)
    open_items = List(Nested(OpenItemOut), required=True)
    plans = List(Nested(PlanOut), required=True, metadata={"description": "Payment plans that are kept or broken."})


class SettledOut(Schema):
    invoice_id = String(required=True)
    invoice_number = String(required=True)
    amount = Nested(Money, required=True)


class EntryOut(Schema):
    date = Date(required=True)
    kind = String(
        required=True,
        metadata={
            "enum": [
                "invoice",
                "rectification",
                "payment",
                "credit_applied",
                "payment_returned",
                "refund",
                "payment_taken_off",
            ]
        },
    )
    document = String(required=True)
    debit = Nested(Money, required=True)
    credit = Nested(Money, required=True)
    balance = Nested(Money, required=True)
    method = String(required=True, metadata={"description": "How money came; empty where none did."})
    payment_id = String(required=True)
    receipt_number = String(required=True, metadata={"description": "Of a payment; empty where it has none."})
    settled = List(Nested(SettledOut), required=True)
    credited = Nested(Money, required=True)


class StatementOut(Schema):
    period = Nested(Period, required=True)
    opening_balance = Nested(Money, required=True)
    entries = List(Nested(EntryOut), required=True)
    closing_balance = Nested(Money, required=True)


class CertificateOut(Schema):
    id = String(required=True)
    number = String(required=True)
    code = String(required=True)
    issued_at = DateTime(required=True)
    valid_until = Date(required=True)
    state = String(required=True, metadata={"enum": ["valid", "expired", "revoked"]})
    variant = String(
        required=True,
        metadata={
            "description": "The strongest that applies: plain, not_yet_due, agreed_plan or disputed; empty of early ones."
        },
    )
    not_yet_due = List(Nested(OpenItemOut), required=True)
    disputed = List(
        Nested(OpenItemOut), required=True, metadata={"description": "Named, and left out of what it states."}
    )
    all_supplies = Boolean(required=True, metadata={"description": "Of every contract of the holder."})
    accounts = List(String(), required=True)
    revoked_why = String(required=True)


class CertificateOrder(Schema):
    all_supplies = Boolean(load_default=False, metadata={"description": "Of every contract of the holder."})


class CertificatesOut(Schema):
    certificates = List(Nested(CertificateOut), required=True)
    next_page_token = String(required=True)


class BrokenPlanOut(Schema):
    number = Integer(required=True, metadata={"description": "The instalment that was not paid on its day, from 1."})
    of = Integer(required=True, metadata={"description": "How many instalments the plan has."})
    due_date = Date(required=True)
    missing = Nested(Money, required=True)


class CertificateAnswer(Schema):
    granted = Nested(CertificateOut, metadata={"description": "There when nothing is due."})
    due = List(Nested(OpenItemOut), required=True, metadata={"description": "What has to be paid first."})
    total_due = Nested(Money)
    broken_plans = List(Nested(BrokenPlanOut), metadata={"description": "Why invoices of payment plans are due."})


class VerificationOut(Schema):
    state = String(required=True, metadata={"enum": ["valid", "expired", "revoked"]})
    issued_at = DateTime(required=True)
    valid_until = Date(required=True)
    holder_masked = String(required=True)
    supply_masked = String(required=True)
    issuer = String(required=True)


class NoticeOut(Schema):
    id = String(required=True)
    kind = String(required=True)
    title = String(required=True)
    body = String(required=True)
    link = String(required=True)
    created_at = DateTime(required=True)
    read = Boolean(required=True)


class NoticesOut(Schema):
    notices = List(Nested(NoticeOut), required=True)
    unread = Integer(required=True)
    next_page_token = String(required=True)
