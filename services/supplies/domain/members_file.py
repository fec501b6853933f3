"""One line of the office's members file: text by column in, checked values out, or every problem of the line at once."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from services.chassis.emails import parse_email
from services.chassis.errors import Invalid
from services.supplies.domain.cups import parse_cups
from services.supplies.domain.dates import parse_birth_date, parse_day
from services.supplies.domain.documents import Document
from services.supplies.domain.invitations import read_code
from services.supplies.domain.jurisdictions import Jurisdiction
from services.supplies.domain.model import METER_RENTALS, STATES, USES, Address

COLUMNS = frozenset({
    "member_number", "name", "document_type", "document", "birth_date", "email", "phone", "language", "postal_street",
    "postal_postcode", "postal_municipality", "postal_province", "account_number", "cups", "street", "postcode",
    "municipality", "province", "tariff_zone", "service", "state", "connected_on", "billing_from", "meter_serial",
    "meter_from", "meter_to", "contract_number", "contract_from", "contract_to", "product_code", "tariff",
    "power_p1_kw", "power_p2_kw", "power_p3_kw", "power_p4_kw", "power_p5_kw", "power_p6_kw", "meter_rental",
    "tax_condition", "use", "power_control", "electricity_tax", "vulnerable", "invitation_code", "promotion_code",
    "access_contract",
})  # fmt: skip
_POWER_COLUMNS = tuple((f"P{number}", f"power_p{number}_kw") for number in range(1, 7))
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,19}")
_CODE = re.compile(r"[\w./ -]{1,40}")
_PHONE = re.compile(r"\+?[\d ()./-]{5,30}")
_MAX_TEXT = 120
_MAX_WATTS = 1_000_000_000

ValueT = TypeVar("ValueT")


@dataclass(frozen=True)
class Problem:
    """Why a line is refused: the column, the value as written, and a sentence."""

    field: str
    value: str
    reason: str


class RowRefused(Exception):
    """A line that changes nothing, with all its problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(problem.reason for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class MeterFields:
    serial: str
    start: date
    #: None: not said.
    end: date | None


@dataclass(frozen=True)
class ContractFields:
    number: str
    start: date
    #: None: not said.
    end: date | None
    product_code: str
    tariff: str
    powers: tuple[tuple[str, int], ...]
    meter_rental: str
    tax_condition: str
    use: str
    power_control: str
    electricity_tax: str
    vulnerable: bool
    #: The code that the contract names, as it is kept; empty when it names none.
    invitation: str = ""
    promotion_code: str = ""
    access_contract: str = ""


@dataclass(frozen=True)
class Row:
    """A checked line: a member, one of their supplies, one service of it, at most one meter and one contract."""

    member_number: str
    name: str
    document: Document
    birth_date: date | None
    email: str
    phone: str
    language: str
    postal: Address
    account_number: str
    cups: str
    address: Address
    tariff_zone: str
    time_zone: str
    service: str
    state: str
    connected_on: date
    billing_from: date
    meter: MeterFields | None
    contract: ContractFields | None


@dataclass(frozen=True)
class Rules:
    """What a line is checked against."""

    country: Jurisdiction
    languages: tuple[str, ...]
    default_language: str
    today: date


def parse_row(fields: Mapping[str, str], rules: Rules) -> Row:
    """Raises RowRefused with every problem of the line."""
    return _Reader(fields, rules).row()


class _Reader:
    """Reads columns one after the other and remembers what is wrong with each."""

    def __init__(self, fields: Mapping[str, str], rules: Rules) -> None:
        self._fields = {name: unicodedata.normalize("NFC", value).strip() for name, value in fields.items()}
        self._rules = rules
        self._problems: list[Problem] = []

    def row(self) -> Row:
        for name in sorted(self._fields.keys() - COLUMNS):
            self._problem(name, f"There is no column {name!r}: see docs/members-file.md for the columns.")
        country = self._rules.country
        document = self._document()
        account = self._match("account_number", re.compile(r"[^/\s]+/\d{1,4}"), "an account number is like 5555/1")
        member = self._match("member_number", _NUMBER, "a member number has up to 20 letters, digits, dots or hyphens")
        if account and member and account.partition("/")[0] != member:
            self._problem(
                "account_number", f"Account {account} does not belong to member {member}: it must start with {member}/."
            )
        zone = self._fields.get("tariff_zone", "") or country.default_zone
        service = self._one_of("service", country.services)
        row = Row(
            member_number=member,
            name=self._text("name", required=True),
            document=document or Document("", "", "", natural=True),
            birth_date=self._birth_date(document),
            email=self._optional("email", lambda text: parse_email(text), ""),
            phone=self._match("phone", _PHONE, "a telephone number has 5 to 30 digits", required=False),
            language=self._one_of("language", self._rules.languages, self._rules.default_language),
            postal=self._address("postal_", required=False),
            account_number=account,
            cups=self._cups(service),
            address=self._address("", required=True),
            tariff_zone=zone,
            time_zone=self._check("tariff_zone", lambda: country.time_zone_of(zone), ""),
            service=service,
            state=self._one_of("state", STATES, "connected"),
            connected_on=self._day("connected_on"),
            billing_from=self._day("billing_from", self._fields.get("connected_on", "")),
            meter=self._meter(),
            contract=self._contract(service),
        )
        if row.billing_from < row.connected_on and not self._problems:
            self._problem(
                "billing_from", f"Billing from {row.billing_from} is before the connection on {row.connected_on}."
            )
        if self._problems:
            raise RowRefused(self._problems)
        return row

    def _document(self) -> Document | None:
        country = self._rules.country
        declared = self._one_of("document_type", country.document_types)
        text = self._fields.get("document", "")
        if not declared:
            return None
        return self._check("document", lambda: country.parse_document(declared, text), None)

    def _birth_date(self, document: Document | None) -> date | None:
        text = self._fields.get("birth_date", "")
        if text:
            return self._check("birth_date", lambda: parse_birth_date(text, self._rules.today), None)
        if document and document.natural:
            self._problem(
                "birth_date",
                f"The birth date of {document.number} is empty: a person has one, only a company has none.",
            )
        return None

    def _cups(self, service: str) -> str:
        text = self._fields.get("cups", "")
        if text and not self._rules.country.has_cups:
            self._problem("cups", f"{self._rules.country.country} has no CUPS: leave the column empty.")
            return ""
        if not text and self._rules.country.has_cups and service == "electricity":
            self._problem("cups", "The CUPS is empty: every electricity supply point has one.")
            return ""
        return self._optional("cups", parse_cups, "")

    def _address(self, prefix: str, *, required: bool) -> Address:
        code = f"{prefix}postcode"
        return Address(
            street=self._text(f"{prefix}street", required=required),
            postcode=self._optional(code, lambda text: self._rules.country.parse_postcode(text, code), ""),
            municipality=self._text(f"{prefix}municipality", required=required),
            province=self._text(f"{prefix}province", required=False),
        )

    def _meter(self) -> MeterFields | None:
        if not self._fields.get("meter_serial"):
            for name in ("meter_from", "meter_to"):
                if self._fields.get(name):
                    self._problem(name, f"{name} is given but meter_serial is empty.")
            return None
        serial = self._match("meter_serial", _CODE, "a meter serial has up to 40 letters and digits").upper()
        start, end = self._span("meter_from", "meter_to")
        return MeterFields(serial, start, end)

    def _contract(self, service: str) -> ContractFields | None:
        if not self._fields.get("contract_number"):
            for name in (
                "contract_from",
                "contract_to",
                "product_code",
                "invitation_code",
                "promotion_code",
                "access_contract",
            ):
                if self._fields.get(name):
                    self._problem(name, f"{name} is given but contract_number is empty.")
            return None
        number = self._match("contract_number", _CODE, "a contract number has up to 40 letters and digits")
        start, end = self._span("contract_from", "contract_to")
        tariff = self._fields.get("tariff", "")
        powers = tuple((period, watts) for period, name in _POWER_COLUMNS if (watts := self._watts(name)) is not None)
        country = self._rules.country
        use = self._one_of("use", USES, "dwelling")
        if service:
            self._check("tariff", lambda: country.check_contract(service, tariff, powers), None)
        return ContractFields(
            number=number,
            start=start,
            end=end,
            product_code=self._match("product_code", _CODE, "a product code has up to 40 letters and digits"),
            tariff=tariff,
            powers=powers,
            meter_rental=self._one_of("meter_rental", METER_RENTALS, ""),
            tax_condition=self._one_of("tax_condition", country.tax_conditions, "consumer"),
            use=use,
            power_control=self._of_electricity("power_control", country.power_controls, service),
            electricity_tax=self._of_electricity("electricity_tax", country.electricity_taxes, service),
            vulnerable=self._vulnerable(service, use),
            invitation=self._invitation(service),
            promotion_code=self._promotion(service),
            access_contract=self._access(),
        )

    def _of_electricity(self, name: str, choices: tuple[str, ...], service: str) -> str:
        """One of the choices or nothing; a service or a country that has no such thing leaves the column empty."""
        if not self._fields.get(name) or not service:
            return ""
        if not choices or service != "electricity":
            self._problem(
                name, f"{name} is not for {service} in {self._rules.country.country}: leave the column empty."
            )
            return ""
        return self._one_of(name, choices)

    def _vulnerable(self, service: str, use: str) -> bool:
        choices = ("yes", "no") if self._rules.country.has_vulnerable else ()
        vulnerable = self._of_electricity("vulnerable", choices, service) == "yes"
        if vulnerable and use == "other":
            self._problem("vulnerable", "Only a household is vulnerable; the use is other than dwelling.")
        return vulnerable

    def _invitation(self, service: str) -> str:
        if self._fields.get("invitation_code") and service == "water":
            self._problem("invitation_code", "An invitation gives energy: write it in the line of the electricity.")
            return ""
        return self._optional("invitation_code", read_code, "")

    def _access(self) -> str:
        if not self._fields.get("access_contract"):
            return ""
        return self._match("access_contract", _CODE, "a contract number has up to 40 letters and digits")

    def _promotion(self, service: str) -> str:
        """As it is written in the price book, whose owner knows whether there is such a one."""
        if not self._fields.get("promotion_code"):
            return ""
        if service == "water":
            self._problem("promotion_code", "A promotion discounts energy: write it in the line of the electricity.")
            return ""
        return self._match("promotion_code", _CODE, "a promotional code has up to 40 letters and digits")

    def _span(self, from_column: str, to_column: str) -> tuple[date, date | None]:
        start = self._day(from_column)
        end = self._optional(to_column, lambda text: parse_day(text, to_column), None)
        if end and end <= start and start != date.min:
            self._problem(
                to_column, f"{to_column} {end} is not after {from_column} {start}: the end is the day after the last."
            )
        return start, end

    def _watts(self, name: str) -> int | None:
        """Kilowatts with a decimal comma or point, as whole watts."""
        text = self._fields.get(name, "")
        if not text:
            return None
        try:
            watts = Decimal(text.replace(",", ".")) * 1000
        except InvalidOperation:
            self._problem(name, f"{text!r} is not a power in kW: write it like 4.6.")
            return None
        if not watts.is_finite() or not 0 < watts <= _MAX_WATTS or watts != watts.to_integral_value():
            self._problem(name, f"{text} kW is not a power: it must be above 0 and have at most 3 decimals.")
            return None
        return int(watts)

    def _day(self, name: str, fallback: str = "") -> date:
        """A required day; ``date.min`` stands in for a missing one, whose line is refused anyway."""
        text = self._fields.get(name, "") or fallback
        if not text:
            self._problem(name, f"{name} is empty: write a date such as 2024-05-01.")
            return date.min
        return self._check(name, lambda: parse_day(text, name), date.min)

    def _text(self, name: str, *, required: bool) -> str:
        text = " ".join(self._fields.get(name, "").split())
        if required and not text:
            self._problem(name, f"{name} is empty.")
        if len(text) > _MAX_TEXT or any(unicodedata.category(character) == "Cc" for character in text):
            self._problem(name, f"{name} must have at most {_MAX_TEXT} characters and no control characters.")
        return text

    def _one_of(self, name: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self._fields.get(name, "").lower()
        if not value and default is not None:
            return default
        if value not in choices:
            said = f"{name} {value!r} is unknown" if value else f"{name} is empty"
            self._problem(name, f"{said}: write one of {', '.join(choices)}.")
            return ""
        return value

    def _match(self, name: str, pattern: re.Pattern[str], rule: str, *, required: bool = True) -> str:
        text = self._fields.get(name, "")
        if not text and not required:
            return ""
        if not pattern.fullmatch(text):
            said = f"{text!r} is not right" if text else f"{name} is empty"
            self._problem(name, f"{said}: {rule}.")
            return ""
        return text

    def _optional(self, name: str, parse: Callable[[str], ValueT], empty: ValueT) -> ValueT:
        text = self._fields.get(name, "")
        return self._check(name, lambda: parse(text), empty) if text else empty

    def _check(self, name: str, parse: Callable[[], ValueT], wrong: ValueT) -> ValueT:
        try:
            return parse()
        except Invalid as refused:
            field = refused.violations[0].field if refused.violations else name
            self._problem(field if field in COLUMNS else name, refused.message)
            return wrong

    def _problem(self, field: str, reason: str) -> None:
        self._problems.append(Problem(field, self._fields.get(field, "")[:_MAX_TEXT], reason))
