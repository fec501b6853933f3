"""One cooperative's billing rules: its country, price book, series and terms, read from the profile once at start."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from services.billing.domain import foreign
from services.billing.domain.calendar import due_date
from services.billing.domain.charging import (
    ChargeConcepts,
    charge_amount,
    charge_concepts,
    check_concepts,
    check_returned_debit,
)
from services.billing.domain.concepts import NO_CONCEPTS, Concepts, concepts
from services.billing.domain.fiscal.energy_origin import EnergyOrigin, energy_origins
from services.billing.domain.fiscal.terms import FiscalTerms, fiscal_terms
from services.billing.domain.products import PriceBook, price_book
from services.billing.domain.rows import decimal
from services.billing.evidence.facts import RuleSet
from services.billing.evidence.rule_set import rule_set
from services.billing.jurisdictions import jurisdiction
from services.billing.jurisdictions.country import Jurisdiction
from services.billing.jurisdictions.law_book import OWN_FILE
from services.chassis.clock import local_date
from services.chassis.environment import SettingsError
from services.chassis.errors import Invalid
from services.chassis.profile import Profile

LATEST_DAYS_TO_PAY = 365
LONGEST_TERM = 120
#: What the series of invoices that bill no supply are called where the profile does not say.
CHARGE_SERIES = {"es": "V", "ar": "FC"}


@dataclass(frozen=True)
class Rules:
    profile: Profile
    country: Jurisdiction
    book: PriceBook
    invoice_series: str
    days_to_pay: int
    certificate_days: int
    #: Share of the month's hours (0 to 1) that must be measured or estimated for a bill to be issued.
    min_hours_ratio: Decimal
    concepts: Concepts = NO_CONCEPTS
    #: What is invoiced besides supplying, by code; and the series of its invoices, where the country has names of years.
    charges: ChargeConcepts = field(default_factory=dict)
    charge_series: str = "V"
    #: Before taxes, for a direct debit that the payer's bank gives back; None: returns cost the member nothing.
    return_fee: Decimal | None = None
    #: A total of more than so many times the supply's usual one is looked at before it is issued; None: no bill is.
    outlier_times: Decimal | None = None
    rectifying_series: str = "R"
    #: Of the receipts of payments; each year has its own numbers, as "RC-2026-000123".
    receipt_series: str = "RC"
    #: Up to so much one person may refund of a payment; above it a second one approves.
    refund_limit: Decimal = Decimal(0)
    #: Months of a contract's term, after which it goes on by itself for as many; 0 where contracts have no term.
    contract_months: int = 0
    fiscal: FiscalTerms = FiscalTerms()
    #: Where the electricity of each year came from; empty when the profile says nothing of it.
    energy_origins: tuple[EnergyOrigin, ...] = ()

    @cached_property
    def rule_set(self) -> RuleSet:
        """Every dated row that bills are calculated by, as invoices carry it."""
        return rule_set(self.country, self.concepts, self.charges)

    @property
    def currency(self) -> str:
        return self.profile.currency

    def today(self, now: datetime) -> date:
        """The civil date of an instant where the cooperative is."""
        return local_date(now, self.profile.tz)

    def due_date(self, issued: date) -> date:
        return due_date(issued, self.days_to_pay, self.country.calendar)

    def language(self, wanted: str) -> str:
        """The holder's language where the cooperative prints in it, its own otherwise."""
        return wanted if wanted in self.profile.languages else self.profile.default_language


