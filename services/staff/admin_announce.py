"""`coopctl admin announce`: a service tells again how what it owns is, for readers that have lost their copy."""

from __future__ import annotations

from typing import Annotated

import typer
from coop.common.v1 import announcing_service_pb2 as pb
from coop.common.v1.announcing_service_pb2_grpc import AnnouncingServiceStub

from services.staff.desk import signed_in
from services.staff.office import SERVICES
from services.staff.show import JsonOption, print_json, table

#: A registry of a million supplies is told in batches of two hundred.
PATIENCE_S = 6 * 3600.0


def announce(
    service: Annotated[str, typer.Argument(help="Whose states: identity or supplies.", metavar="SERVICE")],
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", help="Of this kind alone, such as members; may be given again.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell again the present state of all that a service owns: for a reader whose database began empty, once the events
    that it would have to read are older than they are kept. Readers that have it already change nothing."""
    if service not in SERVICES:
        raise typer.BadParameter(f"{service!r} is no service: say one of {', '.join(SERVICES)}.")
    told: dict[str, pb.AnnounceStateResponse] = {}
    with signed_in() as office, office.calling(service):
        stub = office.stub(service, AnnouncingServiceStub)
        for answer in stub.AnnounceState(pb.AnnounceStateRequest(kinds=kinds or []), timeout=PATIENCE_S):
            told[answer.kind] = answer
    if as_json:
        print_json({"announced": {kind: one.announced for kind, one in told.items()}})
        return
    rows = [(kind, one.announced, one.topic) for kind, one in told.items()]
    table("Announced", ("What", "How many", "Topic"), rows, numbers=("How many",))
