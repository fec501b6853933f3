"""`coopctl payments plan`: unpaid invoices that are paid in instalments, as agreed with their holder."""

from __future__ import annotations

from typing import Annotated

import typer
from coop.billing.v1 import billing_pb2
from coop.billing.v1 import plans_service_pb2 as pb
from coop.billing.v1.plans_service_pb2_grpc import PlansServiceStub

from services.chassis.ids import new_id
from services.staff.bills import day
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.names import put_names
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, instant, money, print_json, table
from services.staff.supplies import SupplyArgument, find

app = typer.Typer(no_args_is_help=True, help="Unpaid invoices that are paid in instalments.")

PlanArgument = Annotated[str, typer.Argument(metavar="PLAN", help="Id of the plan, from 'payments plan list'.")]
RequestOption = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]

PEOPLE = ("agreed_by", "ended_by")


def stub(office: Office) -> PlansServiceStub:
    return office.stub("billing", PlansServiceStub)


@app.command("agree")
def agree(
    supply: SupplyArgument,
    instalments: Annotated[int, typer.Option("--instalments", help="How many, a month apart.")],
    first: Annotated[
        str, typer.Option("--first", callback=day, help="Day of the first one; of each, the next working day counts.")
    ],
    invoice: Annotated[
        list[str] | None,
        typer.Option("--invoice", help="Number or id, once for each; without any, all that is to be paid by that day."),
    ] = None,
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Agree that unpaid invoices are paid in instalments. An instalment that is not paid on its day breaks the plan."""
    with signed_in() as office:
        request = pb.AgreePlanRequest(
            supply_id=find(office, supply).id,
            instalments=instalments,
            first=first,
            invoices=invoice or [],
            request_id=request_id or new_id(),
        )
        with office.calling("billing"):
            _tell(office, stub(office).AgreePlan(request).plan, as_json)


@app.command("list")
def list_command(
    supply: Annotated[str, typer.Option("--supply", help="Only of this one: account number, CUPS or id.")] = "",
    with_ended: Annotated[bool, typer.Option("--all", help="Those that the office has ended, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The plans, the newest first."""
    with signed_in() as office:
        request = pb.ListPlansRequest(supply_id=find(office, supply).id if supply else "", with_ended=with_ended)
        with office.calling("billing"):
            found: list[billing_pb2.PaymentPlan] = list(listed(stub(office).ListPlans, request, "plans"))
    if as_json:
        print_json({"plans": [plain(each) for each in found]})
        return
    rows = [
        (
            each.account_number,
            each.state,
            ", ".join(one.invoice_number for one in each.invoices),
            len(each.instalments),
            money(each.total),
            money(each.outstanding),
            next_part(each),
            each.id,
        )
        for each in found
    ]
    columns = ("Account", "State", "Invoices", "Instalments", "Total", "Unpaid", "Next", "Id")
    table("Payment plans", columns, rows, numbers=("Instalments", "Total", "Unpaid"))


@app.command("show")
def show(plan: PlanArgument, as_json: JsonOption = False) -> None:
    """One plan: its instalments with what is paid of each, its invoices, and how it broke or ended."""
    with signed_in() as office, office.calling("billing"):
        _tell(office, stub(office).GetPlan(pb.GetPlanRequest(plan_id=plan)).plan, as_json)


@app.command("end")
def end(
    plan: PlanArgument,
    reason: Annotated[str, typer.Option("--reason", help="Told to the member, and kept with it.")],
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """End a plan: each invoice is due again since its own date."""
    with signed_in() as office, office.calling("billing"):
        request = pb.EndPlanRequest(plan_id=plan, reason=reason, request_id=request_id or new_id())
        _tell(office, stub(office).EndPlan(request).plan, as_json)


def _tell(office: Office, found: billing_pb2.PaymentPlan, as_json: bool) -> None:
    if as_json:
        print_json({"plan": plain(found)})
        return
    put_names(office, [found], *PEOPLE)
    broken = ""
    if found.broken_by:
        missed = found.instalments[found.broken_by - 1]
        broken = f"instalment {found.broken_by} of {missed.due_date}: {money(found.missing)} missing"
    facts(
        f"Payment plan of account {found.account_number}: {found.state}",
        (
            ("Total", money(found.total)),
            ("Unpaid", money(found.outstanding)),
            ("Next", next_part(found)),
            ("Broken by", broken),
            ("Broken since", found.broken_since),
            ("Agreed", f"{instant(found.agreed_at)} by {found.agreed_by}"),
            ("Ended", f"{instant(found.ended_at)} by {found.ended_by}" if found.ended_by else ""),
            ("Because", found.reason),
            ("Id", found.id),
        ),
    )
    parts = [
        (number, part.due_date, money(part.amount), money(part.paid))
        for number, part in enumerate(found.instalments, 1)
    ]
    table("Instalments", ("No.", "Due", "Amount", "Paid"), parts, numbers=("No.", "Amount", "Paid"))
    invoices = [(one.invoice_number, money(one.amount), money(one.outstanding)) for one in found.invoices]
    table("Invoices", ("Invoice", "In the plan", "Unpaid"), invoices, numbers=("In the plan", "Unpaid"))


def next_part(found: billing_pb2.PaymentPlan) -> str:
    """The first instalment that is not paid in full; "" unless the plan is kept."""
    if found.state != "kept":
        return ""
    part = next(part for part in found.instalments if part.paid.amount != part.amount.amount)
    return f"{part.due_date} ({money(part.amount)})"
