"""What surrounds a member's page: navigation, the supply bar, and the calls that every such page needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from coop.supplies.v1 import supplies_service_pb2 as supplies
from flask import current_app, render_template, url_for
from flask_babel import gettext as _

from services.chassis.clock import Clock
from services.chassis.errors import NotFound
from services.chassis.profile import Profile
from services.gateway import session
from services.gateway.compose.fanout import Asked, Fanout, Part
from services.gateway.compose.supplies import MySupplies, SupplyView, my_supplies

MANY = 100
"""Supplies asked for at once: more than any person has."""


def profile() -> Profile:
    """The cooperative this gateway speaks for."""
    return cast(Profile, current_app.extensions["coop.profile"])


def zone() -> ZoneInfo:
    return profile().tz


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return cast(Clock, current_app.extensions["coop.clock"]).now()


def today() -> date:
    """The civil date where the cooperative is."""
    return now().astimezone(zone()).date()


@dataclass(frozen=True)
class Entry:
    """A line of the navigation."""

    key: str
    label: str
    url: str
    count: int = 0


class SupplyPage:
    """A page under /s/<supply_id>/: its fan-out, with the list of supplies already on its way."""

    def __init__(self, supply_id: str, section: str) -> None:
        self.supply_id = supply_id
        self.section = section
        self.fanout: Fanout = session.fanout()
        self._mine: Asked[MySupplies] = ask_my_supplies(self.fanout)
        self.fanout.arrives = lambda: self.supply() is not None

    def render(self, template: str, **values: Any) -> str:
        """The page. Raises NotFound when the supply is known not to be the reader's; when nobody can tell, the page
        still renders, for the services that own its parts have checked by themselves."""
        mine = self._mine.part()
        supply = mine.value.find(self.supply_id) if mine.value else None
        if mine.ok and supply is None:
            raise NotFound("There is no such supply among yours.")
        return render_template(
            template,
            supply=supply,
            supply_id=self.supply_id,
            mine=mine.value,
            mine_missing=not mine.ok,
            section=self.section,
            nav=navigation(self.supply_id),
            **values,
        )

    def supply(self) -> SupplyView | None:
        mine: Part[MySupplies] = self._mine.part()
        return mine.value.find(self.supply_id) if mine.value else None


def ask_my_supplies(fanout: Fanout) -> Asked[MySupplies]:
    """Ask for the member's supplies."""
    return fanout.ask(
        session.upstream().supplies.ListMySupplies,
        supplies.ListMySuppliesRequest(page_size=MANY),
        lambda answer: my_supplies(answer.supplies, answer.current_supply_id),
    )


def my_navigation(mine: Asked[MySupplies] | None = None) -> list[Entry]:
    """The navigation of a page about the person: with the pages of the current supply, when it can be known now."""
    found = (mine or ask_my_supplies(session.fanout())).part().value
    return navigation(found.start_id if found else "")


def navigation(supply_id: str = "") -> list[Entry]:
    """The main navigation of a signed-in member; the pages of a supply only when there is one."""
    entries = []
    if supply_id:
        entries = [
            Entry("home", _("Home"), url_for("home.show", supply_id=supply_id)),
            Entry("consumption", _("Consumption"), url_for("consumption.index", supply_id=supply_id)),
            Entry("invoices", _("Invoices"), url_for("invoices.index", supply_id=supply_id)),
            Entry("certificates", _("Certificates"), url_for("certificates.index", supply_id=supply_id)),
        ]
    else:
        entries = [Entry("supplies", _("My supplies"), url_for("supplies.index"))]
    return [
        *entries,
        Entry("notices", _("Notices"), url_for("notices.index")),
        Entry("account", _("My account"), url_for("account.show")),
    ]
