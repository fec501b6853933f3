"""Who may see a supply's papers: staff all, services what their method allows, a member only supplies associated with them."""

from __future__ import annotations

from sqlalchemy import Connection

from services.billing.repository import read_model
from services.billing.repository.read_model import KnownSupply
from services.chassis.context import Principal
from services.chassis.errors import NotFound


def visible_supply(connection: Connection, caller: Principal, supply_id: str) -> KnownSupply:
    """The supply, or NotFound: somebody else's looks exactly like one that does not exist."""
    found = read_model.known_supply(connection, supply_id)
    if found is None or not may_see(connection, caller, supply_id):
        raise NotFound(f"There is no supply {supply_id!r} among yours.", "SUPPLY_NOT_FOUND")
    return found


def check_document(connection: Connection, caller: Principal, supply_id: str, what: str) -> None:
    """NotFound, naming `what` was asked for, unless the caller may see the supply it belongs to."""
    if not may_see(connection, caller, supply_id):
        raise no_document(what)


def no_document(what: str) -> NotFound:
    """The one answer for what does not exist and for what is somebody else's."""
    return NotFound(f"There is no {what}; look at the list of your supply.", "NO_DOCUMENT")


def may_see(connection: Connection, caller: Principal, supply_id: str) -> bool:
    """Whether the caller may see the papers of a supply."""
    if caller.kind == "member":
        return read_model.may_read(connection, caller.id, supply_id)
    return caller.kind in ("staff", "service")
