"""The registry in the database: holders, supplies and what hangs on them, read and written for whole batches."""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, or_, select, text, update

from services.chassis.db import Transaction
from services.supplies.domain.cups import cups_key
from services.supplies.domain.documents import Document
from services.supplies.domain.members_file import Row as FileRow
from services.supplies.domain.model import Address, Contract, Member, Meter, Service, Supply
from services.supplies.domain.registry import Registry
from services.supplies.tables import contract, member, meter, service, supply


def fold(name: str) -> str:
    """Lower case without accents, so that the office finds "peña" by "pena"."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def lock_registry(tx: Transaction) -> None:
    """Imports and grants take turns, so that a new supply and a new association never miss each other.

    SQLite has one writer anyway.
    """
    if tx.connection.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(hashtext('acometida-supplies-registry'))"))


def load_registry(tx: Transaction, rows: Collection[FileRow], registry: Registry) -> None:
    """Fills ``registry`` with all that the rows name and all they could collide with."""
    connection = tx.connection
    numbers = {row.member_number for row in rows}
    documents = {row.document.key for row in rows}
    for found in members_where(connection, member.c.number.in_(numbers) | member.c.document_key.in_(documents)):
        registry.add_member(found)
    named = {
        *connection.execute(
            select(supply.c.id).where(
                or_(
                    supply.c.account_number.in_({row.account_number for row in rows}),
                    supply.c.cups_key.in_({cups_key(row.cups) for row in rows if row.cups}),
                    supply.c.member_id.in_(
                        [found.id for found in registry.members.values() if found.number in numbers]
                    ),
                )
            )
        ).scalars(),
        *connection.execute(
            select(service.c.supply_id)
            .join(meter, meter.c.service_id == service.c.id)
            .where(meter.c.serial.in_({row.meter.serial for row in rows if row.meter}))
        ).scalars(),
        *connection.execute(
            select(service.c.supply_id)
            .join(contract, contract.c.service_id == service.c.id)
            .where(contract.c.number.in_({row.contract.number for row in rows if row.contract}))
        ).scalars(),
    }
    for known in supplies_where(connection, supply.c.id.in_(named)):
        registry.add_supply(known)


def members_where(connection: Connection, *conditions: ColumnElement[bool]) -> list[Member]:
    return [_member(row) for row in connection.execute(select(member).where(*conditions))]


def members_by_id(connection: Connection, ids: Collection[str]) -> dict[str, Member]:
    return {found.id: found for found in members_where(connection, member.c.id.in_(ids))} if ids else {}


def members_after(connection: Connection, member_id: str, *, limit: int) -> list[Member]:
    """By id, from the one after ``member_id`` on."""
    chosen = select(member).where(member.c.id > member_id).order_by(member.c.id).limit(limit)
    return [_member(row) for row in connection.execute(chosen)]


def supplies_after(connection: Connection, account_number: str, *, limit: int) -> list[Supply]:
    """By account number, from the one after ``account_number`` on."""
    return supplies_where(connection, supply.c.account_number > account_number, limit=limit)


def supplies_where(connection: Connection, *conditions: ColumnElement[bool], limit: int | None = None) -> list[Supply]:
    """Whole supplies by account number order: four statements however many there are."""
    rows = list(connection.execute(select(supply).where(*conditions).order_by(supply.c.account_number).limit(limit)))
    if not rows:
        return []
    services = list(connection.execute(select(service).where(service.c.supply_id.in_([row.id for row in rows]))))
    service_ids = [row.id for row in services]
    meters: dict[str, list[Meter]] = defaultdict(list)
    for row in connection.execute(select(meter).where(meter.c.service_id.in_(service_ids)).order_by(meter.c.start_on)):
        meters[row.service_id].append(Meter(row.serial, row.start_on, row.end_on))
    contracts: dict[str, list[Contract]] = defaultdict(list)
    statement = select(contract).where(contract.c.service_id.in_(service_ids)).order_by(contract.c.start_on)
    for row in connection.execute(statement):
        contracts[row.service_id].append(_contract(row))
    by_supply: dict[str, list[Service]] = defaultdict(list)
    for row in sorted(services, key=lambda each: each.kind):
        by_supply[row.supply_id].append(
            Service(
                row.id,
                row.kind,
                row.state,
                row.connected_on,
                row.billing_from,
                tuple(meters[row.id]),
                tuple(contracts[row.id]),
            )
        )
    return [_supply(row, tuple(by_supply[row.id])) for row in rows]


def save_members(tx: Transaction, members: Iterable[Member], created: Collection[str]) -> None:
    """Writes members; those whose number is in ``created`` are new."""
    now = tx.clock.now()
    new = []
    for each in members:
        values = {
            "number": each.number,
            "name": each.name,
            "name_folded": fold(each.name),
            "document_type": each.document.type,
            "document": each.document.number,
            "document_key": each.document.key,
            "birth_date": each.birth_date,
            "email": each.email,
            "phone": each.phone,
            "language": each.language,
            "postal_street": each.postal.street,
            "postal_postcode": each.postal.postcode,
            "postal_municipality": each.postal.municipality,
            "postal_province": each.postal.province,
            "version": each.version,
            "updated_at": now,
        }
        if each.number in created:
            new.append({"id": each.id, **values})
        else:
            tx.execute(update(member).where(member.c.id == each.id).values(values))
    if new:
        tx.execute(insert(member), new)


def save_supplies(tx: Transaction, supplies: Collection[Supply], created: Collection[str]) -> None:
    """Writes whole supplies; those whose account number is in ``created`` are new."""
    now = tx.clock.now()
    new = []
    for each in supplies:
        values = {
            "account_number": each.account_number,
            "cups": each.cups,
            "cups_key": cups_key(each.cups) or None,
            "member_id": each.member_id,
            "street": each.address.street,
            "postcode": each.address.postcode,
            "municipality": each.address.municipality,
            "province": each.address.province,
            "tariff_zone": each.tariff_zone,
            "time_zone": each.time_zone,
            "version": each.version,
            "updated_at": now,
        }
        if each.account_number in created:
            new.append({"id": each.id, **values})
        else:
            tx.execute(update(supply).where(supply.c.id == each.id).values(values))
    if new:
        tx.execute(insert(supply), new)
    _save_services(tx, supplies)


def _save_services(tx: Transaction, supplies: Collection[Supply]) -> None:
    """Replaces services, meters and contracts of the supplies: they are few, and nothing points at their rows."""
    parts = [(each, part) for each in supplies for part in each.services]
    if not parts:
        return
    supply_ids = [each.id for each in supplies]
    kept = select(service.c.id).where(service.c.supply_id.in_(supply_ids))
    tx.execute(delete(meter).where(meter.c.service_id.in_(kept)))
    tx.execute(delete(contract).where(contract.c.service_id.in_(kept)))
    tx.execute(delete(service).where(service.c.supply_id.in_(supply_ids)))
    tx.execute(
        insert(service),
        [
            {
                "id": part.id,
                "supply_id": each.id,
                "kind": part.kind,
                "state": part.state,
                "connected_on": part.connected_on,
                "billing_from": part.billing_from,
            }
            for each, part in parts
        ],
    )
    meters = [
        {"service_id": part.id, "serial": hung.serial, "start_on": hung.start, "end_on": hung.end}
        for _, part in parts
        for hung in part.meters
    ]
    if meters:
        tx.execute(insert(meter), meters)
    contracts = [
        {
            "id": agreed.id,
            "service_id": part.id,
            "number": agreed.number,
            "start_on": agreed.start,
            "end_on": agreed.end,
            "product_code": agreed.product_code,
            "tariff": agreed.tariff,
            "powers": [list(power) for power in agreed.powers],
            "meter_rental": agreed.meter_rental,
            "tax_condition": agreed.tax_condition,
            "use": agreed.use,
            "power_control": agreed.power_control,
            "electricity_tax": agreed.electricity_tax,
            "vulnerable": agreed.vulnerable,
            "promotion_code": agreed.promotion_code,
            "access_contract": agreed.access_contract,
        }
        for _, part in parts
        for agreed in part.contracts
    ]
    if contracts:
        tx.execute(insert(contract), contracts)


def _member(row: Row[Any]) -> Member:
    document = Document(row.document_type, row.document, row.document_key, natural=row.birth_date is not None)
    postal = Address(row.postal_street, row.postal_postcode, row.postal_municipality, row.postal_province)
    return Member(
        id=row.id,
        number=row.number,
        name=row.name,
        document=document,
        birth_date=row.birth_date,
        email=row.email,
        phone=row.phone,
        language=row.language,
        postal=postal,
        version=row.version,
    )


def _supply(row: Row[Any], services: tuple[Service, ...]) -> Supply:
    return Supply(
        id=row.id,
        account_number=row.account_number,
        cups=row.cups,
        member_id=row.member_id,
        address=Address(row.street, row.postcode, row.municipality, row.province),
        tariff_zone=row.tariff_zone,
        time_zone=row.time_zone,
        version=row.version,
        services=services,
    )


def _contract(row: Row[Any]) -> Contract:
    return Contract(
        id=row.id,
        number=row.number,
        start=row.start_on,
        end=row.end_on,
        product_code=row.product_code,
        tariff=row.tariff,
        powers=tuple((period, watts) for period, watts in row.powers),
        meter_rental=row.meter_rental,
        tax_condition=row.tax_condition,
        use=row.use,
        power_control=row.power_control,
        electricity_tax=row.electricity_tax,
        vulnerable=row.vulnerable,
        promotion_code=row.promotion_code,
        access_contract=row.access_contract,
    )
