"""`coopctl dead-letters`: events a service could not handle, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated

import typer
from coop.common.v1 import operations_service_pb2 as pb

from services.chassis.errors import NotFound, Unavailable
from services.chassis.ids import new_id
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.office import SERVICES, Office
from services.staff.plain import plain
from services.staff.show import JsonOption, instant, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="Events that could not be handled.")

Service = StrEnum("Service", {name.upper(): name for name in SERVICES})  # type: ignore[misc]
ServiceOption = Annotated[Service | None, typer.Option("--service", help="Only this service; all when left out.")]
LetterArgument = Annotated[str, typer.Argument(metavar="ID", help="Id as 'dead-letters list' prints it.")]


@app.command("list")
def list_letters(
    service: ServiceOption = None,
    closed: Annotated[bool, typer.Option("--closed", help="Also those retried or discarded.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Events waiting for somebody to decide. A service that does not answer is named and the others are shown."""
    found: list[tuple[str, pb.DeadLetter]] = []
    silent: list[Unavailable] = []
    with signed_in() as office:
        for name in _asked(service):
            try:
                found += [(name, letter) for letter in _letters(office, name, closed)]
            except Unavailable as down:
                silent.append(down)
    if as_json:
        print_json({"dead_letters": [{"service": name, **plain(letter)} for name, letter in found]})
    else:
        rows = [
            (
                name,
                letter.id,
                instant(letter.failed_at),
                letter.event_type.rpartition(".")[2],
                letter.key,
                letter.state,
                letter.reason,
            )
            for name, letter in found
        ]
        table("Dead letters", ("Service", "Id", "Failed", "Event", "Key", "State", "Why"), rows)
    for unreachable in silent:
        say(unreachable.message)
    if silent:
        raise typer.Exit(1)


@app.command("retry")
def retry(letter: LetterArgument, service: ServiceOption = None, as_json: JsonOption = False) -> None:
    """Handle the event again, now that its cause is mended."""
    with signed_in() as office:
        request = pb.RetryDeadLetterRequest(id=letter, request_id=new_id())
        done = _on_its_service(
            office, letter, service, lambda name: office.operations(name).RetryDeadLetter(request).dead_letter
        )
    _print(done, as_json)


@app.command("discard")
def discard(
    letter: LetterArgument,
    why: Annotated[str, typer.Option("--why", help="The reason, which is kept.")],
    service: ServiceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give the event up for good."""
    with signed_in() as office:
        request = pb.DiscardDeadLetterRequest(id=letter, why=why, request_id=new_id())
        done = _on_its_service(
            office, letter, service, lambda name: office.operations(name).DiscardDeadLetter(request).dead_letter
        )
    _print(done, as_json)


def _asked(service: Service | None) -> tuple[str, ...]:
    return (service.value,) if service else SERVICES


def _letters(office: Office, service: str, closed: bool) -> Iterator[pb.DeadLetter]:
    request = pb.ListDeadLettersRequest(include_closed=closed)
    with office.calling(service):
        yield from listed(office.operations(service).ListDeadLetters, request, "dead_letters")


def _on_its_service(
    office: Office, letter: str, service: Service | None, action: Callable[[str], pb.DeadLetter]
) -> tuple[str, pb.DeadLetter]:
    """Does it at the service that has the letter: ids are unique, so the others answer that they have none."""
    for name in _asked(service):
        try:
            with office.calling(name):
                return name, action(name)
        except NotFound:
            continue
    where = service.value if service else "any service"
    raise NotFound(f"There is no dead letter {letter} at {where}: 'coopctl dead-letters list' shows those there are.")


def _print(done: tuple[str, pb.DeadLetter], as_json: bool) -> None:
    service, letter = done
    if as_json:
        print_json({"dead_letter": {"service": service, **plain(letter)}})
    else:
        say(f"Dead letter {letter.id} of {service} is {letter.state}.")
