"""`coopctl supplies`: finding a supply and seeing it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

import typer
from coop.billing.v1 import billing_pb2
from coop.billing.v1 import billing_service_pb2 as billing_service
from coop.supplies.v1 import supplies_pb2
from coop.supplies.v1 import supplies_service_pb2 as pb

from services.chassis.errors import NotFound, Unavailable
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.office import Office
from services.staff.plain import enum_prefix, plain
from services.staff.show import JsonOption, facts, money, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="Supplies of the members.")

SupplyArgument = Annotated[str, typer.Argument(metavar="SUPPLY", help="Account number (5555/1), CUPS or id.")]


@app.command("show")
def show(supply: SupplyArgument, as_json: JsonOption = False) -> None:
    """Holder, address, services, meters, contracts and debt of one supply."""
    with signed_in() as office:
        found = find(office, supply)
        debt = _debt(office, found.id)
    if as_json:
        print_json({"supply": plain(found), "debt": plain(debt) if debt else None})
        return
    address = found.address
    facts(
        f"Supply {found.account_number}",
        (
            ("Holder", f"{found.holder_name} ({found.holder_document})"),
            ("CUPS", found.cups),
            ("Address", f"{address.street}, {address.postcode} {address.municipality} ({address.province})"),
            ("Zone", f"{found.tariff_zone}, {found.time_zone}"),
            ("Due and unpaid", money(debt.overdue) if debt else "billing does not answer"),
            ("Not yet due", money(debt.not_yet_due) if debt else ""),
            ("Id", found.id),
        ),
    )
    services = [
        (
            _word(supplies_pb2.ServiceKind, service.kind),
            _word(supplies_pb2.ServiceState, service.state),
            service.connected_on,
        )
        for service in found.services
    ]
    table("Services", ("Service", "State", "Connected"), services)
    meters = [(meter.serial, getattr(meter, "from"), meter.to) for s in found.services for meter in s.meters]
    table("Meters", ("Serial", "From", "To (excluded)"), meters)
    contracts = [
        (
            contract.number,
            getattr(contract, "from"),
            contract.to,
            contract.product_code,
            contract.tariff,
            ", ".join(f"{power.period} {Decimal(power.watts) / 1000:f} kW" for power in contract.powers),
        )
        for s in found.services
        for contract in s.contracts
    ]
    table("Contracts", ("Contract", "From", "To (excluded)", "Product", "Tariff", "Power"), contracts)


@app.command("list")
def list_command(
    query: Annotated[str, typer.Argument(help="Account number, CUPS, member number, document or part of a name.")] = "",
    as_json: JsonOption = False,
) -> None:
    """All supplies, or those that match."""
    with signed_in() as office:
        found = list(all_supplies(office, query))
    if as_json:
        print_json({"supplies": [plain(supply) for supply in found]})
        return
    rows = [
        (supply.account_number, supply.holder_name, supply.cups, supply.address.street, supply.address.municipality)
        for supply in found
    ]
    table("Supplies", ("Account", "Holder", "CUPS", "Street", "Municipality"), rows)


def find(office: Office, supply: str) -> supplies_pb2.Supply:
    """A supply by account number, CUPS or id. Raises NotFound."""
    with office.calling("supplies"):
        return office.supplies.GetSupply(pb.GetSupplyRequest(supply_id=supply)).supply


def all_supplies(office: Office, query: str = "") -> Iterator[supplies_pb2.Supply]:
    """Every supply that matches, page after page."""
    with office.calling("supplies"):
        yield from listed(office.supplies.ListSupplies, pb.ListSuppliesRequest(query=query), "supplies")


def _debt(office: Office, supply_id: str) -> billing_pb2.DebtState | None:
    """What is owed; None when billing cannot say, which does not keep the rest from being shown."""
    try:
        with office.calling("billing"):
            return office.billing.GetDebtState(billing_service.GetDebtStateRequest(supply_id=supply_id)).debt
    except (Unavailable, NotFound) as unknown:
        say(f"The debt is not shown: {unknown.message}")
        return None


def _word(kind: object, value: int) -> str:
    name = kind.Name(value)  # type: ignore[attr-defined]
    return str(name).removeprefix(enum_prefix(kind.DESCRIPTOR.name)).lower()  # type: ignore[attr-defined]
