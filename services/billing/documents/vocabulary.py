"""The codes a document may carry and the words they are printed with.

The English text is the message id of the documents' catalogues (services/billing/locale); `N_` marks it for extraction
and the renderer translates it. A code that is not here needs a `label` in the data; a missing one is refused by name
rather than printed raw.
"""

from __future__ import annotations

from services.chassis.errors import Invalid


def N_(message: str) -> str:
    """Mark a message for extraction without translating it."""
    return message


CONCEPTS = {
    "power": N_("Contracted power"),
    "energy": N_("Energy consumed"),
    "excess_power": N_("Excess power"),
    "excess_quarters": N_("Excess power by quarters of an hour"),
    "reactive": N_("Reactive energy"),
    "surplus": N_("Compensation of surplus energy"),
    "discount": N_("Discount"),
    "invitation": N_("Invitation, at the mean price of the energy"),
    "management_fee": N_("Management fee"),
    "social_bonus_financing": N_("Financing of the social bonus"),
    "meter_rental": N_("Meter rental"),
    "fixed_charge": N_("Fixed charge"),
    "water_fixed": N_("Water service charge"),
    "water": N_("Drinking water"),
    "sewage": N_("Sewage"),
    "street_lighting": N_("Street lighting"),
    "capital_quota": N_("Capital contribution"),
    "works_fund": N_("Works fund"),
    "social_services": N_("Social services"),
    "connection_fee": N_("Connection fee"),
    "late_surcharge": N_("Late payment interest"),
    "opening_balance": N_("Previous balance"),
    "payment_on_account": N_("Payment on account"),
    "deposit_refund": N_("Refund of the deposit"),
    "refund_interest": N_("Interest on what was paid too much"),
}
SECTIONS = {
    "power": N_("Power"),
    "energy": N_("Energy"),
    "excess": N_("Excess power and reactive energy"),
    "surplus": N_("Surplus compensation"),
    "discount": N_("Discounts"),
    "regulated": N_("Regulated items"),
    "water": N_("Water"),
    "service": N_("Service"),
    "foreign": N_("Items outside the service"),
    "other": N_("Other items"),
}
PERIODS = {  # of the tariff for homes, as people call them
    "peak": N_("peak"),
    "middle": N_("mid-peak"),
    "off_peak": N_("off-peak"),
}
TAXES = {
    "iee": N_("Electricity tax (IEE)"),
    "iva": N_("VAT (IVA)"),
    "igic": N_("Canary Islands tax (IGIC)"),
    "ipsi": N_("Ceuta and Melilla tax (IPSI)"),
    "iibb": N_("Gross income tax collection (IIBB)"),
}
SERVICES = {
    "electricity": N_("Electricity"),
    "water": N_("Water supply"),
    "sewage": N_("Sewage"),
    "tpp": N_("TPP"),
    "street_lighting": N_("Street lighting"),
    "internet": N_("Internet"),
    "social": N_("Social services"),
}
UNITS = {
    "kwh": N_("kWh"),
    "kw": N_("kW"),
    "m3": N_("m³"),
    "kvarh": N_("kVArh"),
    "month": N_("months"),
    "unit": N_("units"),
}
PRICE_UNITS = {
    "kwh": N_("/kWh"),
    "m3": N_("/m³"),
    "kvarh": N_("/kVArh"),
    "kw": N_("/kW"),
    "kw_day": N_("/kW·day"),
    "kw_year": N_("/kW·year"),
    "kw_month": N_("/kW·month"),
    "month": N_("/month"),
    "year": N_("/year"),
    "day": N_("/day"),
    "unit": N_("/unit"),
}
METHODS = {
    "direct_debit": N_("direct debit"),
    "transfer": N_("bank transfer"),
    "card": N_("card in your digital office"),
    "payment_code": N_("payment code"),
    "office": N_("at our office"),
    "wallet": N_("electronic wallet"),
}
REASONS = {
    "consumption": N_("for consumption"),
    "days": N_("for days billed"),
    "price": N_("for prices"),
    "taxes": N_("for taxes"),
    "power": N_("for contracted power"),
    "other": N_("for other items"),
}
SHARES = {
    "energy": N_("Energy"),
    "tolls": N_("Networks (tolls)"),
    "charges": N_("System charges"),
    "taxes": N_("Taxes"),
    "water": N_("Water"),
    "services": N_("Other services"),
}
ORIGINS = {
    "renewable": N_("Renewable"),
    "high_efficiency_chp": N_("High-efficiency cogeneration"),
    "chp": N_("Cogeneration"),
    "gas": N_("Combined cycle, natural gas"),
    "coal": N_("Coal"),
    "oil": N_("Fuel oil and gas"),
    "nuclear": N_("Nuclear"),
    "other": N_("Others"),
}
MOVEMENTS = {
    "invoice": N_("Invoice"),
    "payment": N_("Payment"),
    "rectification": N_("Rectifying invoice"),
    "refund": N_("Refund"),
    "payment_returned": N_("Returned payment"),
    "payment_taken_off": N_("Payment of somebody else"),
    "credit_applied": N_("Credit used"),
    "surcharge": N_("Late payment interest"),
    "adjustment": N_("Adjustment"),
}
CAME_BY = {  # how money that came was paid; METHODS are the ways that an invoice offers
    "cash": N_("in cash"),
    "transfer": N_("by bank transfer"),
    "card": N_("by card"),
    "direct_debit": N_("by direct debit"),
    "collector": N_("at a collection point"),
}
CONTRACT_KINDS = {
    "fixed": N_("Fixed price"),
    "indexed": N_("Indexed price"),
    "pvpc": N_("Regulated price (PVPC)"),
}

