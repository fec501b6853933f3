"""Issuer, holder and supply as every document prints them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal, cast

from services.billing.documents.model import ContractedPower, Holder, Issuer, Supply
from services.billing.domain.supplies import Member
from services.billing.domain.supplies import Supply as KnownSupply
from services.billing.rules import Rules
from services.chassis.periods import DatePeriod

#: How a document is called on paper.
DOCUMENT_NAMES = {"nif": "NIF", "nie": "NIE", "cif": "NIF", "dni": "DNI", "cuit": "CUIT", "passport": "Pasaporte"}
#: A demonstration says so on every page.
NOTICES = {"es": "Demostración, sin validez", "en": "Demonstration, not valid"}
Jurisdiction = Literal["es", "ar"]


def jurisdiction(rules: Rules) -> Jurisdiction:
    return cast(Jurisdiction, rules.country.code)


def notice(rules: Rules, language: str) -> str:
    return NOTICES.get(language, NOTICES["en"]) if rules.profile.demo else ""


def issuer(rules: Rules) -> Issuer:
    """The cooperative, from coop.toml."""
    profile, raw = rules.profile, rules.profile.raw

    def text(key: str) -> str:
        return str(raw.get(key, ""))

    since = raw.get("activities_since")
    return Issuer(
        name=profile.legal_name,
        tax_id=profile.tax_id,
        address=tuple(raw.get("address_lines") or (profile.address,)),
        email=profile.email,
        telephone=profile.phone,
        breakdowns_telephone=text("breakdowns_phone"),
        web=profile.web,
        brand_colour=profile.brand_color,
        mark="bolt-drop" if "water" in rules.book.services() else "bolt",
        registry=text("registry"),
        claims_office=text("claims_office"),
        dispute_body=text("dispute_body"),
        iva_condition=text("iva_condition"),
        gross_income_number=text("gross_income_number"),
        activities_since=since if isinstance(since, date) else None,
    )


def holder(member: Member, supply: KnownSupply) -> Holder:
    return Holder(
        name=member.name,
        document_type=DOCUMENT_NAMES.get(member.document_type.lower(), member.document_type.upper()),
        document=member.document,
        address=member.address.lines() or supply.address.lines(),
        member_number=member.number,
    )


def supply_part(supply: KnownSupply, period: DatePeriod | None = None, product: dict[str, Any] | None = None) -> Supply:
    """The supply; with `period` only what was in force then, with `product` (kind and name by service) its price."""
    contracts = [
        contract
        for service in supply.services
        for contract in service.contracts
        if service.kind == "electricity" or len(supply.services) == 1
    ]
    contract = contracts[-1] if contracts else None
    kind, name = (product or {}).get("electricity", ("", ""))
    meters = tuple(
        serial
        for service in supply.services
        for serial in (service.meters_in(period) if period else [meter.serial for meter in service.meters])
    )
    return Supply(
        address=supply.address.lines(),
        cups=supply.cups,
        account=supply.account_number,
        tariff=" · ".join(part for part in (contract.tariff if contract else "", name) if part),
        contract_kind=kind if kind in ("fixed", "indexed") else "",
        powers=tuple(
            ContractedPower(period, Decimal(watts) / 1000) for period, watts in (contract.powers if contract else ())
        ),
        meters=meters,
        contract_reference=contract.number if contract else "",
        access_contract_reference=contract.access_contract if contract else "",
        services=tuple(dict.fromkeys(service.kind for service in supply.services)),
    )
