"""`coopctl admin retention`: what is kept how long and why, and taking away what is older."""

from __future__ import annotations

from typing import Any

import typer
from coop.common.v1 import retention_service_pb2 as pb
from coop.common.v1.retention_service_pb2_grpc import RetentionServiceStub

from services.staff.desk import signed_in
from services.staff.noting import noted
from services.staff.office import SERVICES, Office
from services.staff.plain import plain
from services.staff.show import JsonOption, instant, out, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="How long what is stored is kept, and taking away what is older.")

#: The first time, years are counted and taken away in small batches.
PATIENCE_S = 6 * 3600.0
WORDS = {"deleted": "deleted", "emptied": "emptied", "kept": "", "itself": "goes by itself"}


@app.command("plan")
def plan(as_json: JsonOption = False) -> None:
    """What each service keeps, how long and why, and what `apply` would take away now. Changes nothing."""
    with signed_in() as office:
        found = {service: _asked(office, service) for service in SERVICES}
    if as_json:
        print_json({service: [plain(each) for each in data] for service, data in found.items()})
        return
    rows = [
        (
            service,
            each.code,
            each.what,
            f"{each.days} days" if each.days else "for good",
            WORDS.get(each.how, each.how),
            each.old if each.HasField("before") else "",
            instant(each.before)[:10],
        )
        for service, data in found.items()
        for each in data
    ]
    columns = ("Service", "Code", "What", "Kept", "Then", "To go now", "Of before")
    table("What is kept", columns, rows, numbers=("To go now",))
    for service, data in found.items():
        for each in data:
            out.print(f"{service} {each.code}: {each.why}", style="dim", markup=False)


@app.command("apply")
def apply(as_json: JsonOption = False) -> None:
    """Take away what `plan` counts, in small batches, service by service. What is stopped goes on the next time."""
    done: dict[str, dict[str, int]] = {}
    with signed_in() as office:
        for service in SERVICES:
            removed = done.setdefault(service, {})
            with office.calling(service):
                stub = office.stub(service, RetentionServiceStub)
                for answer in stub.ApplyRetention(pb.ApplyRetentionRequest(), timeout=PATIENCE_S):
                    removed[answer.code] = removed.get(answer.code, 0) + answer.removed
        noted(office, "retention")
    if as_json:
        print_json({"removed": done})
        return
    rows: list[tuple[Any, ...]] = [
        (service, code, count) for service, removed in done.items() for code, count in sorted(removed.items())
    ]
    table("Taken away", ("Service", "Code", "How many"), rows, numbers=("How many",))
    if not rows:
        say("Nothing is older than it is kept.")


def _asked(office: Office, service: str) -> list[pb.KeptData]:
    with office.calling(service):
        stub = office.stub(service, RetentionServiceStub)
        return list(stub.GetRetention(pb.GetRetentionRequest(), timeout=PATIENCE_S).data)
