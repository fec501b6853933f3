"""A member's supplies, as pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from coop.supplies.v1 import supplies_pb2

_KINDS = {supplies_pb2.SERVICE_KIND_ELECTRICITY: "electricity", supplies_pb2.SERVICE_KIND_WATER: "water"}
_STATES = {
    supplies_pb2.SERVICE_STATE_CONNECTED: "connected",
    supplies_pb2.SERVICE_STATE_DISCONNECTED: "disconnected",
    supplies_pb2.SERVICE_STATE_ENDED: "ended",
}


@dataclass(frozen=True)
class ServiceView:
    """One service of a supply: kind "electricity" or "water", its state, and the contract that is open (or the last)."""

    kind: str
    state: str
    connected_on: date | None
    tariff: str
    watts: tuple[int, ...]
    contract_number: str
    meter: str
    id: str = ""


@dataclass(frozen=True)
class SupplyView:
    """A supply point. `account_number` is "5555/1"; `cups` is empty outside Spain; `relation` is the reader's."""

    id: str
    account_number: str
    cups: str
    street: str
    place: str
    holder: str
    holder_document: str
    relation: str
    time_zone: str
    services: tuple[ServiceView, ...]

    @property
    def cups_groups(self) -> str:
        """The CUPS in the groups of its parts (country, distributor, number, control letters): easier to read aloud."""
        c = self.cups
        return " ".join(part for part in (c[:6], c[6:10], c[10:14], c[14:18], c[18:]) if part)

    @property
    def cups_short(self) -> str:
        return f"{self.cups[:6]} … {self.cups[14:18]} {self.cups[18:]}".strip()

    @classmethod
    def of(cls, supply: supplies_pb2.Supply) -> SupplyView:
        where = supply.address
        return cls(
            id=supply.id,
            account_number=supply.account_number,
            cups=supply.cups,
            street=where.street,
            place=" ".join(part for part in (where.postcode, where.municipality) if part),
            holder=supply.holder_name,
            holder_document=supply.holder_document,
            relation=supply.relation,
            time_zone=supply.time_zone,
            services=tuple(_service(service) for service in supply.services),
        )


@dataclass(frozen=True)
class MySupplies:
    """Every supply the member may read, and the one chosen last."""

    supplies: tuple[SupplyView, ...]
    current_id: str

    def find(self, supply_id: str) -> SupplyView | None:
        return next((supply for supply in self.supplies if supply.id == supply_id), None)

    @property
    def start_id(self) -> str:
        """Where to land: the current one, else the first; empty when there is none."""
        if self.find(self.current_id):
            return self.current_id
        return self.supplies[0].id if self.supplies else ""


def my_supplies(supplies: Iterable[supplies_pb2.Supply], current_id: str) -> MySupplies:
    """From the answer of ListMySupplies."""
    return MySupplies(tuple(SupplyView.of(supply) for supply in supplies), current_id)


def _service(service: supplies_pb2.SupplyService) -> ServiceView:
    contracts = sorted(
        service.contracts, key=lambda contract: (contract.to == "", contract.to, getattr(contract, "from"))
    )
    contract = contracts[-1] if contracts else supplies_pb2.Contract()
    meters = sorted(service.meters, key=lambda meter: (meter.to == "", meter.to, getattr(meter, "from")))
    return ServiceView(
        kind=_KINDS.get(service.kind, ""),
        state=_STATES.get(service.state, ""),
        connected_on=date.fromisoformat(service.connected_on) if service.connected_on else None,
        tariff=contract.tariff,
        watts=tuple(sorted({power.watts for power in contract.powers})),
        contract_number=contract.number,
        meter=meters[-1].serial if meters else "",
        id=service.id,
    )
