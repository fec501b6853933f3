"""Who is in the demonstration cooperative: members, supplies, meters and contracts, from a fixed seed.

Three people are always the same, because the demonstration is told through them: Ana has two supplies and owes nothing,
Luis has not paid his last two invoices that are due, Marta opened an account but has not added her supply yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from stdnum.es import cups as cups_number
from stdnum.es import dni

from services.local.demo.people import Person, Registry

DISTRIBUTOR = "0575"
CONCENTRATORS = 3


@dataclass(frozen=True)
class Place:
    """How a jurisdiction writes addresses, meters and contracts."""

    jurisdiction: str
    municipality: str
    province: str
    postcode: str
    streets: tuple[str, ...]
    meter_brand: str
    southern: bool


PLACES = {
    "es": Place(
        jurisdiction="es",
        municipality="Vallesol",
        province="Teruel",
        postcode="44999",
        streets=(
            "Calle del Río",
            "Calle Mayor",
            "Calle de la Acequia",
            "Plaza de la Cooperativa",
            "Camino de la Huerta",
            "Calle del Molino",
            "Avenida de la Vega",
            "Calle de los Olmos",
        ),
        meter_brand="VLS",
        southern=False,
    ),
    "ar": Place(
        jurisdiction="ar",
        municipality="Lagunita",
        province="Santa Fe",
        postcode="S2999",
        streets=(
            "San Martín",
            "Belgrano",
            "Los Ceibos",
            "Bulevar de la Laguna",
            "Rivadavia",
            "25 de Mayo",
            "Los Aromos",
            "Camino del Tambo",
        ),
        meter_brand="LGN",
        southern=True,
    ),
}


@dataclass(frozen=True)
class MeterSpan:
    """A meter and the local days it hung there: [start, end); no end means it still does."""

    serial: str
    start: date
    end: date | None = None


@dataclass(frozen=True)
class DemoSupply:
    account_number: str
    cups: str
    street: str
    household: str
    size: float
    power_kw: Decimal
    product: str
    concentrator: int
    meters: tuple[MeterSpan, ...]
    connected_on: date
    ended_on: date | None = None
    three_phase: bool = False
    dwelling: bool = True
    water: bool = False
    water_meter: str = ""  # empty where water is charged without one

    def meter_on(self, day: date) -> str:
        """Serial of the meter that hangs on a local day; empty before the first and after the last."""
        found = (meter.serial for meter in self.meters if meter.start <= day and (meter.end is None or day < meter.end))
        return next(found, "")


@dataclass(frozen=True)
class DemoMember:
    number: str
    person: Person
    tax_condition: str
    supplies: tuple[DemoSupply, ...]
    language: str = "es"


@dataclass(frozen=True)
class Cast:
    """The whole cooperative, and the three members the demonstration is about."""

    place: Place
    members: tuple[DemoMember, ...]
    ana: DemoMember
    luis: DemoMember
    marta: DemoMember

    @property
    def supplies(self) -> list[DemoSupply]:
        return [supply for member in self.members for supply in member.supplies]


def cast(profile: str, jurisdiction: str, months: list[date]) -> Cast:
    """The cooperative of a profile. `months` are the first days of the months with readings, oldest first: a new
    supply, an ended one and a replaced meter fall among them."""
    return _Casting(profile, PLACES[jurisdiction], months).run()


@dataclass
class _Casting:
    profile: str
    place: Place
    months: list[date]
    rng: Random = field(init=False)
    registry: Registry = field(init=False)
    made: int = 0

    def __post_init__(self) -> None:
        self.rng = Random(f"{self.profile}/people")
        self.registry = Registry(self.place.jurisdiction, self.rng)

    def run(self) -> Cast:
        ana = self._known("5555", "Ana Pradoverde Sotoluna", 1984, 3, 12, 28_456_789, 2)
        luis = self._known("5601", "Luis Robledal Mielgares", 1979, 7, 30, 31_204_577, 1)
        marta = self._known("5610", "Marta Lindavega Trigalbo", 1991, 11, 5, 36_118_204, 1)
        members = [ana, luis, marta, *self._town(), *self._businesses(), *self._households(60)]
        members = self._with_events(members)
        return Cast(self.place, tuple(members), ana, luis, marta)

    def _known(self, number: str, name: str, year: int, month: int, day: int, digits: int, supplies: int) -> DemoMember:
        from_registry = self.registry.person()  # keeps the numbers of everybody else independent of these three
        document = self._natural_document(digits)
        given = name.split()[0].lower()
        person = Person(name, *document, date(year, month, day), f"{given}@example.org", from_registry.phone)
        made = [self._supply(number, 1, "family", 1.0, "4.6")]
        if supplies > 1:
            made.append(self._supply(number, 2, "country_house", 1.0, "3.45"))
        return DemoMember(number, person, "consumer", tuple(made))

    def _natural_document(self, digits: int) -> tuple[str, str]:
        if self.place.jurisdiction == "ar":
            return "dni", str(digits)
        return "nif", f"{digits}{dni.calc_check_digit(str(digits))}"

    def _town(self) -> list[DemoMember]:
        name = "Ayuntamiento de Vallesol" if self.place.jurisdiction == "es" else "Comuna de Lagunita"
        council = self.registry.business(name, "P")
        kinds = ("office", "office", "shop", "pump", "office", "pump")
        supplies = tuple(
            self._supply("5001", order, kind, 1.2, "9.2", dwelling=False) for order, kind in enumerate(kinds, start=1)
        )
        return [DemoMember("5001", council, self._business_condition(), supplies)]

    def _businesses(self) -> list[DemoMember]:
        names = (
            ("Bar La Presa", "bar"),
            ("Panadería Espiga Nueva", "shop"),
            ("Talleres Vientoalto", "office"),
            ("Farmacia Carrizosa", "shop"),
        )
        legal = ", S. L." if self.place.jurisdiction == "es" else " S. R. L."
        members = []
        for order, (name, kind) in enumerate(names):
            number = str(5101 + order)
            person = self.registry.business(name + legal, "B")
            supply = self._supply(number, 1, kind, 1.0, "13.8", three_phase=kind == "bar", dwelling=False)
            members.append(DemoMember(number, person, self._business_condition(), (supply,)))
        irrigators = self.registry.business("Regantes de la Vega", "F")
        pumps = tuple(self._supply("5105", order, "pump", 1.4, "10.35", dwelling=False) for order in (1, 2, 3))
        members.append(DemoMember("5105", irrigators, self._business_condition(), pumps))
        return members

    def _households(self, total: int) -> list[DemoMember]:
        kinds = ("family", "family", "retired", "night_heater", "family", "country_house", "retired")
        members: list[DemoMember] = []
        number = 5620
        while self.made < total:
            order = len(members)
            person = self.registry.person(with_email=order % 9 != 4, foreign=order % 8 == 3)
            second = order in (2, 11, 20, 29) and self.made < total - 1
            supplies = [self._supply(str(number), 1, kinds[order % len(kinds)], 0.7 + 0.08 * (order % 8), None)]
            if second:
                supplies.append(self._supply(str(number), 2, "country_house", 1.1, "3.45"))
            language = "en" if order % 13 == 5 else "es"
            members.append(DemoMember(str(number), person, "consumer", tuple(supplies), language))
            number += 1 + order % 3
        return members

    def _supply(
        self,
        member: str,
        order: int,
        household: str,
        size: float,
        power: str | None,
        *,
        three_phase: bool = False,
        dwelling: bool = True,
    ) -> DemoSupply:
        made = self.made
        self.made += 1
        spanish = self.place.jurisdiction == "es"
        block = f"{DISTRIBUTOR}{877 if made == 0 else 1000 + 7 * made:012d}"
        street = f"{self.place.streets[made % len(self.place.streets)]}, {1 + made * 3 % 58}"
        if not spanish:
            street = street.replace(",", "")
        installed = date(2012 + made % 8, 1 + made % 12, 1 + made % 27)
        if spanish:
            product = "plana-2026" if household == "retired" and made % 2 else "fija-2026"
        else:
            product = "residencial" if dwelling else "general"
        water = not spanish and household != "pump"
        return DemoSupply(
            account_number=f"{member}/{order}",
            cups=f"ES{block}{cups_number.calc_check_digits('ES' + block)}" if spanish else "",
            street=street,
            household=household,
            size=size,
            power_kw=Decimal(power or ("3.45", "4.6", "5.75", "4.6")[made % 4]),
            product=product,
            concentrator=1 + made % CONCENTRATORS,
            meters=(MeterSpan(self.meter_serial(made), installed),),
            connected_on=installed,
            three_phase=three_phase,
            dwelling=dwelling,
            water=water,
            water_meter=f"AGL{31_000_000 + 3 * made:010d}" if water and made % 4 != 3 else "",
        )

    def meter_serial(self, sequence: int) -> str:
        """A PRIME meter identifier: three letters of the maker and ten digits."""
        return f"{self.place.meter_brand}{210_000_000 + 3 * sequence:010d}"

    def _business_condition(self) -> str:
        return "business" if self.place.jurisdiction == "es" else "registered"

    def _with_events(self, members: list[DemoMember]) -> list[DemoMember]:
        """Gives three ordinary homes what happens to some home every year."""
        changed = list(members)
        base = len(members) - 20
        replaced_on = self.months[len(self.months) * 2 // 3] + timedelta(days=13)
        changed[base] = self._first_supply(
            changed[base], lambda supply: _meter_replaced(supply, replaced_on, self.meter_serial(900))
        )
        ended_on = self.months[len(self.months) // 2]
        changed[base + 1] = self._first_supply(changed[base + 1], lambda supply: _ended(supply, ended_on))
        connected = self.months[-3] if len(self.months) > 2 else self.months[0]
        changed[base + 3] = self._first_supply(
            changed[base + 3],
            lambda supply: replace(
                supply, connected_on=connected, meters=(MeterSpan(supply.meters[0].serial, connected),)
            ),
        )
        return changed

    @staticmethod
    def _first_supply(member: DemoMember, change: Callable[[DemoSupply], DemoSupply]) -> DemoMember:
        return replace(member, supplies=(change(member.supplies[0]), *member.supplies[1:]))


def _meter_replaced(supply: DemoSupply, day: date, serial: str) -> DemoSupply:
    old = supply.meters[0]
    return replace(supply, meters=(replace(old, end=day), MeterSpan(serial, day)))


def _ended(supply: DemoSupply, day: date) -> DemoSupply:
    return replace(supply, ended_on=day, meters=(replace(supply.meters[0], end=day),))