def rules_of(profile: Profile) -> Rules:
    """Reads products.toml and billing's sections of coop.toml. Raises SettingsError with a sentence."""
    path = profile.folder / "products.toml"
    try:
        products = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        terms = profile.section("billing")
        ratio = decimal({"min_hours_ratio": "1", **terms}, "min_hours_ratio", "coop.toml [billing]")
        rules = Rules(
            profile=profile,
            country=jurisdiction(profile.jurisdiction, terms, profile.folder / OWN_FILE),
            book=price_book(products.get("product", []), str(path), products.get("promotion", [])),
            invoice_series=str(profile.section("series").get("invoice", "E")),
            days_to_pay=int(profile.section("payment").get("days_to_pay", 20)),
            certificate_days=int(profile.section("certificate").get("valid_days", 30)),
            min_hours_ratio=ratio,
            outlier_times=decimal(terms, "outlier_times", "coop.toml [billing]") if "outlier_times" in terms else None,
            concepts=_concepts(profile.folder / "concepts.toml"),
            charges=_charges(profile.folder / "concepts.toml"),
            charge_series=str(profile.section("series").get("charge", CHARGE_SERIES[profile.jurisdiction])),
            return_fee=_return_fee(profile),
            rectifying_series=str(profile.section("series").get("rectifying", "R")),
            receipt_series=str(profile.section("series").get("receipt", "RC")),
            refund_limit=decimal(
                {"refund_limit": "0", **profile.section("payment")}, "refund_limit", "coop.toml [payment]"
            ),
            contract_months=int(terms.get("contract_months", 0)),
            fiscal=fiscal_terms(profile.section("fiscal"), profile.jurisdiction, software_version()),
            energy_origins=_energy_origins(profile.folder / "energy_origin.toml"),
        )
        _check_concepts(rules)
        _check_charges(rules)
    except Invalid as wrong:
        raise SettingsError([wrong.message]) from wrong
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValueError) as wrong:
        raise SettingsError([f"The billing profile in {profile.folder} cannot be read: {wrong}."]) from wrong
    if not 0 <= ratio <= 1:
        raise SettingsError([f"coop.toml [billing]: min_hours_ratio is {ratio}; give a share between 0 and 1."])
    if rules.refund_limit < 0:
        raise SettingsError([f"coop.toml [payment]: refund_limit is {rules.refund_limit}; give an amount, or 0."])
    if not 0 <= rules.contract_months <= LONGEST_TERM:
        raise SettingsError(
            [
                f"coop.toml [billing]: contract_months is {rules.contract_months}; give the months of a contract's term, such as "
                f"12, at most {LONGEST_TERM}, or leave it out where contracts have none."
            ]
        )
    if rules.outlier_times is not None and rules.outlier_times <= 1:
        raise SettingsError(
            [
                f"coop.toml [billing]: outlier_times is {rules.outlier_times}; give more than 1, such as 3, or leave it out."
            ]
        )
    if not 0 <= rules.days_to_pay <= LATEST_DAYS_TO_PAY or not 1 <= rules.certificate_days <= LATEST_DAYS_TO_PAY:
        raise SettingsError(
            [
                "coop.toml: days_to_pay and valid_days are days, at most a year: "
                f"they are {rules.days_to_pay} and {rules.certificate_days}."
            ]
        )
    return rules


def _concepts(path: Path) -> Concepts:
    """The concepts that the assembly decided; none when there is no such file."""
    if not path.exists():
        return NO_CONCEPTS
    rows = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal).get("concept", [])
    return concepts(rows, str(path))


def _check_concepts(rules: Rules) -> None:
    country, services = rules.country, rules.book.services()
    apart = country.foreign_series is not None
    foreign.check(rules.concepts, services, country.concept_taxes, country.foreign_taxes, apart=apart)


def _charges(path: Path) -> ChargeConcepts:
    """What is invoiced besides supplying; nothing when there is no such file, or no [[charge]] in it."""
    if not path.exists():
        return {}
    rows = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal).get("charge", [])
    return charge_concepts(rows, str(path))


def _return_fee(profile: Profile) -> Decimal | None:
    section = profile.section("direct_debit")
    if "return_fee" not in section:
        return None
    try:
        return charge_amount(str(decimal(section, "return_fee", "coop.toml [direct_debit]")))
    except Invalid as wrong:
        raise Invalid(f"coop.toml [direct_debit] return_fee: {wrong.message}", field="return_fee") from wrong


def _check_charges(rules: Rules) -> None:
    check_concepts(rules.charges, rules.country.charging)
    if rules.return_fee is not None:
        check_returned_debit(rules.charges, rules.country.charging, rules.return_fee)
    others = (rules.invoice_series, rules.rectifying_series, rules.receipt_series)
    if rules.charge_series in others:
        raise Invalid(
            f"coop.toml [series]: charge = {rules.charge_series!r} numbers other documents already; give it a name of its own.",
            field="charge",
        )


def _energy_origins(path: Path) -> tuple[EnergyOrigin, ...]:
    """The rows of the profile's table; none when there is no such file."""
    if not path.exists():
        return ()
    rows = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal).get("mix", [])
    return energy_origins(rows, str(path))


def software_version() -> str:
    """The version of this software, as its invoices name it to the tax office."""
    try:
        return version("acometida")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0+checkout"