#: What the fee for a returned direct debit is for.
RETURNED_DEBIT = N_("Direct debit of invoice {number}, returned by the bank on {date}")

#: What rectifying invoices say of themselves.
CORRECTED = N_("readings corrected from {before} to {now}")
MEASURED_OTHERWISE = N_("readings corrected")
BY_DIFFERENCE = N_(
    "This invoice corrects invoice {number} of {date} and has only what changes: what was wrong stands with its sign turned, "
    "and after it what takes its place."
)
BY_SUBSTITUTION = N_("This invoice takes the place of invoice {number} of {date}.")
BY_SUBSTITUTION_OF_SEVERAL = N_("This invoice takes the place of these: {documents}.")
TAKEN_BACK = N_("It takes invoice {number} of {date} back as a whole: nothing of it is owed.")
IN_PARTS = N_("It is paid in {count} parts: {parts}.")
CREDIT_NOTE_OF = N_(
    "This note takes the difference off bill {number} of {date}: what was billed too much stands as it was billed, and what takes "
    "its place with its sign turned."
)
DEBIT_NOTE_OF = N_(
    "This note adds the difference to bill {number} of {date}: what was wrong stands with its sign turned, and after it what "
    "takes its place."
)
LATE_INTEREST = N_(
    "What was paid too much comes back with the interest that the cooperative charges for late payment (Ley 24.240, art. 31)."
)
INTEREST = N_("What was paid too much comes back with the legal interest and the points that the law adds.")


def named(concept: str, price_unit: str) -> str:
    """The code under which a line has its name: what is counted by quarters of an hour is no maximeter's excess."""
    return "excess_quarters" if (concept, price_unit) == ("excess_power", "kw") else concept


def word(table: dict[str, str], code: str, label: str = "") -> str:
    """The message id of `code` in `table`; Invalid names a code that is neither known nor labelled."""
    if label:
        return label
    if code not in table:
        known = ", ".join(sorted(table))
        raise Invalid(f"A document cannot print the code {code!r}: give it a label or use one of {known}.")
    return table[code]
