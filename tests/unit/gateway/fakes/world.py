"""What the fake services know: one member, two supplies, their invoices and their hours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from coop.billing.v1 import billing_pb2, billing_service_pb2
from coop.common.v1.types_pb2 import DatePeriod, Money
from coop.metering.v1 import metering_service_pb2 as metering
from coop.supplies.v1 import supplies_pb2

from services.chassis.clock import FixedClock
from services.chassis.context import caller
from services.chassis.errors import CoopError, NotFound
from services.chassis.periods import day_start, hours_in_day

MADRID = ZoneInfo("Europe/Madrid")
PASSWORD = "cuatro palabras bien mías"
OTHER_SUPPLY = "sup-of-somebody-else"


@dataclass
class World:
    """What the fake services know. Tests change it; `failing` maps a method to the error it answers with."""

    clock: FixedClock
    failing: dict[str, CoopError] = field(default_factory=dict)
    #: How often a method still answers that it does not know the supply, as a service does that has not heard yet.
    unheard: dict[str, int] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    sessions: set[str] = field(default_factory=lambda: {"good-token"})
    current: str = "sup-1"
    supplies: list[Any] = field(default_factory=list)
    invoices: list[Any] = field(default_factory=list)
    #: Quarters of an hour behind the first line of every invoice.
    over: billing_service_pb2.QuarterExcess | None = None
    overdue: bool = False
    #: Another document is due with the newest invoice, and the rest of it a month later.
    due_too: bool = False
    plans: list[billing_pb2.PaymentPlan] = field(default_factory=list)
    broken_plans: list[billing_service_pb2.BrokenPlan] = field(default_factory=list)
    #: Ranges of days that members see, newest first, and from which day of the next month a month is (0: once billed);
    #: whether curves have surplus; whether estimates have reasons.
    published: list[tuple[str, str]] = field(default_factory=lambda: [("2024-09-01", "2026-11-01")])
    from_day: int = 0
    surplus: bool = False
    reasons: bool = False
    certificates: list[Any] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    #: Of self-readings: why none can be given now, what became of the one that was, the type of its photo.
    closed: str = ""
    reading_state: str = "counts"
    reading_by: str = "acc-1"
    photo_type: str = "image/jpeg"

    def enter(self, method: str, request: Any) -> None:
        """Every fake method passes here."""
        self.calls.append(method)
        self.requests.append(request)
        self.addresses.append(caller().client_address)
        if method in self.failing:
            raise self.failing[method]
        if self.unheard.get(method):
            self.unheard[method] -= 1
            raise NotFound("There is no such supply.", "SUPPLY_NOT_FOUND")

    def owned(self, supply_id: str) -> None:
        if supply_id not in {supply.id for supply in self.supplies}:
            raise NotFound(f"Supply {supply_id} is unknown.")


def money(amount: str) -> Money:
    return Money(amount=amount, currency_code="EUR")


def supply(supply_id: str, number: str, cups: str, street: str) -> supplies_pb2.Supply:
    contract = supplies_pb2.Contract(
        id=f"c-{supply_id}", number="C-1", product_code="fija-2026", tariff="2.0TD",
        powers=[supplies_pb2.ContractedPower(period=p, watts=4600) for p in ("P1", "P2")],
    )  # fmt: skip
    return supplies_pb2.Supply(
        id=supply_id, account_number=number, cups=cups, member_id="m-1", holder_name="Ana Pérez Soler",
        address=supplies_pb2.Address(street=street, postcode="44999", municipality="Vallesol", province="Teruel"),
        time_zone="Europe/Madrid", relation="holder",
        services=[supplies_pb2.SupplyService(
            id=f"e-{supply_id}", kind=supplies_pb2.SERVICE_KIND_ELECTRICITY, state=supplies_pb2.SERVICE_STATE_CONNECTED,
            connected_on="2020-01-01", contracts=[contract], meters=[supplies_pb2.Meter(serial="ZIV0040318130")],
        )],
    )  # fmt: skip


def invoice(
    number: int, start: date, end: date, total: str, wh: int, state: int, previous: str = "", grow: str = "0"
) -> Any:
    """The worked bill of 55.44 €, or one that differs from it in the energy and the taxes."""
    energy = {"P1": ("62", "0.196", "12.15"), "P2": ("55", "0.128", "7.04"), "P3": ("128", "0.092", "11.78")}
    if grow != "0":
        energy = {"P1": ("52", "0.196", "10.19"), "P2": ("50", "0.128", "6.40"), "P3": ("122", "0.092", "11.22")}
    line = billing_pb2.InvoiceLine
    power_lines = (
        [("P1", "10.82", "27.704413"), ("P2", "0.28", "0.725423")]
        if grow == "0"
        else [("P1", "10.47", "27.704413"), ("P2", "0.27", "0.725423")]
    )
    lines = [
        line(concept="power", description=f"Potencia {p}", period=p, quantity="4.6", unit="kw", unit_price=price, amount=money(a),
             price_unit="kw_year", days=31 if grow == "0" else 30, year_days=365, taxed_by=["iee", "iva"], service="electricity")
        for p, a, price in power_lines
    ] + [
        line(concept="energy", description=f"Energía {p}", period=p, quantity=q, unit="kwh", unit_price=price, amount=money(a),
             price_unit="kwh", taxed_by=["iee", "iva"], service="electricity")
        for p, (q, price, a) in energy.items()
    ] + [
        line(concept="social_bonus_financing", description="Bono social",
             unit_price="9.011295", amount=money("0.77" if grow == "0" else "0.74"),
             price_unit="year", days=31, year_days=365, taxed_by=["iva"], service="electricity"),
        line(concept="meter_rental", description="Alquiler del contador",
             unit_price="0.81", amount=money("0.83" if grow == "0" else "0.80"),
             price_unit="month", days=31, year_days=365, taxed_by=["iva"], service="electricity"),
    ]  # fmt: skip
    tax = billing_pb2.InvoiceTax
    taxes = [
        tax(tax="iee", description="Impuesto eléctrico", base=money("42.07"), rate="0.0511269632",
            amount=money("2.15" if grow == "0" else "1.97"), code="iee", taxed_by=["iva"]),
        tax(tax="iva", description="IVA", base=money("45.82"), rate="0.21", amount=money("9.62" if grow == "0" else "7.18"),
            code="iva"),
    ]  # fmt: skip
    made = billing_pb2.Invoice(
        id=f"inv-{number}", number=f"E-2026-{number:06d}", supply_id="sup-1", member_id="m-1", account_number="5555/1",
        period=DatePeriod(start=start.isoformat(), end=end.isoformat()), issue_date="2026-11-02", due_date="2026-11-23",
        total=money(total), outstanding=money("0" if state == billing_pb2.INVOICE_STATE_PAID else total), state=state,
        lines=lines, taxes=taxes, import_wh=wh, hours_expected=745, hours_estimated=3,
    )  # fmt: skip
    if previous:
        made.previous_total.CopyFrom(money(previous))
    if previous == "49.24":
        effect = billing_pb2.InvoiceEffect
        made.effects.extend([
            effect(cause="consumption", amount=money("3.16"), service="electricity", more="21", unit="kwh"),
            effect(cause="days", amount=money("0.42"), more="1", unit="day"),
            effect(cause="taxes", amount=money("2.62")),
        ])  # fmt: skip
    return made


def facts_of(made: Any) -> Any:
    """What billing keeps of an invoice, with one row of law or agreement for each line."""
    days = {"from": made.period.start, "to": made.period.end}
    segment = {"service": "electricity", "service_id": "e-sup-1", "curve_version": 7, "hours": [], "closes": [], **days}
    bundle = {
        "format": "acometida-invoice/1",
        "time_zone": "Europe/Madrid",
        "invoice": {"number": made.number, **days},
        "segments": [segment],
    }
    row = billing_service_pb2.RuleRow
    agreed = row(
        table="product", name="fija", start=made.period.start, end=made.period.end, source="book", value="0.196"
    )
    toll = row(
        table="toll", name="2.0TD", start="2026-01-01", end="2027-01-01", source="BOE-A-2025-26348", value="23.324952"
    )
    iva = row(table="iva", name="electricity", start="2026-06-01", source="Ley 37/1992, art. 90", value="21")
    return billing_service_pb2.GetInvoiceFactsResponse(
        invoice_id=made.id,
        supply_id=made.supply_id,
        bundle=json.dumps(bundle),
        lines=[
            billing_service_pb2.Basis(rows=[toll])
            if line.concept == "power"
            else billing_service_pb2.Basis(rows=[agreed], segments=[0])
            for line in made.lines
        ],
        taxes=[billing_service_pb2.Basis(rows=[iva]) for _ in made.taxes],
    )


def exceeding(world: World, *watts: int, count: int = 0) -> None:
    """The first line of every invoice is of these quarters above 100 kW, from 10 o'clock on the 14th, and of `count` in all."""
    squares = sum(((each - 100_000) / 1000) ** 2 for each in watts)
    world.over = billing_service_pb2.QuarterExcess(
        contracted_watts=100_000, count=count or len(watts), squares=f"{squares:g}"
    )
    for number, each in enumerate(watts):
        quarter = world.over.highest.add(watts=each)
        quarter.start.FromDatetime(datetime(2026, 10, 14, 8, 15 * number, tzinfo=UTC))


