"""Argentina: DNI and CUIT, the cooperative's own tariff categories, electricity and water."""

import re

from stdnum.ar import cuit as standard

from services.chassis.errors import Invalid
from services.supplies.domain.documents import Document, compact
from services.supplies.domain.jurisdictions.base import Jurisdiction, passport

_PERSON_PREFIXES = ("20", "23", "24", "25", "26", "27")
_OTHER_PREFIXES = ("30", "33", "34", "50", "51", "55")


class Argentina(Jurisdiction):
    country = "Argentina"
    document_types = ("dni", "cuit", "passport")
    services = ("electricity", "water")
    tax_conditions = ("consumer", "registered", "monotributo", "exempt")
    has_cups = False
    # Four digits; with the province's letter before and the side of the street behind in the long form (CPA).
    postcode = re.compile(r"[A-HJ-NP-Z]?\d{4}(?:[A-Z]{3})?")
    postcode_example = "S2999"

    def parse_document(self, declared: str, text: str, field: str = "document") -> Document:
        if declared == "passport":
            return passport(text, field)
        return _cuit(compact(text), field) if declared == "cuit" else _dni(compact(text), field)

    def recognise_document(self, text: str, field: str = "document") -> Document:
        number = compact(text)
        # More than eight digits can only be a CUIT, complete or not.
        return _cuit(number, field) if len(number) > 8 else _dni(number, field)

    def check_contract(self, service: str, tariff: str, powers: tuple[tuple[str, int], ...]) -> None:
        # Each province and cooperative names its own categories: the price book, not this table, knows them.
        if not tariff:
            raise Invalid("The tariff is empty: write the category, such as T1R.", "TARIFF_MISSING", field="tariff")
        if service == "water" and powers:
            raise Invalid("Water has no contracted power: leave it empty.", "POWER_PERIOD", field="power_p1_kw")

    def time_zone_of(self, tariff_zone: str) -> str:
        return self.default_time_zone


def _dni(number: str, field: str) -> Document:
    if not number:
        raise Invalid("The document is empty: write the DNI, such as 20123456.", "DOCUMENT_MALFORMED", field=field)
    if not (number.isascii() and number.isdigit()):
        raise Invalid(
            f"{number} has other things than digits: a DNI has 7 or 8 digits.", "DOCUMENT_MALFORMED", field=field
        )
    if len(number) not in (7, 8):
        raise Invalid(f"{number} has {len(number)} digits; a DNI has 7 or 8.", "DOCUMENT_MALFORMED", field=field)
    return Document("dni", number, f"dni:{int(number)}", natural=True)


def _cuit(number: str, field: str) -> Document:
    """CUIT and CUIL: prefix, eight digits, check digit by weights 5,4,3,2,7,6,5,4,3,2 modulo 11."""
    if not (number.isascii() and number.isdigit()) or len(number) != 11:
        raise Invalid(
            f"{number} has {len(number)} characters; a CUIT has 11 digits, such as 20-05536168-2."
            if number
            else "The document is empty: write the CUIT, such as 20-05536168-2.",
            "DOCUMENT_MALFORMED",
            field=field,
        )
    prefix = number[:2]
    if prefix not in _PERSON_PREFIXES + _OTHER_PREFIXES:
        known = ", ".join(_PERSON_PREFIXES + _OTHER_PREFIXES)
        raise Invalid(
            f"{number} starts with {prefix}; a CUIT starts with one of {known}.", "DOCUMENT_MALFORMED", field=field
        )
    expected = standard.calc_check_digit(number[:10])
    if number[10] != expected:
        raise Invalid(
            f"{number} ends with {number[10]}; its digits ask for {expected}: check the number.",
            "DOCUMENT_MALFORMED",
            field=field,
        )
    if prefix in _PERSON_PREFIXES:
        # The eight digits in the middle are the person's DNI.
        return Document("cuit", number, f"dni:{int(number[2:10])}", natural=True)
    return Document("cuit", number, f"cuit:{number}", natural=False)
