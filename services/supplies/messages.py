"""Holders and supplies as messages: what events carry and what callers see."""

from datetime import date

from coop.supplies.events.v1 import events_pb2 as events
from coop.supplies.v1 import supplies_pb2 as pb

from services.supplies.domain.documents import mask
from services.supplies.domain.invitations import printed
from services.supplies.domain.model import Address, Contract, Member, Meter, Service, Supply

MEMBER_TOPIC = "coop.supplies.member.v1"
SUPPLY_TOPIC = "coop.supplies.supply.v1"
ACCESS_TOPIC = "coop.supplies.access.v1"
INVITATION_TOPIC = "coop.supplies.invitation.v1"

_KIND = {"electricity": pb.SERVICE_KIND_ELECTRICITY, "water": pb.SERVICE_KIND_WATER}
_STATE = {
    "connected": pb.SERVICE_STATE_CONNECTED,
    "disconnected": pb.SERVICE_STATE_DISCONNECTED,
    "ended": pb.SERVICE_STATE_ENDED,
}


def member_changed(member: Member, invitation_code: str = "") -> events.MemberChanged:
    """``invitation_code``: the one that can be used, as it is kept."""
    return events.MemberChanged(
        member_id=member.id,
        member_number=member.number,
        name=member.name,
        document_type=member.document.type,
        document=member.document.number,
        email=member.email,
        phone=member.phone,
        language=member.language,
        postal_address=_address(member.postal),
        version=member.version,
        invitation_code=printed(invitation_code) if invitation_code else "",
    )


def supply_changed(supply: Supply, holder: Member) -> events.SupplyChanged:
    return events.SupplyChanged(supply=supply_message(supply, holder, masked=False), version=supply.version)


def supply_message(supply: Supply, holder: Member, *, masked: bool = True, relation: str = "") -> pb.Supply:
    """``masked`` hides most of the holder's document, and that a household is vulnerable: only the holder, and the
    platform's own services, see the whole.
    """
    document = holder.document.number
    return pb.Supply(
        id=supply.id,
        account_number=supply.account_number,
        cups=supply.cups,
        member_id=supply.member_id,
        holder_name=holder.name,
        holder_document=mask(document) if masked else document,
        address=_address(supply.address),
        tariff_zone=supply.tariff_zone,
        time_zone=supply.time_zone,
        services=[_service(service, masked) for service in supply.services],
        relation=relation,
    )


def _service(service: Service, masked: bool) -> pb.SupplyService:
    return pb.SupplyService(
        id=service.id,
        kind=_KIND[service.kind],
        state=_STATE[service.state],
        connected_on=service.connected_on.isoformat(),
        billing_from=service.billing_from.isoformat(),
        meters=[_meter(meter) for meter in service.meters],
        contracts=[_contract(contract, masked) for contract in service.contracts],
    )


def _meter(meter: Meter) -> pb.Meter:
    # "from" is a word of Python's: the field is set by name.
    return pb.Meter(serial=meter.serial, to=_day(meter.end), **{"from": _day(meter.start)})


def _contract(contract: Contract, masked: bool) -> pb.Contract:
    return pb.Contract(
        id=contract.id,
        number=contract.number,
        to=_day(contract.end),
        product_code=contract.product_code,
        tariff=contract.tariff,
        powers=[pb.ContractedPower(period=period, watts=watts) for period, watts in contract.powers],
        meter_rental=contract.meter_rental,
        tax_condition=contract.tax_condition,
        use=contract.use,
        power_control=contract.power_control,
        electricity_tax=contract.electricity_tax,
        vulnerable=contract.vulnerable and not masked,
        promotion_code=contract.promotion_code,
        access_contract=contract.access_contract,
        **{"from": _day(contract.start)},
    )


def _address(address: Address) -> pb.Address:
    return pb.Address(
        street=address.street,
        postcode=address.postcode,
        municipality=address.municipality,
        province=address.province,
    )


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
