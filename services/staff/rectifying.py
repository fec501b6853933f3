"""`coopctl bill corrections` and `coopctl bill rectify`: what metering corrected, and invoices that were wrong."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import typer
from coop.billing.v1 import rectifying_service_pb2 as pb
from coop.billing.v1.rectifying_service_pb2_grpc import RectifyingServiceStub

from services.chassis.ids import new_id
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.names import put_names
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, instant, money, print_json, table

corrections = typer.Typer(
    no_args_is_help=True, help="Billed periods whose energy or water is known otherwise now: look, approve or discard."
)

PRICING_S = 60.0


class State(StrEnum):
    PROPOSED = "proposed"
    ISSUED = "issued"
    DISCARDED = "discarded"
    NOTHING = "nothing"


CorrectionArgument = Annotated[str, typer.Argument(metavar="CORRECTION", help="Id, as 'corrections list' prints it.")]
InstalmentsOption = Annotated[
    int, typer.Option("--instalments", min=0, help="Monthly parts of a debt; 0 is as many as the law gives.")
]
InterestOption = Annotated[
    str,
    typer.Option(
        "--legal-interest",
        help="Interest in percent a year where no table has it, as 3.25: of a later year, or in Argentina for late payment.",
    ),
]
RequestOption = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]


@corrections.command("list")
def list_command(
    state: Annotated[State | None, typer.Option("--state", help="Only those of a state.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The corrections, the newest first."""
    with signed_in() as office, office.calling("billing"):
        request = pb.ListCorrectionsRequest(state=state or "")
        found: list[pb.Correction] = list(listed(_stub(office).ListCorrections, request, "corrections"))
    if as_json:
        print_json({"corrections": [plain(each) for each in found]})
        return
    rows = [
        (
            each.id,
            each.account_number,
            each.invoice_number,
            *_quantities(each),
            money(each.billed),
            money(each.corrected),
            each.rectifying_number or each.state,
        )
        for each in found
    ]
    columns = ("Id", "Account", "Invoice", "Measured then", "Known now", "Billed", "Corrected", "State")
    table("Corrections", columns, rows, numbers=columns[3:7])


@corrections.command("show")
def show(correction: CorrectionArgument, as_json: JsonOption = False) -> None:
    """One correction, and what approving it would do today."""
    with signed_in() as office, office.calling("billing"):
        answer = _stub(office).GetCorrection(pb.GetCorrectionRequest(correction_id=correction), timeout=PRICING_S)
        if not as_json:
            put_names(office, [answer.correction], "decided_by")
    if as_json:
        print_json(plain(answer))
        return
    _print(answer.correction)
    if answer.HasField("effect"):
        _print_effect(answer.effect)


