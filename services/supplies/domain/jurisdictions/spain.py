"""Spain: NIF in all its forms, access tariffs with their power rules (Circular CNMC 3/2020), CUPS, zones."""

import re
from dataclasses import dataclass
from itertools import pairwise

from stdnum.es import cif, dni

from services.chassis.errors import Invalid
from services.supplies.domain.documents import Document, compact
from services.supplies.domain.jurisdictions.base import Jurisdiction, passport

_NIE_DIGIT = {"X": "0", "Y": "1", "Z": "2"}
_CIF_LETTERS = "ABCDEFGHJNPQRSUVW"
_SIX = ("P1", "P2", "P3", "P4", "P5", "P6")

#: Powers that were contracted before any multiple of 100 W was allowed (Res. DGPEM of 8 September 2006; RDL 15/2018) and
#: stay in force, in watts: single-phase at 230 V and three-phase at 3 x 230/400 V.
NORMALISED_WATTS = frozenset({
    345, 690, 805, 1150, 1725, 2300, 3450, 4600, 5750, 6900, 8050, 9200, 10350, 11500, 14490,
    1039, 2078, 2598, 3464, 5196, 6928, 10392, 13856,
})  # fmt: skip
_NORMALISED_BELOW_W = 15_000


@dataclass(frozen=True)
class AccessTariff:
    """Power periods of an access tariff; ``max_watts`` holds in every period, ``above_watts`` in at least one."""

    periods: tuple[str, ...]
    max_watts: int | None = None
    above_watts: int | None = None
    rising: bool = False


ACCESS_TARIFFS = {
    "2.0TD": AccessTariff(("P1", "P2"), max_watts=15_000),
    "3.0TD": AccessTariff(_SIX, above_watts=15_000, rising=True),
    "6.1TD": AccessTariff(_SIX, rising=True),
    "6.2TD": AccessTariff(_SIX, rising=True),
    "6.3TD": AccessTariff(_SIX, rising=True),
    "6.4TD": AccessTariff(_SIX, rising=True),
}


class Spain(Jurisdiction):
    country = "Spain"
    document_types = ("nif", "dni", "nie", "cif", "passport")
    services = ("electricity",)
    tax_conditions = ("consumer", "business", "exempt")
    has_cups = True
    power_controls = ("maximeter",)
    # Ley 38/1992 art. 98 and 99.
    electricity_taxes = ("listed_use", "industrial_plant", "irrigation", "vessel_in_port", "railway")
    has_vulnerable = True
    # The first two digits are the province, 01 to 52.
    postcode = re.compile(r"(?:0[1-9]|[1-4]\d|5[0-2])\d{3}")
    postcode_example = "44999"
    _zones = {
        "peninsula": "Europe/Madrid",
        "baleares": "Europe/Madrid",
        "ceuta": "Europe/Madrid",
        "melilla": "Europe/Madrid",
        "canarias": "Atlantic/Canary",
    }

    def parse_document(self, declared: str, text: str, field: str = "document") -> Document:
        if declared == "passport":
            return passport(text, field)
        document = self.recognise_document(text, field)
        wanted = "nif" if declared == "dni" else declared
        # NIF is the name of all four forms; DNI, NIE and CIF name one.
        if declared != "nif" and document.type != wanted:
            raise Invalid(
                f"{document.number} is a {document.type.upper()}, not a {declared.upper()}: mend the type or the number.",
                "DOCUMENT_TYPE",
                field=field,
            )
        return document

    def recognise_document(self, text: str, field: str = "document") -> Document:
        number = compact(text)
        wrong = _wrong_nif(number)
        if wrong:
            raise Invalid(wrong, "DOCUMENT_MALFORMED", field=field)
        first = number[0]
        kind = "nie" if first in _NIE_DIGIT else "cif" if first in _CIF_LETTERS else "nif"
        return Document(kind, number, f"nif:{number}", natural=kind != "cif")

    def check_contract(self, service: str, tariff: str, powers: tuple[tuple[str, int], ...]) -> None:
        rules = ACCESS_TARIFFS.get(tariff)
        if rules is None:
            raise Invalid(
                f"Tariff {tariff!r} is unknown: choose one of {', '.join(ACCESS_TARIFFS)}.",
                "TARIFF_UNKNOWN",
                field="tariff",
            )
        given = dict(powers)
        for period in rules.periods:
            if period not in given:
                needed = ", ".join(rules.periods)
                raise Invalid(
                    f"{tariff} needs a power in {needed}; {period} is empty.", "POWER_MISSING", field=_column(period)
                )
        for period, watts in powers:
            if period not in rules.periods:
                raise Invalid(
                    f"{tariff} has {len(rules.periods)} power periods; {period} must be empty.",
                    "POWER_PERIOD",
                    field=_column(period),
                )
            _check_power(tariff, period, watts, rules)
        if rules.rising:
            _check_rising(tariff, [given[period] for period in rules.periods])
        if rules.above_watts and max(given.values()) <= rules.above_watts:
            raise Invalid(
                f"{tariff} is for more than {_kw(rules.above_watts)} in some period; the highest is "
                f"{_kw(max(given.values()))}: the tariff is 2.0TD.",
                "POWER_TOO_LOW",
                field="tariff",
            )

    def time_zone_of(self, tariff_zone: str) -> str:
        if tariff_zone not in self._zones:
            raise Invalid(
                f"Zone {tariff_zone!r} is unknown: choose one of {', '.join(self._zones)}.",
                "ZONE_UNKNOWN",
                field="tariff_zone",
            )
        return self._zones[tariff_zone]


