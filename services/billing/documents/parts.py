"""The parts of documents: who, where, lines, taxes, consumption, ways to pay. Plain data, see `model`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

Jurisdiction = Literal["es", "ar"]
ZERO = Decimal(0)


# ---------------------------------------------------------------------------------------------- who and where
@dataclass(frozen=True)
class Issuer:
    """The cooperative, as its profile says it."""

    name: str
    tax_id: str  # NIF "F12345674", CUIT "30-50001091-2"
    address: tuple[str, ...]  # one printed line each
    email: str = ""
    telephone: str = ""  # free telephone for claims
    breakdowns_telephone: str = ""
    web: str = ""
    brand_colour: str = "#0B5D5A"
    mark: Literal["bolt", "drop", "bolt-drop"] = "bolt"  # drawn in the brand's disc
    registry: str = ""  # "Inscrita en el Registro de Cooperativas …, n.º 123"
    claims_office: str = ""  # where to claim in person or by post, when not the address
    dispute_body: str = ""  # alternative dispute resolution body, or the regulator's office
    iva_condition: str = ""  # Argentina: "Responsable inscripto"
    gross_income_number: str = ""  # Argentina: Ingresos Brutos
    activities_since: date | None = None  # Argentina: inicio de actividades


@dataclass(frozen=True)
class Holder:
    name: str
    document_type: str  # "NIF", "NIE", "DNI", "CUIT": printed as it is
    document: str
    address: tuple[str, ...] = ()
    member_number: str = ""  # "5555"
    iva_condition: str = ""  # Argentina: "Consumidor final"


@dataclass(frozen=True)
class ContractedPower:
    period: str  # "P1"
    kilowatts: Decimal
    name: str = ""  # vocabulary.PERIODS


@dataclass(frozen=True)
class Supply:
    """One supply point: `cups` in Spain, `account` ("5555/1") in Argentina; either or both."""

    address: tuple[str, ...]
    cups: str = ""
    account: str = ""
    tariff: str = ""  # "2.0TD", "Residencial T1"
    contract_kind: Literal["", "fixed", "indexed", "pvpc"] = ""
    powers: tuple[ContractedPower, ...] = ()
    meters: tuple[str, ...] = ()  # serial numbers as printed on the meters
    distributor: str = ""
    contract_reference: str = ""
    access_contract_reference: str = ""
    contract_end: date | None = None  # its last day
    contract_renewed: bool = True  # by itself after that day
    services: tuple[str, ...] = ()  # "electricity", "water", …


# ---------------------------------------------------------------------------------------------- what is charged
@dataclass(frozen=True)
class Line:
    """One priced line: quantity × [days ×] unit price [÷ year_days] = amount.

    `price_unit` says what the price is per (vocabulary.PRICE_UNITS: "kwh", "m3", "kw_year", "month"…), or "" for an
    amount without calculation. With `days` and `year_days` a yearly or monthly price is prorated and printed so:
    4.6 kW × 31 days × 27.704413 €/kW·year ÷ 365; 31 days × 0.81 €/month × 12 ÷ 365;
    10 days × 1,200 $/month ÷ 31, where `year_days` are those of a month.
    """

    concept: str  # "power", "energy", "meter_rental"… (vocabulary.CONCEPTS) or any code with a `label`
    amount: Decimal
    section: str = "other"  # heading of the detail and row of the summary (vocabulary.SECTIONS)
    service: str = "electricity"
    period: str = ""  # "P1"; also a block of a step tariff, "0–150"
    period_name: str = ""  # what people call the period: vocabulary.PERIODS, "peak"
    quantity: Decimal | None = None
    unit: str = ""  # vocabulary.UNITS: "kwh", "kw", "m3", "kvarh", "unit", "month"
    days: int | None = None
    unit_price: Decimal | None = None
    price_unit: str = ""
    year_days: int | None = None
    label: str = ""  # replaces the concept's translated name
    taxed_by: tuple[str, ...] = ()  # codes of the taxes whose base this line is in: ("iee", "iva")


@dataclass(frozen=True)
class Tax:
    """A tax on a base. `rate` in percent. "iee" is printed right after its base, before the lines outside it."""

    code: str  # "iee", "iva", "igic", "ipsi", "iibb" or any code with a `label`
    base: Decimal
    rate: Decimal
    amount: Decimal
    minimum_applied: bool = False  # the legal minimum was higher than rate × base
    quantity_mwh: Decimal | None = None  # energy on which the minimum of the electricity tax is counted
    label: str = ""
    taxed_by: tuple[str, ...] = ()  # the electricity tax is itself in the base of IVA
    share: Decimal = Decimal(1)  # the part of its lines that is the base: 0.15 for a use with 85 % less


@dataclass(frozen=True)
class Adjustment:
    """After-tax item that is no part of the invoice's total: deposit refund, payment on account, old balance."""

    concept: str
    amount: Decimal
    label: str = ""


@dataclass(frozen=True)
class ChangeReason:
    reason: Literal["consumption", "days", "price", "taxes", "power", "other"]
    amount: Decimal


@dataclass(frozen=True)
class Change:
    """Why this invoice is not the last one's amount; the reasons sum to the difference."""

    previous_start: date  # first day of the period compared with
    difference: Decimal
    reasons: tuple[ChangeReason, ...] = ()


