"""The read model's snapshots: from the supplies service's messages to plain JSON, and from that to the domain."""

from __future__ import annotations

from datetime import date
from typing import Any

from coop.supplies.events.v1 import events_pb2
from coop.supplies.v1 import supplies_pb2

from services.billing.domain.supplies import (
    Address,
    Contract,
    Member,
    Meter,
    Service,
    ServiceKind,
    ServiceState,
    Supply,
)
from services.chassis.errors import Invalid
from services.chassis.periods import parse_date

_KINDS: dict[int, ServiceKind] = {
    supplies_pb2.SERVICE_KIND_ELECTRICITY: "electricity",
    supplies_pb2.SERVICE_KIND_WATER: "water",
}
_STATES: dict[int, ServiceState] = {
    supplies_pb2.SERVICE_STATE_CONNECTED: "connected",
    supplies_pb2.SERVICE_STATE_DISCONNECTED: "disconnected",
    supplies_pb2.SERVICE_STATE_ENDED: "ended",
}


def supply_from_message(message: supplies_pb2.Supply) -> Supply:
    """The domain's supply. Invalid when a date is no date or a contract has no first day."""
    return Supply(
        id=message.id,
        account_number=message.account_number,
        member_id=message.member_id,
        holder_name=message.holder_name,
        holder_document=message.holder_document,
        cups=message.cups,
        address=_address(message.address),
        tariff_zone=message.tariff_zone,
        services=tuple(
            _service(service, message.account_number) for service in message.services if service.kind in _KINDS
        ),
    )


def _service(message: supplies_pb2.SupplyService, account: str) -> Service:
    return Service(
        id=message.id,
        kind=_KINDS[message.kind],
        state=_STATES.get(message.state, "connected"),
        billing_from=_day(message.billing_from),
        meters=tuple(Meter(meter.serial, _day(getattr(meter, "from")), _day(meter.to)) for meter in message.meters),
        contracts=tuple(_contract(contract, account) for contract in message.contracts),
    )


def _contract(message: supplies_pb2.Contract, account: str) -> Contract:
    start = _day(getattr(message, "from"))
    if start is None:
        raise Invalid(f"Contract {message.number} of account {account} has no first day; correct it in supplies.")
    return Contract(
        id=message.id,
        number=message.number,
        start=start,
        end=_day(message.to),
        product_code=message.product_code,
        tariff=message.tariff,
        powers=tuple((power.period, power.watts) for power in message.powers),
        meter_rental=message.meter_rental,
        tax_condition=message.tax_condition or "consumer",
        use=message.use or "dwelling",
        power_control=message.power_control,
        electricity_tax=message.electricity_tax,
        vulnerable=message.vulnerable,
        promotion_code=message.promotion_code,
        access_contract=message.access_contract,
    )


def member_from_message(message: events_pb2.MemberChanged) -> Member:
    return Member(
        id=message.member_id,
        number=message.member_number,
        name=message.name,
        document_type=message.document_type,
        document=message.document,
        language=message.language,
        address=_address(message.postal_address),
        invitation=message.invitation_code,
    )


def _address(message: supplies_pb2.Address) -> Address:
    return Address(message.street, message.postcode, message.municipality, message.province)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return parse_date(text)
    except ValueError as wrong:
        raise Invalid(f"{wrong}.") from wrong


# ------------------------------------------------------------------------------------------------------- JSON, both ways
def member_state(member: Member) -> dict[str, Any]:
    return {
        "id": member.id,
        "number": member.number,
        "name": member.name,
        "document_type": member.document_type,
        "document": member.document,
        "language": member.language,
        "address": _address_state(member.address),
        "invitation": member.invitation,
    }


def member_of(state: dict[str, Any]) -> Member:
    return Member(**{**state, "address": Address(**state["address"])})


def supply_state(supply: Supply) -> dict[str, Any]:
    return {
        "id": supply.id,
        "account_number": supply.account_number,
        "member_id": supply.member_id,
        "holder_name": supply.holder_name,
        "holder_document": supply.holder_document,
        "cups": supply.cups,
        "address": _address_state(supply.address),
        "tariff_zone": supply.tariff_zone,
        "services": [_service_state(service) for service in supply.services],
    }


def supply_of(state: dict[str, Any]) -> Supply:
    return Supply(
        **{
            **state,
            "address": Address(**state["address"]),
            "services": tuple(_service_of(service) for service in state["services"]),
        }
    )


def _service_state(service: Service) -> dict[str, Any]:
    return {
        "id": service.id,
        "kind": service.kind,
        "state": service.state,
        "billing_from": _iso(service.billing_from),
        "meters": [[meter.serial, _iso(meter.start), _iso(meter.end)] for meter in service.meters],
        "contracts": [_contract_state(contract) for contract in service.contracts],
    }


def _service_of(state: dict[str, Any]) -> Service:
    return Service(
        id=state["id"],
        kind=state["kind"],
        state=state["state"],
        billing_from=_of_iso(state["billing_from"]),
        meters=tuple(Meter(serial, _of_iso(start), _of_iso(end)) for serial, start, end in state["meters"]),
        contracts=tuple(_contract_of(contract) for contract in state["contracts"]),
    )


def _contract_state(contract: Contract) -> dict[str, Any]:
    return {
        **contract.__dict__,
        "start": contract.start.isoformat(),
        "end": _iso(contract.end),
        "powers": [list(power) for power in contract.powers],
    }


def _contract_of(state: dict[str, Any]) -> Contract:
    # Snapshots kept by earlier versions do not have the last five.
    return Contract(
        id=state["id"],
        number=state["number"],
        start=date.fromisoformat(state["start"]),
        end=_of_iso(state["end"]),
        product_code=state["product_code"],
        tariff=state["tariff"],
        powers=tuple((period, watts) for period, watts in state["powers"]),
        meter_rental=state["meter_rental"],
        tax_condition=state["tax_condition"],
        use=state["use"],
        power_control=state.get("power_control", ""),
        electricity_tax=state.get("electricity_tax", ""),
        vulnerable=state.get("vulnerable", False),
        promotion_code=state.get("promotion_code", ""),
        access_contract=state.get("access_contract", ""),
    )


def _address_state(address: Address) -> dict[str, str]:
    return {
        "street": address.street,
        "postcode": address.postcode,
        "municipality": address.municipality,
        "province": address.province,
    }


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _of_iso(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