def _wrong_nif(number: str) -> str:
    """Why a compacted text is no NIF; empty when it is one."""
    if not number:
        return "The document is empty: write the DNI, NIE or NIF, such as 12345678Z."
    if len(number) != 9:
        return f"{number} has {len(number)} characters; a DNI, NIE or NIF has 9, such as 12345678Z."
    first, middle, last = number[0], number[1:8], number[8]
    if not (middle.isascii() and middle.isdigit()):
        return f"{number} has letters among its digits: a DNI is 8 digits and a letter, such as 12345678Z."
    if first.isascii() and first.isdigit():
        expected = dni.calc_check_digit(number[:8])
    elif first in _NIE_DIGIT:
        expected = dni.calc_check_digit(_NIE_DIGIT[first] + middle)
    elif first in "KLM":
        expected = dni.calc_check_digit(middle)
    elif first in _CIF_LETTERS:
        expected = cif.calc_check_digits(number[:8])
    else:
        return f"{number} starts with {first}, which no DNI, NIE or NIF does."
    if last not in expected:
        return f"{number} ends with {last}; its digits ask for {' or '.join(expected)}: check the number."
    return ""


def _check_power(tariff: str, period: str, watts: int, rules: AccessTariff) -> None:
    field = _column(period)
    if rules.max_watts and watts > rules.max_watts:
        raise Invalid(
            f"{tariff} allows at most {_kw(rules.max_watts)} in every period; {period} has {_kw(watts)}.",
            "POWER_TOO_HIGH",
            field=field,
        )
    if watts <= _NORMALISED_BELOW_W and watts % 100 and watts not in NORMALISED_WATTS:
        raise Invalid(
            f"{period} has {_kw(watts)}; up to 15 kW power goes in steps of 0.1 kW, or is one of the old normalised powers "
            "such as 3.45 kW.",
            "POWER_STEP",
            field=field,
        )


def _check_rising(tariff: str, watts: list[int]) -> None:
    for order, (lower, upper) in enumerate(pairwise(watts), start=1):
        if upper < lower:
            raise Invalid(
                f"{tariff} needs P{order + 1} to be at least P{order}; they are {_kw(upper)} and {_kw(lower)}.",
                "POWER_ORDER",
                field=_column(f"P{order + 1}"),
            )


def _column(period: str) -> str:
    return f"power_{period.lower()}_kw"


def _kw(watts: int) -> str:
    whole, rest = divmod(watts, 1000)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".") + " kW"
