"""What metering learns from the other services' events."""

from __future__ import annotations

from datetime import date

from coop.billing.events.v1.events_pb2 import InvoiceIssued, InvoiceRectified
from coop.billing.v1.billing_pb2 import BilledRegister
from coop.supplies.events.v1.events_pb2 import AccessGranted, AccessRevoked, SupplyChanged
from coop.supplies.v1 import supplies_pb2

from services.chassis.db import Transaction
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod, parse_date
from services.metering.application.aftermath import follow_up
from services.metering.application.closes import all_closes
from services.metering.application.corrections import tell_corrections
from services.metering.application.quarantine import settle_adopted
from services.metering.application.registers import announce, spans_of
from services.metering.application.store import adopt, promote
from services.metering.application.water_corrections import tell_water_corrections
from services.metering.repository import billed_registers, estimates, holdings, points, visibility
from services.metering.repository.billed_registers import Counted
from services.metering.repository.cups import owner_of
from services.metering.repository.points import Assignment, ContractTariff
from services.metering.repository.visibility import BilledPeriod

#: A document of billing that bills no supply.
CHARGE = "charge"
_KINDS = {
    supplies_pb2.SERVICE_KIND_ELECTRICITY: "electricity",
    supplies_pb2.SERVICE_KIND_WATER: "water",
}


def supply_changed(tx: Transaction, event: SupplyChanged) -> None:
    """Takes over the supply's services, contracts and meters as they are now; an older snapshot changes nothing.

    Readings that waited for one of its meters become its curve at once.
    """
    told = event.supply
    if not told.id:
        raise Invalid("The event SupplyChanged names no supply.", field="supply.id")
    known = points.supply_version(tx, told.id)
    if known is not None and event.version <= known:
        return
    points.save_supply(tx, told.id, event.version, told.account_number, told.tariff_zone, told.cups)
    if told.cups:
        # Held before the points, as an import holds it: otherwise the two could wait for each other.
        points.lock_meters(tx, {owner_of(told.cups)})
    for service in told.services:
        _service_changed(tx, told.id, service)
    if told.cups and adopt(tx, told.cups):
        settle_adopted(tx, told.cups)


def _service_changed(tx: Transaction, supply_id: str, service: supplies_pb2.SupplyService) -> None:
    kind = _KINDS.get(service.kind, "other")
    point_key = points.save_point(tx, service.id, supply_id, kind)
    contracts = [
        ContractTariff(_from(one, "contracts"), _open_day(one.to), one.tariff, _powers(one))
        for one in service.contracts
    ]
    # A contract that ended on the day it began and its successor begin together: the last one told is in force.
    points.replace_contracts(tx, point_key, list({one.start: one for one in contracts}.values()))
    serials = {meter.serial for meter in service.meters}
    keys = points.lock_meters(tx, serials | set(points.meters_of_point(tx, point_key)))
    hung = [Assignment(keys[one.serial], point_key, _from(one, "meters"), _open_day(one.to)) for one in service.meters]
    assignments = list({(one.meter_key, one.start): one for one in hung}.values())
    closed_before = all_closes(tx.connection, holdings.assignments_of_points(tx.connection, [point_key]))
    points.lock_points(tx, [point_key])
    points.replace_assignments(tx, point_key, assignments)
    closed = all_closes(tx.connection, assignments)
    announce(tx, closed - closed_before)
    promote(tx, assignments)
    follow_up(tx, spans_of(closed ^ closed_before), "reading")


def access_granted(tx: Transaction, event: AccessGranted) -> None:
    """The account may read the supply's curve."""
    visibility.grant(tx, event.account_id, event.supply_id, event.member_id)


def access_revoked(tx: Transaction, event: AccessRevoked) -> None:
    """The account may no longer."""
    visibility.revoke(tx, event.account_id, event.supply_id, event.member_id)


def invoice_issued(tx: Transaction, event: InvoiceIssued) -> None:
    """The period becomes visible to the supply's members. What became known while it was billed is told to billing.

    A charge bills no period.
    """
    if event.kind == CHARGE:
        return
    _billed(tx, event, event.invoice_id, event.number)


def invoice_rectified(tx: Transaction, event: InvoiceRectified) -> None:
    """The period of the rectified invoice is billed with other energy from now on; later corrections start from that.

    One that takes a charge back changes no period.
    """
    if event.kind == CHARGE:
        return
    _billed(tx, event, event.rectified_id, event.rectified_number)


def _billed(tx: Transaction, event: InvoiceIssued | InvoiceRectified, invoice_id: str, number: str) -> None:
    visibility.save_billed(
        tx,
        BilledPeriod(
            invoice_id=invoice_id,
            number=number,
            service_id=event.service_id,
            start=_day(event.period.start, "period.start"),
            end=_day(event.period.end, "period.end"),
            import_wh=event.import_wh,
            hours_expected=event.hours_expected,
            hours_measured=event.hours_measured,
            hours_estimated=event.hours_estimated,
            hours_missing=event.hours_missing,
            curve_version=event.curve_version,
        ),
    )
    days = (_day(event.period.start, "period.start"), _day(event.period.end, "period.end"))
    counted = {each.service_id: _counted(each) for each in event.registers}
    found = points.points_of_services(tx.connection, {event.service_id, *counted})
    points.lock_points(tx, [point.key for point in found.values()])
    for service_id, each in counted.items():
        billed_registers.save(tx, invoice_id, service_id, DatePeriod(*days), each)
    if event.service_id in found and event.curve_version:
        span = {found[event.service_id].key: days}
        tell_corrections(tx, span, estimates.waiting(tx.connection, span), newer_than=event.curve_version)
    tell_water_corrections(tx, {found[service_id].key: days for service_id in counted if service_id in found})


def _counted(register: BilledRegister) -> Counted:
    """What an invoice says of a register."""
    if not register.read.start:
        return Counted(register.litres, None)
    return Counted(register.litres, DatePeriod(_day(register.read.start, "read"), _day(register.read.end, "read")))


def _from(told: supplies_pb2.Meter | supplies_pb2.Contract, field: str) -> date:
    return _day(getattr(told, "from"), f"{field}.from")  # a field that is a word of the language


def _powers(contract: supplies_pb2.Contract) -> tuple[int, ...]:
    return tuple(power.watts for power in sorted(contract.powers, key=lambda power: power.period))


def _open_day(text: str) -> date | None:
    return _day(text, "to") if text else None


def _day(text: str, field: str) -> date:
    try:
        return parse_date(text)
    except ValueError as wrong:
        raise Invalid(f"{field}: {wrong}.", field=field) from wrong