@corrections.command("approve")
def approve(
    correction: CorrectionArgument,
    instalments: InstalmentsOption = 0,
    legal_interest: InterestOption = "",
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Issue the rectifying invoice of a correction. Refused when it comes to another amount than it showed."""
    with signed_in() as office, office.calling("billing"):
        request = pb.ApproveCorrectionRequest(
            correction_id=correction,
            instalments=instalments,
            legal_interest=legal_interest,
            request_id=request_id or new_id(),
        )
        answer = _stub(office).ApproveCorrection(request, timeout=PRICING_S)
        if not as_json:
            put_names(office, [answer.correction], "decided_by")
    if as_json:
        print_json(plain(answer))
        return
    _print(answer.correction)


@corrections.command("discard")
def discard(
    correction: CorrectionArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why nothing is issued; kept with it.")],
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Close a correction without an invoice."""
    with signed_in() as office, office.calling("billing"):
        request = pb.DiscardCorrectionRequest(correction_id=correction, why=reason, request_id=request_id or new_id())
        answer = _stub(office).DiscardCorrection(request)
        if not as_json:
            put_names(office, [answer.correction], "decided_by")
    if as_json:
        print_json(plain(answer))
        return
    _print(answer.correction)


def rectify(
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="Printed number or id.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it was wrong; printed on the rectifying invoice.")],
    substitution: Annotated[
        bool, typer.Option("--substitution", help="Issue the whole corrected invoice, and not only what changes.")
    ] = False,
    instalments: InstalmentsOption = 0,
    legal_interest: InterestOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do and issue nothing.")] = False,
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Price an invoice again with the data known today, and issue the rectifying invoice."""
    method = pb.RECTIFICATION_METHOD_SUBSTITUTION if substitution else pb.RECTIFICATION_METHOD_DIFFERENCE
    with signed_in() as office, office.calling("billing"):
        if dry_run:
            asked = pb.PreviewRectificationRequest(
                invoice=invoice,
                reason=reason,
                method=method,
                instalments=instalments,
                legal_interest=legal_interest,
            )
            effect = _stub(office).PreviewRectification(asked, timeout=PRICING_S).effect
            print_json({"effect": plain(effect), "dry_run": True}) if as_json else _print_effect(effect)
            return
        request = pb.RectifyInvoiceRequest(
            invoice=invoice,
            reason=reason,
            method=method,
            instalments=instalments,
            legal_interest=legal_interest,
            request_id=request_id or new_id(),
        )
        made = _stub(office).RectifyInvoice(request, timeout=PRICING_S)
    if as_json:
        print_json({"rectifying": plain(made), "dry_run": False})
        return
    facts(
        f"Rectifying invoice {made.number}",
        (("Rectifies", made.rectified_number), ("Total", money(made.total)), ("Id", made.invoice_id)),
    )


def _stub(office: Office) -> RectifyingServiceStub:
    return office.stub("billing", RectifyingServiceStub)


def _print(each: pb.Correction) -> None:
    facts(
        f"Correction of invoice {each.invoice_number}",
        (
            ("State", each.state),
            ("Account", each.account_number),
            ("Period", f"{each.period.start} to {each.period.end} (excluded)"),
            ("Found on", each.found_on),
            ("Energy billed", f"{each.billed_wh / 1000:.3f} kWh"),
            ("Energy known now", f"{each.known_wh / 1000:.3f} kWh"),
            *_water(each),
            ("Billed", money(each.billed)),
            ("Corrected", money(each.corrected)),
            ("Note", each.note),
            ("Rectifying invoice", each.rectifying_number),
            ("Decided by", each.decided_by),
            ("Decided at", instant(each.decided_at) if each.HasField("decided_at") else ""),
            ("Id", each.id),
        ),
    )


def _water(each: pb.Correction) -> tuple[tuple[str, str], ...]:
    """Where a meter counted any."""
    if not each.billed_litres and not each.known_litres:
        return ()
    return (
        ("Water billed", f"{Decimal(each.billed_litres) / 1000} m³"),
        ("Water known now", f"{Decimal(each.known_litres) / 1000} m³"),
    )


def _quantities(each: pb.Correction) -> tuple[str, str]:
    """What was billed and what is known: the energy where it changed, else the water."""
    if each.billed_litres != each.known_litres and each.billed_wh == each.known_wh:
        return f"{each.billed_litres / 1000:.3f} m³", f"{each.known_litres / 1000:.3f} m³"
    return f"{each.billed_wh / 1000:.3f} kWh", f"{each.known_wh / 1000:.3f} kWh"


def _print_effect(effect: pb.RectificationEffect) -> None:
    facts(
        f"What rectifying {effect.invoice_number} does",
        (
            ("Billed", money(effect.billed)),
            ("Corrected", money(effect.corrected)),
            ("Difference", money(effect.difference)),
            ("Interest paid back", money(effect.interest)),
            ("Most instalments", effect.most_instalments),
            ("Not possible", effect.blocked),
        ),
    )
    lines = [
        (line.description, line.period, line.quantity, line.unit_price, money(line.amount)) for line in effect.lines
    ]
    lines += [(tax.description, "", money(tax.base), tax.rate, money(tax.amount)) for tax in effect.taxes]
    columns = ("Concept", "Period", "Quantity", "Price", "Amount")
    table("What changes", columns, lines, numbers=columns[2:])
    if effect.instalments:
        parts = [(part.due_date, money(part.amount)) for part in effect.instalments]
        table("Instalments", ("Due", "Amount"), parts, numbers=("Amount",))