# ---------------------------------------------------------------------------------------------- what was consumed
@dataclass(frozen=True)
class Reading:
    period: str  # "P1"; "" for a single register
    start: Decimal
    end: Decimal
    start_date: date
    end_date: date
    start_estimated: bool = False
    end_estimated: bool = False
    used: Decimal | None = None  # when it is not end - start: the register passed zero
    name: str = ""  # vocabulary.PERIODS


@dataclass(frozen=True)
class Coverage:
    """How many hours of the period were measured and how many estimated; a complete period has none missing."""

    hours: int
    measured: int
    estimated: int


@dataclass(frozen=True)
class MonthConsumption:
    year: int
    month: int
    quantity: Decimal | None  # None: no data, the bar stays empty and says so
    estimated: bool = False  # some hour or reading of the month is estimated


@dataclass(frozen=True)
class PeriodQuantity:
    period: str
    quantity: Decimal
    name: str = ""  # vocabulary.PERIODS


@dataclass(frozen=True)
class Consumption:
    """Consumption of one service in the billed period and the 14 months up to it, oldest first."""

    service: str  # "electricity" | "water"
    unit: str  # "kwh" | "m3"
    quantity: Decimal
    by_period: tuple[PeriodQuantity, ...] = ()
    history: tuple[MonthConsumption, ...] = ()
    same_month_last_year: Decimal | None = None
    last_year: Decimal | None = None  # total of the last twelve months
    surplus: Decimal | None = None  # energy fed into the grid
    readings: tuple[Reading, ...] = ()
    coverage: Coverage | None = None
    maximum_power: tuple[ContractedPower, ...] = ()  # highest demand of the last year by period
    meter: str = ""


# ---------------------------------------------------------------------------------------------- how it is paid
@dataclass(frozen=True)
class PaymentOption:
    """One way to pay. The first option of an invoice is the one page one explains."""

    method: Literal["direct_debit", "transfer", "card", "payment_code", "office", "wallet"]
    account: str = ""  # masked IBAN or CBU for a debit, whole for a transfer, alias
    bank: str = ""
    mandate: str = ""
    reference: str = ""  # concept of the transfer or the collector's code
    url: str = ""
    label: str = ""  # names of the collectors: "Pago Fácil, Rapipago"
    symbology: Literal["", "gs1_128", "itf"] = ""  # of the bars that carry a payment code's reference


@dataclass(frozen=True)
class DueDate:
    day: date
    amount: Decimal


@dataclass(frozen=True)
class PriorDebt:
    number: str
    due: date
    amount: Decimal


@dataclass(frozen=True)
class Verification:
    code: str  # 16 Crockford characters, without blanks
    url: str  # whole address, the code included


@dataclass(frozen=True)
class TaxOfficeCode:
    """Spain: the QR of the tax office at the head of page one. Its words are the law's own and are never translated."""

    url: str
    heading: str = "QR tributario:"
    caption: str = "VERI*FACTU"


@dataclass(frozen=True)
class ArgentineFiscal:
    """Heading of an Argentine document, the code that authorises it, and the transparency law's figures (Ley 27.743).

    A Liquidación de Servicios Públicos (RG 3571/2013) has a CESP and a bar code; another sale a CAE or CAEA, its own
    `voucher` type ("006") and the address of its QR (RG 4892). Letter X is a document apart, for concepts alien to the
    service: no invoice, and no code authorises it.
    """

    letter: Literal["A", "B", "C", "X"]
    point_of_sale: int
    cesp: str = ""
    cesp_expiry: date | None = None
    contained_iva: Decimal = ZERO
    other_national_taxes: Decimal = ZERO
    barcode: str = ""  # digits, drawn as interleaved 2 of 5
    sandbox: bool = False  # the code authorises nothing
    authority: Literal["CESP", "CAE", "CAEA"] = "CESP"
    voucher: str = ""  # "": the public services bill of the letter
    qr_url: str = ""

    @property
    def code(self) -> str:
        """The tax office's voucher type: 017 for a public services bill of class A, 018 of class B; "" for letter X."""
        return self.voucher or {"A": "017", "B": "018", "X": ""}[self.letter]

    @property
    def is_credit_note(self) -> bool:
        return self.voucher in ("003", "008")

    @property
    def is_debit_note(self) -> bool:
        return self.voucher in ("002", "007")


@dataclass(frozen=True)
class OriginShare:
    """A source of electricity: percent of the retailer's own mix and of the country's; None where it is not published."""

    source: str  # vocabulary.ORIGINS
    own: Decimal | None
    country: Decimal | None


@dataclass(frozen=True)
class Impact:
    """What a kWh does to the environment, with its letter from A to G, beside the country's mean."""

    own: Decimal
    country: Decimal
    letter: str


@dataclass(frozen=True)
class EnergyMix:
    """Where the retailer's electricity of a year came from (block 9 of the Spanish invoice)."""

    year: int
    source: str  # who published it
    shares: tuple[OriginShare, ...]
    co2: Impact  # kg of CO2 per kWh
    waste: Impact  # mg of radioactive waste per kWh


@dataclass(frozen=True)
class Share:
    """A slice of "where your money goes"."""

    code: Literal["energy", "tolls", "charges", "taxes", "water", "services"]
    amount: Decimal
