"""Reading supplies: the office all of them, a member those that were granted."""

from collections.abc import Iterable

from coop.supplies.v1 import supplies_pb2 as pb
from sqlalchemy import ColumnElement, Connection, or_

from services.chassis.context import Principal
from services.chassis.db import RequestKey
from services.chassis.errors import NotFound
from services.chassis.paging import decode_token, encode_token, page_size
from services.supplies import access_repository, repository
from services.supplies.application.core import Core
from services.supplies.domain.cups import cups_key
from services.supplies.domain.documents import compact
from services.supplies.domain.model import Supply
from services.supplies.messages import supply_message
from services.supplies.tables import member, supply


def list_supplies(core: Core, *, query: str, size: int, page_token: str) -> tuple[list[pb.Supply], str]:
    """A page of supplies by account number for the office, documents masked, and the token of the next page or ""."""
    limit = page_size(size)
    key = decode_token(page_token, 1)
    conditions: list[ColumnElement[bool]] = [supply.c.account_number > key[0]] if key else []
    if query.strip():
        conditions.append(_matches(query))
    with core.database.read() as connection:
        found = repository.supplies_where(connection, *conditions, limit=limit + 1)
        page = found[:limit]
        more = encode_token(page[-1].account_number) if len(found) > limit else ""
        return _messages(connection, page), more


def _matches(query: str) -> ColumnElement[bool]:
    """Account number, CUPS, member number, document, or part of a name."""
    text = query.strip()
    number = compact(text)
    pattern = repository.fold(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    holders = member.c.id == supply.c.member_id
    holder = or_(
        member.c.number == text,
        member.c.document == number,
        member.c.name_folded.like(f"%{pattern}%", escape="\\"),
    )
    return or_(
        supply.c.account_number == text,
        supply.c.cups_key == (cups_key(number) if len(number) >= 20 else number),
        member.select().with_only_columns(member.c.id).where(holders, holder).exists(),
    )


def get_supply(core: Core, principal: Principal, *, reference: str) -> pb.Supply:
    """A supply by id; for staff also by account number or CUPS. Raises NotFound, in the same words for what is not the caller's."""
    with core.database.read() as connection:
        found = find_supply(connection, principal, reference)
        relation = ""
        if principal.kind == "member":
            relation = access_repository.relation_to(connection, principal.id, found.id)
            if not relation:
                raise unknown_supply(reference)
        return _messages(connection, [found], {found.id: relation})[0]


def find_supply(connection: Connection, principal: Principal, reference: str) -> Supply:
    """A supply by id; for staff also by account number or CUPS. Says nothing of who may read it. Raises NotFound."""
    wanted = reference.strip()
    by_id: list[ColumnElement[bool]] = [supply.c.id == wanted]
    if principal.kind == "staff":
        by_id.append(supply.c.account_number == wanted)
        if len(compact(wanted)) >= 20:
            by_id.append(supply.c.cups_key == cups_key(compact(wanted)))
    found = repository.supplies_where(connection, or_(*by_id)) if wanted else []
    if not found:
        raise unknown_supply(reference)
    return found[0]


def my_supplies(core: Core, principal: Principal, *, size: int, page_token: str) -> tuple[list[pb.Supply], str, str]:
    """A page of what the member may read, the id of the current supply, and the token of the next page or ""."""
    limit = page_size(size)
    key = decode_token(page_token, 1)
    with core.database.read() as connection:
        granted = access_repository.granted_page(connection, principal.id, key[0] if key else "", limit + 1)
        relations = dict(granted[:limit])
        found = repository.supplies_where(connection, supply.c.id.in_(list(relations)))
        more = encode_token(found[-1].account_number) if len(granted) > limit else ""
        current = access_repository.current(connection, principal.id)
        return _messages(connection, found, relations), current, more


def set_current(core: Core, key: RequestKey, principal: Principal, *, supply_id: str) -> None:
    """Chooses the supply that pages show first. Raises NotFound for one the member may not read."""

    def act() -> str:
        if not access_repository.relation_to(tx.connection, principal.id, supply_id):
            raise unknown_supply(supply_id)
        access_repository.choose(tx, principal.id, supply_id)
        return supply_id

    with core.database.write() as tx:
        tx.once(key, act)


def _messages(
    connection: Connection, supplies: Iterable[Supply], relations: dict[str, str] | None = None
) -> list[pb.Supply]:
    found = list(supplies)
    holders = repository.members_by_id(connection, {each.member_id for each in found})
    said = []
    for each in found:
        relation = (relations or {}).get(each.id, "")
        said.append(supply_message(each, holders[each.member_id], masked=relation != "holder", relation=relation))
    return said


def unknown_supply(reference: str) -> NotFound:
    return NotFound(f"There is no supply {reference.strip()!r}: check the number.", "SUPPLY_NOT_FOUND")
