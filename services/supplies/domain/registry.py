"""Bringing the registry of holders and supplies to what a line of the members file says.

The registry holds the part that a batch of lines touches, and everything those lines could collide with. A line is applied
whole or refused whole; a line that says what is known already changes nothing. An empty end date means "not said": it never
reopens what has ended, and a meter or contract that follows another one ends it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NoReturn, TypeVar

from services.supplies.domain.cups import cups_key
from services.supplies.domain.members_file import ContractFields, MeterFields, Problem, Row, RowRefused
from services.supplies.domain.model import Contract, Member, Meter, Service, Supply, span

ItemT = TypeVar("ItemT", Meter, Contract)


@dataclass(frozen=True)
class Effect:
    """What a line did: "created", "updated" or "" for the member and for the supply."""

    member: str = ""
    supply: str = ""

    @property
    def changed(self) -> bool:
        return bool(self.member or self.supply)


@dataclass
class Registry:
    """Members by number and supplies by account number, with the indexes that keep what is unique unique."""

    new_id: Callable[[], str]
    members: dict[str, Member] = field(default_factory=dict)
    supplies: dict[str, Supply] = field(default_factory=dict)
    #: Document key -> member number.
    documents: dict[str, str] = field(default_factory=dict)
    #: First 20 characters of the CUPS -> account number.
    cups: dict[str, str] = field(default_factory=dict)
    #: Meter serial -> (account number, service, meter), of every place where it hangs or hung.
    meters: dict[str, list[tuple[str, str, Meter]]] = field(default_factory=dict)
    #: Contract number -> (account number, service).
    contracts: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add_member(self, member: Member) -> None:
        self.members[member.number] = member
        self.documents[member.document.key] = member.number

    def add_supply(self, supply: Supply) -> None:
        """Puts a supply in, or a newer state of it in the place of the older."""
        before = self.supplies.get(supply.account_number)
        for service in before.services if before else ():
            for meter in service.meters:
                self.meters[meter.serial].remove((supply.account_number, service.kind, meter))
        self.supplies[supply.account_number] = supply
        if supply.cups:
            self.cups[cups_key(supply.cups)] = supply.account_number
        for service in supply.services:
            for meter in service.meters:
                self.meters.setdefault(meter.serial, []).append((supply.account_number, service.kind, meter))
            for contract in service.contracts:
                self.contracts[contract.number] = (supply.account_number, service.kind)

    def apply(self, row: Row) -> Effect:
        """Raises RowRefused, and then nothing has changed."""
        member, member_effect = self._member(row)
        supply, supply_effect = self._supply(row, member)
        if member_effect:
            self.add_member(member)
        if supply_effect:
            self.add_supply(supply)
        return Effect(member_effect, supply_effect)

    def _member(self, row: Row) -> tuple[Member, str]:
        owner = self.documents.get(row.document.key)
        if owner is not None and owner != row.member_number:
            _refuse(
                "document",
                row.document.number,
                f"Document {row.document.number} belongs to member {owner}: use that number.",
            )
        known = self.members.get(row.member_number)
        said = Member(
            id=known.id if known else self.new_id(),
            number=row.member_number,
            name=row.name,
            document=row.document,
            birth_date=row.birth_date,
            email=row.email,
            phone=row.phone,
            language=row.language,
            postal=row.postal,
            version=known.version if known else 0,
        )
        if said == known:
            return known, ""
        if known and known.document.key != row.document.key:
            _refuse(
                "document",
                row.document.number,
                f"Member {row.member_number} is on file with another document: a new holder needs a new member number.",
            )
        return replace(said, version=said.version + 1), "updated" if known else "created"

    def _supply(self, row: Row, member: Member) -> tuple[Supply, str]:
        known = self.supplies.get(row.account_number)
        owner = self.cups.get(cups_key(row.cups)) if row.cups else None
        if owner is not None and owner != row.account_number:
            _refuse("cups", row.cups, f"CUPS {row.cups} belongs to account {owner}: a supply point has one account.")
        if known and known.cups and cups_key(known.cups) != cups_key(row.cups or known.cups):
            _refuse(
                "cups", row.cups, f"Account {row.account_number} has CUPS {known.cups}: a supply point keeps its CUPS."
            )
        # The form of 22 characters says more than the one of 20: it stays.
        cups = known.cups if known and len(known.cups) > len(row.cups) else row.cups
        before = known or Supply(self.new_id(), row.account_number, "", member.id, row.address, "", "", 0)
        service = self._service(row, before.service(row.service))
        others = tuple(other for other in before.services if other.kind != service.kind)
        said = replace(
            before,
            cups=cups,
            address=row.address,
            tariff_zone=row.tariff_zone,
            time_zone=row.time_zone,
            services=tuple(sorted((*others, service), key=lambda each: each.kind)),
        )
        if known and said == known:
            return known, ""
        return replace(said, version=said.version + 1), "updated" if known else "created"

    def _service(self, row: Row, known: Service | None) -> Service:
        service = replace(
            known or Service(self.new_id(), row.service, "", row.connected_on, row.billing_from),
            state=row.state,
            connected_on=row.connected_on,
            billing_from=row.billing_from,
        )
        if row.meter:
            meters = self._meters(service.meters, row.meter)
            self._check_serial_is_free(row, meters)
            service = replace(service, meters=meters)
        if row.contract:
            service = replace(service, contracts=self._contracts(row, service.contracts, row.contract))
        return service

    def _meters(self, meters: tuple[Meter, ...], said: MeterFields) -> tuple[Meter, ...]:
        wanted = Meter(said.serial, said.start, said.end)
        # The same serial in the same days is the same hanging, perhaps with a corrected date.
        known = next(
            (m for m in meters if m.serial == said.serial and (m.start == said.start or m.overlaps(wanted))), None
        )
        if known:
            wanted = replace(wanted, end=said.end or known.end)
        others = [meter for meter in meters if meter is not known]
        others = [_ended_by(meter, wanted.start) for meter in others]
        for other in others:
            if other.overlaps(wanted):
                _refuse(
                    "meter_from",
                    str(said.start),
                    f"Meter {said.serial} cannot hang here {span(wanted.start, wanted.end)}: meter {other.serial} hangs here "
                    f"{span(other.start, other.end)}.",
                )
        return tuple(sorted((*others, wanted), key=lambda meter: meter.start))

    def _check_serial_is_free(self, row: Row, meters: tuple[Meter, ...]) -> None:
        for meter in meters:
            for account, kind, other in self.meters.get(meter.serial, ()):
                if (account, kind) != (row.account_number, row.service) and other.overlaps(meter):
                    _refuse(
                        "meter_serial",
                        meter.serial,
                        f"Meter {meter.serial} hangs at account {account} {span(other.start, other.end)}: end it there first.",
                    )

    def _contracts(self, row: Row, contracts: tuple[Contract, ...], said: ContractFields) -> tuple[Contract, ...]:
        place = self.contracts.get(said.number)
        if place is not None and place != (row.account_number, row.service):
            _refuse(
                "contract_number",
                said.number,
                f"Contract {said.number} belongs to account {place[0]}, service {place[1]}.",
            )
        known = next((contract for contract in contracts if contract.number == said.number), None)
        wanted = Contract(
            id=known.id if known else self.new_id(),
            number=said.number,
            start=said.start,
            end=said.end or (known.end if known else None),
            product_code=said.product_code,
            tariff=said.tariff,
            powers=said.powers,
            meter_rental=said.meter_rental,
            tax_condition=said.tax_condition,
            use=said.use,
            power_control=said.power_control,
            electricity_tax=said.electricity_tax,
            vulnerable=said.vulnerable,
            promotion_code=said.promotion_code,
            access_contract=said.access_contract or (known.access_contract if known else ""),
        )
        if wanted.end and wanted.end <= wanted.start:
            _refuse(
                "contract_from",
                str(said.start),
                f"Contract {said.number} ended on {wanted.end}: it cannot start on {said.start}.",
            )
        others = [contract for contract in contracts if contract.number != said.number]
        others = [_ended_by(contract, wanted.start) for contract in others]
        for other in others:
            if other.overlaps(wanted):
                _refuse(
                    "contract_from",
                    str(said.start),
                    f"Contract {said.number} cannot be in force {span(wanted.start, wanted.end)}: contract {other.number} is "
                    f"{span(other.start, other.end)}.",
                )
        return tuple(sorted((*others, wanted), key=lambda contract: contract.start))


def _ended_by(item: ItemT, start: date) -> ItemT:
    """What was open ends on the day its successor starts."""
    return replace(item, end=start) if item.end is None and item.start < start else item


def _refuse(field_name: str, value: str, reason: str) -> NoReturn:
    raise RowRefused([Problem(field_name, value, reason)])