def new_world() -> World:
    """One member with two supplies, fourteen billed months and two invoices, on 21 November 2026."""
    world = World(FixedClock(datetime(2026, 11, 21, 12, 0, tzinfo=UTC)))
    world.supplies = [
        supply("sup-1", "5555/1", "ES0575000000000877HA", "Calle de la Acequia 12"),
        supply("sup-2", "5555/2", "ES0575000000000878HG", "Partida del Molino Viejo 3, escalera B, 2.º izquierda"),
    ]
    paid, still_open = billing_pb2.INVOICE_STATE_PAID, billing_pb2.INVOICE_STATE_OPEN
    world.invoices = [
        invoice(123, date(2026, 10, 1), date(2026, 11, 1), "55.44", 245_000, still_open, "49.24"),
        invoice(61, date(2026, 9, 1), date(2026, 10, 1), "49.24", 224_000, paid, "51.00", grow="less"),
    ]
    return world


_MONTH_WH = (
    245,
    224,
    210,
    249,
    236,
    205,
    214,
    240,
    282,
    331,
    352,
    310,
    268,
    278,
    228,
    236,
    262,
    220,
    190,
    221,
    252,
    301,
    361,
    340,
    299,
    291,
)


def billed_periods() -> list[metering.BilledPeriod]:
    """Twenty-six months up to October 2026, newest first; June 2026 and one more have estimated hours."""
    periods, year, month = [], 2026, 10
    for index, kwh in enumerate(_MONTH_WH):
        following = date(year + month // 12, month % 12 + 1, 1)
        estimated = 3 if index in (0, 5) else 0
        hours = (following - date(year, month, 1)).days * 24
        periods.append(
            metering.BilledPeriod(
                period=DatePeriod(start=date(year, month, 1).isoformat(), end=following.isoformat()),
                invoice_id="inv-123" if index == 0 else "inv-61", invoice_number="E-2026-000123",
                import_wh=kwh * 1000, hours_expected=hours, hours_measured=hours - estimated, hours_estimated=estimated,
            )
        )  # fmt: skip
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return periods


def tariff_period(start: datetime) -> str:
    local = start.astimezone(MADRID)
    if local.weekday() >= 5 or local.hour < 8:
        return "P3"
    return "P1" if local.hour in (10, 11, 12, 13, 18, 19, 20, 21) else "P2"


_SHAPE = (
    180,
    150,
    140,
    130,
    130,
    140,
    190,
    380,
    520,
    410,
    330,
    300,
    360,
    620,
    580,
    340,
    280,
    310,
    470,
    730,
    960,
    810,
    550,
    300,
)


def day_curve(
    day: date, *, estimated: tuple[int, ...] = (), missing: tuple[int, ...] = (), export: bool = False
) -> metering.DayCurve:
    """A local day with all its hours but the missing ones; the numbers count from 1. Last year's were a tenth less."""
    year = 80 if day.year == 2026 else 70
    made = metering.DayCurve(day=day.isoformat(), hours_expected=hours_in_day(day, MADRID))
    for offset in range(made.hours_expected):
        if offset + 1 in missing:
            continue
        start = day_start(day, MADRID) + timedelta(hours=offset)
        hour = made.hours.add(
            import_wh=_SHAPE[start.astimezone(MADRID).hour] * (year + day.day * 7 % 50) // 100,
            export_wh=40 * offset if export and 10 <= offset < 16 else 0,
            method=2 if offset + 1 in estimated else 1,
            quality=metering.QUALITY_ESTIMATED if offset + 1 in estimated else metering.QUALITY_REAL,
            tariff_period=tariff_period(start),
        )
        hour.start.FromDatetime(start)
    return made


def register_readings() -> list[metering.RegisterReading]:
    """Newest first: a doubtful one, a year of monthly ones, of which the first was preceded by the member's own."""
    shown = [(4_115_000 - 62_000 * back, 3_902_000 - 55_000 * back, 4_323_000 - 128_000 * back) for back in range(26)]
    days = [f"{2026 - (1 if month > 11 else 0)}-{month:02}-01" for month in (11, *range(10, 0, -1), 12)]
    found = [_register_reading("r-wrong", "2026-11-15", [4_000_000, 3_902_000, 4_323_000], None)]
    found[0].findings.append("Register P1 runs backwards: 4,115,000 Wh, then 4,000,000 Wh.")
    found[0].doubtful = True
    for back, day in enumerate(days):
        before = shown[back + 1] if back + 1 < len(days) else None
        found.append(_register_reading(f"r-{back}", day, shown[back], before, days[back + 1] if before else ""))
        if back == 0:
            own = _register_reading("r-own", "2026-10-29", [4_110_000, 3_899_000, 4_310_000], None)
            own.origin, own.superseded, own.receipt = "self_reading", True, "7Q4M2-K9DXW"
            found.append(own)
    return found


def _register_reading(
    reading_id: str, day: str, shown: Sequence[int], before: Sequence[int] | None, since: str = ""
) -> metering.RegisterReading:
    made = metering.RegisterReading(
        id=reading_id, meter="ZIV0040318130", day=day, origin="technician", unit="Wh", since=since, service_id="e-sup-1"
    )
    for number, (now, then) in enumerate(zip(shown, before or shown, strict=True), 1):
        made.registers.add(register=f"P{number}", initial=then if before else 0, final=now, used=now - then)
    return made
