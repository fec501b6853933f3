"""What a country must say so that its holders, supply points and contracts can be checked."""

import re
from abc import ABC, abstractmethod
from typing import ClassVar

from services.chassis.errors import Invalid
from services.supplies.domain.documents import Document, compact

_PASSPORT = re.compile(r"[A-Z0-9]{5,20}")


class Jurisdiction(ABC):
    """Rules of one country; every method raises Invalid with a sentence and the field it is about."""

    country: ClassVar[str]
    document_types: ClassVar[tuple[str, ...]]
    services: ClassVar[tuple[str, ...]]
    tax_conditions: ClassVar[tuple[str, ...]]
    has_cups: ClassVar[bool]
    #: How contracted power may be controlled other than as the law has it, of electricity contracts.
    power_controls: ClassVar[tuple[str, ...]] = ()
    #: Uses of electricity that a lower tax is for.
    electricity_taxes: ClassVar[tuple[str, ...]] = ()
    #: Whether a bill asks who is a vulnerable household.
    has_vulnerable: ClassVar[bool] = False
    postcode: ClassVar[re.Pattern[str]]
    postcode_example: ClassVar[str]

    def __init__(self, *, tariff_zone: str, time_zone: str) -> None:
        self.default_zone = tariff_zone
        self.default_time_zone = time_zone

    @abstractmethod
    def parse_document(self, declared: str, text: str, field: str = "document") -> Document:
        """The checked document of type ``declared``, which is one of ``document_types``."""

    @abstractmethod
    def recognise_document(self, text: str, field: str = "document") -> Document:
        """The checked document that a person typed without saying its type."""

    @abstractmethod
    def check_contract(self, service: str, tariff: str, powers: tuple[tuple[str, int], ...]) -> None:
        """Checks contracted powers (watts by period) against the tariff."""

    @abstractmethod
    def time_zone_of(self, tariff_zone: str) -> str:
        """The IANA time zone of a tariff zone."""

    def parse_postcode(self, text: str, field: str) -> str:
        code = compact(text)
        if code and not self.postcode.fullmatch(code):
            raise Invalid(
                f"{text.strip()} is not a postcode of {self.country}: write it like {self.postcode_example}.",
                "POSTCODE_MALFORMED",
                field=field,
            )
        return code


def passport(text: str, field: str) -> Document:
    """A passport number: no country publishes a check digit, so only the shape is checked."""
    number = compact(text)
    if not _PASSPORT.fullmatch(number):
        raise Invalid(
            f"{number} is not a passport number: it has 5 to 20 letters and digits.", "DOCUMENT_MALFORMED", field=field
        )
    return Document("passport", number, f"passport:{number}", natural=True)
