"""What a cooperative's profile says to its tax office: section [fiscal] of coop.toml."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from services.billing.domain.fiscal.sandbox import CAE_PROVIDERS, CESP_PROVIDERS
from services.billing.domain.rows import text
from services.chassis.errors import Invalid

PLACE = "coop.toml [fiscal]"
TAX_OFFICE = "https://www2.agenciatributaria.gob.es"
LARGEST_POINT_OF_SALE = 99999


@dataclass(frozen=True)
class Software:
    """Who answers for the invoicing software (the signer of its responsible declaration) and which installation this is."""

    producer: str
    producer_nif: str
    name: str
    code: str  # two letters or digits that tell it from the producer's other software
    version: str
    installation: str


@dataclass(frozen=True)
class FiscalTerms:
    """`verifactu` None: the taxpayer is not in Veri*factu (the Immediate Supply of Information, or another country)."""

    verifactu: Software | None = None
    tax_office: str = TAX_OFFICE
    retailer_code: str = ""  # the comparator's number of the retailer, "R2-000"
    point_of_sale: int = 1
    cesp_provider: str = ""  # "" none: bills go out without a code
    cae_provider: str = ""  # "" none: neither notes that correct bills nor invoices of other sales are issued here


def fiscal_terms(section: Mapping[str, Any], jurisdiction: str, version: str) -> FiscalTerms:
    """The section's terms; Invalid names what is missing or does not fit. `version` is that of this software."""
    known = {
        "es": {"verifactu", "tax_office", "retailer_code", "software"},
        "ar": {"point_of_sale", "cesp_provider", "cae_provider"},
    }[jurisdiction]
    unknown = sorted(set(section) - known)
    if unknown:
        raise Invalid(f"{PLACE}: {unknown[0]!r} is not known for {jurisdiction!r}; use {', '.join(sorted(known))}.")
    if jurisdiction == "ar":
        return _argentina(section)
    software = _software(section.get("software", {}), version) if _flag(section, "verifactu") else None
    host = text({"tax_office": TAX_OFFICE, **section}, "tax_office", PLACE)
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(:\d+)?/?", host):
        raise Invalid(f"{PLACE}: tax_office = {host!r} must be an address such as {TAX_OFFICE}.", field="tax_office")
    return FiscalTerms(software, host, str(section.get("retailer_code", "")))


def _argentina(section: Mapping[str, Any]) -> FiscalTerms:
    point = section.get("point_of_sale", 1)
    if isinstance(point, bool) or not isinstance(point, int) or not 1 <= point <= LARGEST_POINT_OF_SALE:
        raise Invalid(f"{PLACE}: point_of_sale = {point!r} must be a number from 1 to {LARGEST_POINT_OF_SALE}.")
    cesp = _provider(section, "cesp_provider", CESP_PROVIDERS)
    cae = _provider(section, "cae_provider", CAE_PROVIDERS)
    if cae and not cesp:
        raise Invalid(
            f"{PLACE}: cae_provider is for notes and other sales, and bills need a cesp_provider; name both.",
            field="cesp_provider",
        )
    return FiscalTerms(point_of_sale=point, cesp_provider=cesp, cae_provider=cae)


def _provider(section: Mapping[str, Any], name: str, known: Collection[str]) -> str:
    provider = section.get(name, "")
    if provider not in ("", *known):
        names = " or ".join(map(repr, sorted(known)))
        raise Invalid(f"{PLACE}: {name} = {provider!r} is not known; use {names}, or leave it out.", field=name)
    return str(provider)


def _flag(section: Mapping[str, Any], name: str) -> bool:
    value = section.get(name, False)
    if not isinstance(value, bool):
        raise Invalid(f"{PLACE}: {name} = {value!r} must be true or false.", field=name)
    return value


def _software(section: Mapping[str, Any], version: str) -> Software:
    place = "coop.toml [fiscal.software]"
    code, nif = text(section, "code", place), text(section, "producer_nif", place)
    if not re.fullmatch(r"[A-Z0-9]{2}", code):
        raise Invalid(f"{place}: code = {code!r} must be two capital letters or digits.", field="code")
    if not re.fullmatch(r"[A-Z0-9]{9}", nif):
        raise Invalid(f"{place}: producer_nif = {nif!r} must have nine letters and digits.", field="producer_nif")
    return Software(
        producer=text(section, "producer", place),
        producer_nif=nif,
        name=text({"name": "Acometida", **section}, "name", place),
        code=code,
        version=version,
        installation=text(section, "installation", place),
    )
